// How the agent samples: what it leaves behind in databases, and what is known between two samples and across a
// restart.
#include <algorithm>

#include "agent/base/strings.hpp"
#include "tests/e2e/daemon/rule_scene.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend::test;

namespace {

std::string collection(const Daemon& daemon, const std::string& intervals) {
  return "  directory: " + daemon.path("collectors.d").string() + "\n  intervals: {identity: 500ms, " + intervals +
         "}\n  budget: {cpu_ratio: 1.0}\n";
}

std::string fired_at(const RuleScene& scene, const std::string& rule) {
  const auto alerts = scene.daemon.get("/v1/alerts");
  if (!alerts) return {};
  for (const auto& alert : (*alerts)["items"])
    if (alert["rule"] == rule && alert["state"] == "firing") return alert["fired_at"].get<std::string>();
  return {};
}

bool swept(const Daemon& daemon, const std::string& database) {
  const auto status = daemon.get("/v1/status");
  if (!status) return false;
  return std::ranges::any_of((*status)["item"]["collectors"], [&](const Json& one) {
    return one["name"] == "tables" && one["database"] == database && one["status"] == "ok";
  });
}

}  // namespace

TEST_CASE("between two sweeps the agent has no session in a database: it can be copied and dropped") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  Daemon daemon(cluster, {{"advisors", "  interval: 10s\n"}});
  daemon.start();
  REQUIRE(eventually([&] { return swept(daemon, "shop"); }, kSoon));
  REQUIRE(eventually(
      [&] { return cluster.exec("postgres", "select count(*) from pg_stat_activity where datname = 'shop'") == "0"; },
      kSoon));
  cluster.exec("postgres", "CREATE DATABASE copy TEMPLATE shop");
  cluster.exec("postgres", "DROP DATABASE shop");
}

TEST_CASE("where others have sessions the agent's own stays, and is gone before a DROP DATABASE gives up") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  auto user = std::make_unique<PgSession>(cluster.session("shop"));
  Daemon daemon(cluster);
  daemon.set("collection", collection(daemon, "tables: 1s"));
  daemon.start();
  REQUIRE(eventually([&] { return swept(daemon, "shop"); }, kSoon));
  const auto where = [](const std::string& what) {
    return " FROM pg_stat_activity WHERE datname = 'shop' AND application_name LIKE 'pgtend/%' AND " + what;
  };
  const auto pid = cluster.exec("postgres", "SELECT pid" + where("application_name <> 'pgtend/advise'"));
  const auto at_work = "SELECT query_start > backend_start + interval '4 s'" + where("pid = " + pid);
  REQUIRE(eventually([&] { return cluster.exec("postgres", at_work) == "t"; }, kSoon));
  user.reset();
  cluster.exec("postgres", "DROP DATABASE shop");
}

TEST_CASE("status names the rights that are missing in each database, and forgets them with it") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE pgtend_monitor LOGIN");
  cluster.exec("postgres", "CREATE ROLE bob");
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec("shop", "CREATE TABLE orders (id int); ALTER TABLE orders OWNER TO bob");
  cluster.exec("postgres", "CREATE DATABASE hidden");
  cluster.exec("postgres", "REVOKE CONNECT ON DATABASE hidden FROM public");
  Daemon daemon(cluster);
  daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                               "\n  user: pgtend_monitor\n  connect_timeout: 2s\n");
  daemon.start();
  const auto cure = [&](const std::string& name, const std::string& database) {
    const auto status = daemon.get("/v1/status");
    if (!status) return std::string("no answer");
    for (const auto& one : (*status)["item"]["capabilities"])
      if (one["name"] == name && one["database"] == database && !one["present"].get<bool>())
        return one["cure"].get<std::string>();
    return std::string();
  };
  REQUIRE(eventually([&] { return cure("act_as:bob", "shop") == "GRANT \"bob\" TO \"pgtend_monitor\";"; }, kSoon));
  CHECK(cure("connect:hidden", "") == "GRANT CONNECT ON DATABASE \"hidden\" TO \"pgtend_monitor\";");
  CHECK(daemon.cli({"status"}).output.find("act_as:bob") != std::string::npos);
  REQUIRE(eventually(
      [&] { return cluster.exec("postgres", "select count(*) from pg_stat_activity where datname = 'shop'") == "0"; },
      kSoon));
  cluster.exec("postgres", "DROP DATABASE shop");
  if (!eventually([&] { return cure("act_as:bob", "shop") == "GRANT \"bob\" TO \"pgtend_monitor\";"; }, kSoon))
    std::cerr << (*daemon.get("/v1/status"))["item"]["capabilities"].dump(1) << daemon.log();
  REQUIRE(eventually([&] { return cure("act_as:bob", "shop").empty(); }, std::chrono::seconds(60)));
}

TEST_CASE("what is sampled more seldom than promql.lookback is there between two samples") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"promql", "  lookback: 1s\n"}});
  daemon.set("collection", collection(daemon, "database_size: 4s, transactions: 500ms"));
  daemon.start();
  REQUIRE(
      eventually([&] { return !daemon.query("max(timestamp(pg_database_size_bytes)) < time() - 2").empty(); }, kSoon));
  // What stops coming is not seen for longer than the rest.
  CHECK(daemon.query("max(timestamp(pg_up)) < time() - 2").empty());
}

TEST_CASE("a collector that failed before a restart goes on failing until it is seen to work, and so does its alert") {
  RuleScene scene({}, {"self"});
  std::filesystem::create_directories(scene.daemon.path("collectors.d"));
  const auto collector = [&](const std::string& sql) {
    write_file(scene.daemon.path("collectors.d/mine.yaml"),
               "interval: 500ms\nsql: " + sql + "\ncolumns: [{column: n, metric: pgtend_mine, help: Mine.}]\n");
  };
  collector("select 1/0 as n");
  // As an agent leaves it that saw the failure: of a collector that asks the server it is judged after 90 s only.
  const auto before = scene.daemon.path("before.csv");
  const auto minutes_ago = pgtend::from_ms(pgtend::to_ms(pgtend::SystemClock().now()) - 600'000);
  write_file(before, "metric,labels,time,value\npgtend_collector_up,\"{collector=\"\"mine\"\",datname=\"\"\"\"}\"," +
                         pgtend::to_rfc3339(minutes_ago) + ",0\n");
  const auto imported =
      scene.daemon.cli({"history", "import", before.string(), "--to", scene.daemon.path("history.db").string()});
  INFO(imported.output);
  REQUIRE(imported.status == 0);
  scene.daemon.start();
  scene.must_fire("PgCollectorFailing");
  CHECK(scene.firing("PgCollectorFailing").front()["collector"] == "mine");
  const auto since = fired_at(scene, "PgCollectorFailing");
  scene.daemon.kill();
  scene.daemon.start();
  scene.must_stay_quiet("PgDown", "timestamp(pgtend_collector_up{collector=\"mine\"}) > time() - 2");
  CHECK(fired_at(scene, "PgCollectorFailing") == since);
  collector("select 1 as n");
  scene.daemon.hang_up();
  REQUIRE(eventually([&] { return scene.firing("PgCollectorFailing").empty(); }, kSoon));
}

TEST_CASE("every metric of the agent's page is in the documentation") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  // The slowest of what runs at the start, and what the alerts say of themselves.
  REQUIRE(eventually(
      [&] {
        const auto page = daemon.metrics();
        return page.find("\npgtend_database_size_bytes") != std::string::npos &&
               page.find("\npgtend_backend_cpu_seconds_total") != std::string::npos &&
               page.find("\npgtend_outbox_queued") != std::string::npos;
      },
      std::chrono::seconds(60)));
  const auto documented = read_file(std::filesystem::path(source_dir()) / "docs/metrics.md");
  std::vector<std::string> missing;
  for (const auto& line : pgtend::split(daemon.metrics(), '\n')) {
    if (!line.starts_with("# TYPE pgtend_")) continue;
    const auto name = line.substr(7, line.find(' ', 7) - 7);
    if (documented.find("`" + name + "`") == std::string::npos) missing.push_back(name);
  }
  CHECK(missing == std::vector<std::string>{});
}

TEST_CASE("a large file of statement texts is not read for the text of one statement") {
  const bool on_host = GENERATE(true, false);
  CAPTURE(on_host);
  PgClusterOptions options;
  options.settings = {{"shared_preload_libraries", "pg_stat_statements"}, {"log_statement", "all"}};
  PgCluster cluster(options);
  cluster.exec("postgres", "CREATE EXTENSION pg_stat_statements");
  {
    auto session = cluster.session();
    session.exec("SET log_statement = none");
    const std::string megabyte(1 << 20, 'x');
    // Statements with another number of columns are other statements.
    std::string columns = "1";
    for (int i = 0; i < 70; ++i, columns += ", 1") session.exec("SELECT /* " + megabyte + " */ " + columns);
  }
  // Without the host's files the server is asked.
  Daemon daemon(cluster, {{"host", on_host ? "  enabled: true\n" : "  enabled: false\n"}});
  daemon.start();
  const auto detail = [&]() -> std::string {
    const auto status = daemon.get("/v1/status");
    if (!status) return {};
    for (const auto& one : (*status)["item"]["collectors"])
      if (one["name"] == "statements" && one["status"] == "ok") return one["detail"].get<std::string>();
    return {};
  };
  REQUIRE(eventually([&] { return !detail().empty(); }, kSoon));
  CHECK(detail().find("the server would read 70") != std::string::npos);
  CHECK(detail().find("pg_stat_statements_reset()") != std::string::npos);
  CHECK(cluster.log().find("int8[]") == std::string::npos);
  // It is when the file is small.
  daemon.stop();
  cluster.exec("postgres", "SELECT pg_stat_statements_reset()");
  daemon.start();
  CHECK(eventually([&] { return cluster.log().find("int8[]") != std::string::npos; }, kSoon));
  CHECK(detail().empty());
}

TEST_CASE("a database that is in the catalog and cannot be entered is left alone for a while") {
  PgClusterOptions options;
  options.settings = {{"allow_system_table_mods", "on"}};
  PgCluster cluster(options);
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec("postgres",
               "SELECT * INTO TEMP one FROM pg_database WHERE datname = 'shop';"
               "UPDATE one SET oid = 99999, datname = 'broken'; INSERT INTO pg_database SELECT * FROM one");
  Daemon daemon(cluster);
  daemon.set("collection", collection(daemon, "tables: 500ms, indexes: 500ms"));
  daemon.start();
  const auto runs = [&](const std::string& database) {
    const auto status = daemon.get("/v1/status");
    std::size_t out = 0;
    if (status)
      for (const auto& one : (*status)["item"]["collectors"])
        if (one["database"] == database && one["status"] == "ok") ++out;
    return out;
  };
  const auto tries = [&] { return count_of(cluster.log(), "database \"broken\" does not exist"); };
  REQUIRE(eventually([&] { return tries() > 0 && runs("shop") > 3; }, kSoon));
  const auto before = tries();
  // A hundred statements later.
  const auto statements = [&] {
    const auto answer = daemon.query("pgtend_agent_queries_total");
    return answer.empty() ? 0 : std::stoi(answer[0]["value"][1].get<std::string>());
  };
  const auto from = statements();
  REQUIRE(eventually([&] { return statements() > from + 100; }, kSoon));
  CHECK(tries() <= before + 2);
  CHECK(runs("broken") == 0);
}
