// Shipped rules about what is lost unless somebody acts: pages, certificates and the agent's own history. Each with
// the false alarm it must not give.
#include <fstream>

#include "tests/e2e/daemon/rule_scene.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend::test;

namespace {

std::unique_ptr<PgCluster> with_checksums(std::map<std::string, std::string> settings) {
  auto options = RuleScene::with(std::move(settings));
  options.start = false;
  auto cluster = std::make_unique<PgCluster>(options);
  SpawnOptions as_postgres;
  as_postgres.as_postgres = true;
  must_run({pg_program(0, "pg_checksums").string(), "--enable", "-N", "-D", cluster->data_dir().string()}, as_postgres);
  cluster->start();
  return cluster;
}

// Other bytes than were written, in the middle of the table's first page.
void damage(PgCluster& cluster, const std::string& table) {
  const auto file = cluster.exec("postgres", "select pg_relation_filepath('" + table + "')");
  cluster.stop();
  std::fstream page(cluster.data_dir() / file, std::ios::in | std::ios::out | std::ios::binary);
  page.seekp(8'000);
  page << "garbage";
  page.close();
  REQUIRE(page);
  cluster.start();
}

}  // namespace

TEST_CASE("PgChecksumFailure tells of what was met lately, and PgCacheHitLow of a working set, not of one look") {
  RuleScene scene(with_checksums({{"shared_buffers", "1MB"}}), {"database"}, "");
  scene.cluster.exec("postgres",
                     "create table one as select g from generate_series(1, 100) g;"
                     "create table wide as select g, repeat('x', 1900) as filler from generate_series(1, 12000) g");
  damage(scene.cluster, "one");
  const auto read_one = [&] { return scene.cluster.session().sqlstate_of("select count(*) from one"); };
  const auto read_wide = [&](int times) {
    auto session = scene.cluster.session();
    for (int i = 0; i < times; ++i) session.exec("select count(*) from wide");
  };
  REQUIRE(read_one() == "XX001");
  scene.start_seeing("pg_stat_database_blks_read{datname=\"postgres\"}");
  read_wide(1);
  scene.must_stay_quiet("PgChecksumFailure", "pgtend_database_checksum_failures_total{datname=\"postgres\"} >= 1");
  scene.must_stay_quiet("PgCacheHitLow", "increase(pg_stat_database_blks_read{datname=\"postgres\"}[15m]) > 2000");
  REQUIRE(read_one() == "XX001");
  scene.must_fire("PgChecksumFailure");
  for (const auto& labels : scene.firing("PgChecksumFailure")) CHECK(labels["datname"] == "postgres");
  read_wide(50);
  scene.must_fire("PgCacheHitLow");
  for (const auto& labels : scene.firing("PgCacheHitLow")) CHECK(labels["datname"] == "postgres");
}

TEST_CASE("TlsCertificateExpires warns of a server's last ten days and ends when its certificate is renewed") {
  PgClusterOptions options;
  options.tls = true;
  options.certificate_days = 10;
  RuleScene scene(std::make_unique<PgCluster>(options), {"self"}, "");
  scene.daemon.set("postgresql", "  host: localhost\n  port: " + std::to_string(scene.cluster.port()) +
                                     "\n  user: postgres\n  sslmode: require\n");
  scene.daemon.start();
  scene.must_fire("TlsCertificateExpires");
  const auto labels = scene.firing("TlsCertificateExpires");
  REQUIRE(labels.size() == 1);
  CHECK(labels.front()["peer"] == "postgresql");
  CHECK(labels.front()["severity"] == "warning");

  options.start = false;
  options.certificate_days = 30;
  const PgCluster renewed(options);
  const auto &from = renewed.certificates(), &to = scene.cluster.certificates();
  write_file(to.server_certificate, read_file(from.server_certificate));
  write_file(to.server_key, read_file(from.server_key));
  scene.cluster.reload();
  // A session has the certificate that it was opened with.
  scene.cluster.exec("postgres",
                     "select pg_terminate_backend(pid) from pg_stat_activity "
                     "where backend_type = 'client backend' and pid <> pg_backend_pid()");
  REQUIRE(eventually([&] { return scene.firing("TlsCertificateExpires").empty(); }, kSoon));
  scene.must_stay_quiet("TlsCertificateExpires",
                        "pgtend_certificate_not_after_timestamp_seconds - time() > 29 * 86400");
}

TEST_CASE("a history that is damaged, replaced or not written is told, one that was cut short by kill -9 is not") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"collection", "  intervals: {identity: 500ms, self: 500ms}\n  budget: {cpu_ratio: 1.0}\n"}});
  write_file(daemon.path("rules/host.yaml"),
             without_waits(read_file(std::string(source_dir()) + "/alerts/rules/host.yaml")));
  const auto file = daemon.path("history.db");
  // Of the rules about history.
  const auto told = [&]() -> std::set<std::string> {
    std::set<std::string> out;
    const auto alerts = daemon.get("/v1/alerts");
    if (!alerts) return out;
    for (const auto& alert : (*alerts)["items"])
      if (alert["state"] == "firing" && alert["rule"].get<std::string>().starts_with("PgtendHistory"))
        out.insert(alert["rule"].get<std::string>());
    return out;
  };
  const auto tells = [&](const std::set<std::string>& rules) {
    const bool all = eventually([&] { return told() == rules; }, kSoon);
    INFO(Json(told()).dump());
    CHECK(all);
  };
  const auto sees = [&](const std::string& expr) {
    INFO(expr);
    REQUIRE(eventually([&] { return !daemon.query(expr).empty(); }, kSoon));
  };
  daemon.start();
  sees("count_over_time(pgtend_history_written[1m]) > 1");
  daemon.kill();
  daemon.start();
  sees("pgtend_history_written == 1");
  rounds_pass(daemon);
  CHECK(told().empty());

  daemon.kill();
  must_run({"sqlite3", file.string(), "UPDATE head SET crc = crc + 1 WHERE id = (SELECT min(id) FROM head)"});
  daemon.start();
  tells({"PgtendHistoryDamaged"});

  daemon.stop();
  write_file(file, std::string(8'192, 'x'));
  daemon.start();
  tells({"PgtendHistoryReplaced"});

  daemon.stop();
  must_run({"sqlite3", file.string(), "PRAGMA user_version = 99"});
  daemon.start();
  tells({"PgtendHistoryNotWritten"});
}
