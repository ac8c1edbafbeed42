// The collector of a pooler against the PgBouncer of Debian 12 and of Debian 13.
#include <algorithm>

#include "agent/engine/neighbour.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"

using namespace pgtend;
using namespace pgtend::test;
using engine::NeighbourAnswer;

namespace {

class Asker {
 public:
  explicit Asker(config::PgbouncerConfig config) : timeout_(config.timeout) {
    neighbour_ = engine::make_pgbouncer(config, world_.blocking(), clock_);
  }
  Result<NeighbourAnswer> ask() {
    auto answer = world_.run(neighbour_->ask(clock_.steady_now() + timeout_));
    if (!answer) neighbour_->hang_up();
    return answer;
  }

 private:
  IoWorld world_;
  SystemClock clock_;
  Millis timeout_;
  std::unique_ptr<engine::Neighbour> neighbour_;
};

config::PgbouncerConfig section(const PgBouncerProcess& bouncer) {
  config::PgbouncerConfig out;
  out.host = "127.0.0.1";
  out.port = bouncer.port();
  out.timeout = Millis(5'000);
  return out;
}

double value(const NeighbourAnswer& answer, const std::string& name, const std::string& database) {
  for (const auto& sample : answer.samples)
    if (sample.key->name == name &&
        (sample.key->labels.get("database") == database || sample.key->labels.get("name") == database))
      return sample.value;
  return -1;
}

std::uint64_t epoch_of(const NeighbourAnswer& answer) {
  for (const auto& sample : answer.samples)
    if (sample.kind == MetricKind::counter) return sample.epoch;
  return 0;
}

}  // namespace

TEST_CASE("the figures of a pooler are those of what clients did through it") {
  const bool newer = GENERATE(false, true);
  CAPTURE(newer);
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster, {"session", {{"default_pool_size", "1"}}, newer});
  cluster.exec("postgres", "CREATE DATABASE shop");
  Asker asker(section(bouncer));
  auto holder = std::make_unique<PgSession>(bouncer.conninfo("shop"));
  for (int i = 0; i < 5; ++i) holder->exec("SELECT 1");
  const auto alone = asker.ask();
  REQUIRE(alone);
  CHECK(value(*alone, "pgbouncer_stats_queries_pooled_total", "shop") == 5);
  CHECK(value(*alone, "pgbouncer_stats_sql_transactions_pooled_total", "shop") == 5);
  CHECK(value(*alone, "pgbouncer_pools_client_waiting_connections", "shop") == 0);
  // The one server connection is taken: this one waits for it.
  PgSession late(bouncer.conninfo("shop"));
  late.send("SELECT 2");
  std::optional<NeighbourAnswer> seen;
  CHECK(eventually([&] {
    auto answer = asker.ask();
    REQUIRE(answer);
    seen = std::move(*answer);
    return value(*seen, "pgbouncer_pools_client_waiting_connections", "shop") == 1 &&
           value(*seen, "pgbouncer_pools_client_maxwait_seconds", "shop") > 0;
  }));
  CHECK_THAT(seen->version, Catch::Matchers::StartsWith(newer ? "1.24." : "1."));
  // What 1.23 and 1.24 count more, and nothing of it where they do not.
  CHECK(value(*seen, "pgbouncer_stats_server_assignments_total", "shop") == (newer ? 1 : -1));
  CHECK(value(*seen, "pgbouncer_stats_client_parses_total", "shop") == (newer ? 0 : -1));
  CHECK(value(*seen, "pgbouncer_databases_current_client_connections", "shop") == (newer ? 2 : -1));
  CHECK(value(*seen, "pgbouncer_databases_reserve_pool", "shop") == 0);
  CHECK(seen->lost.empty());
  CHECK(value(*seen, "pgbouncer_pools_server_active_connections", "shop") == 1);
  CHECK(value(*seen, "pgbouncer_databases_pool_size", "shop") == 1);
  CHECK(value(*seen, "pgbouncer_databases_current_connections", "shop") == 1);
  CHECK(value(*seen, "pgbouncer_config_default_pool_size", "") == 1);
  holder.reset();
  late.finish();
  CHECK(eventually([&] {
    auto answer = asker.ask();
    return answer && value(*answer, "pgbouncer_stats_queries_pooled_total", "shop") == 6;
  }));
}

TEST_CASE("a pooler that is gone is unavailable, and one that is back answers in the same run, in a new epoch") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  Asker asker(section(bouncer));
  const auto before = asker.ask();
  REQUIRE(before);
  // An open session is used again.
  const auto same = asker.ask();
  REQUIRE(same);
  CHECK(epoch_of(*same) == epoch_of(*before));
  bouncer.stop();
  bouncer.start();
  // The session of before is lost, which alone is no failure.
  const auto after = asker.ask();
  REQUIRE(after);
  CHECK(epoch_of(*after) != epoch_of(*before));
  bouncer.stop();
  const auto gone = asker.ask();
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Errc::unavailable);
}

TEST_CASE("a wrong password and a user who may not look are told apart from a pooler that is away, with the cure") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster, {"transaction", {{"auth_type", "md5"}}});
  // Password "right" of pgtend_monitor and of app, who is in neither list.
  bouncer.set_users({{"pgtend_monitor", "right"}, {"app", "right"}});
  TempDir dir("pgtend-pass-");
  const auto with = [&](const std::string& user, const std::string& password) {
    write_file(dir.path() / "pass", "*:*:*:*:" + password + "\n");
    std::filesystem::permissions(dir.path() / "pass", std::filesystem::perms(0600));
    auto config = section(bouncer);
    config.user = user;
    config.passfile = (dir.path() / "pass").string();
    return Asker(config).ask();
  };
  CHECK(with("pgtend_monitor", "right"));
  const auto wrong = with("pgtend_monitor", "wrong");
  REQUIRE_FALSE(wrong);
  INFO(wrong.error().describe());
  CHECK(wrong.error().code == Errc::permission);
  CHECK(wrong.error().describe().find("wrong\"") == std::string::npos);
  const auto app = with("app", "right");
  REQUIRE_FALSE(app);
  CHECK(app.error().code == Errc::permission);
  CHECK(app.error().message.find("add app to stats_users in pgbouncer.ini") != std::string::npos);
}

TEST_CASE("a pooler that stands still is late within the deadline") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  auto config = section(bouncer);
  config.timeout = Millis(500);
  Asker asker(config);
  REQUIRE(asker.ask());
  bouncer.process().signal(SIGSTOP);
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = asker.ask();
  const auto took = std::chrono::steady_clock::now() - begun;
  bouncer.process().signal(SIGCONT);
  REQUIRE_FALSE(answer);
  CHECK((answer.error().code == Errc::timeout || answer.error().code == Errc::unavailable));
  // The deadline, and what a cancellation may take.
  CHECK(took < std::chrono::seconds(8));
  CHECK(eventually([&] { return asker.ask().has_value(); }));
}

TEST_CASE("a pooler's console is asked over TLS, and one with a certificate of another authority is refused") {
  PgClusterOptions with_tls;
  with_tls.tls = true;
  PgCluster cluster(with_tls), stranger(with_tls);
  const auto& files = cluster.certificates();
  const bool newer = GENERATE(false, true);
  CAPTURE(newer);
  PgBouncerProcess bouncer(cluster, {"transaction",
                                     {{"client_tls_sslmode", "require"},
                                      {"client_tls_cert_file", files.server_certificate.string()},
                                      {"client_tls_key_file", files.server_key.string()}},
                                     newer});
  auto config = section(bouncer);
  config.sslmode = "verify-full";
  config.sslrootcert = files.ca.string();
  const auto answer = Asker(config).ask();
  REQUIRE(answer);
  REQUIRE(answer->certificate_not_after);
  const auto days =
      std::chrono::duration_cast<std::chrono::hours>(*answer->certificate_not_after - std::chrono::system_clock::now())
          .count() /
      24.0;
  CHECK(days > with_tls.certificate_days - 2);
  CHECK(days <= with_tls.certificate_days);
  config.sslrootcert = stranger.certificates().ca.string();
  const auto refused = Asker(config).ask();
  REQUIRE_FALSE(refused);
  INFO(refused.error().describe());
  CHECK(refused.error().message.find("certificate verify failed") != std::string::npos);
  config.sslmode = "disable";
  CHECK_FALSE(Asker(config).ask());
}
