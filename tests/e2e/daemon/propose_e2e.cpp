#include <fstream>
#include <sstream>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

struct Town {
  Town() : cluster(PgClusterOptions{}), daemon(cluster) {
    daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                 "\n  user: postgres\n  operator: {user: postgres}\n");
    cluster.exec("postgres",
                 "CREATE ROLE app LOGIN; CREATE TABLE places (city int, zip int);"
                 "INSERT INTO places SELECT g % 10, g % 10 FROM generate_series(1, 10000) g; ANALYZE places");
    daemon.start();
  }

  // `pgtend changes propose` of this plan.
  CommandResult propose(const Json& plan) {
    const auto file = daemon.path("plan.json");
    std::ofstream(file) << plan.dump();
    return daemon.cli({"changes", "propose", file.string()});
  }
  // Proposed, approved with what was printed, and driven to this state.
  std::string carried_out(const Json& plan, const std::string& state) {
    const auto proposed = propose(plan);
    INFO(proposed.output);
    REQUIRE(proposed.status == 0);
    const auto at = proposed.output.rfind("pgtend changes approve ");
    REQUIRE(at != std::string::npos);
    std::istringstream words(proposed.output.substr(at));
    std::string pgtend, changes, approve, id, option, hash;
    words >> pgtend >> changes >> approve >> id >> option >> hash;
    const auto approved = daemon.cli({changes, approve, id, option, hash});
    INFO(approved.output);
    REQUIRE(approved.status == 0);
    CHECK(is(id, state));
    return id;
  }
  bool is(const std::string& id, const std::string& state) {
    Json seen;
    const bool reached = eventually(
        [&] {
          const auto answer = daemon.get("/v1/changes/" + id);
          if (answer) seen = (*answer)["item"];
          return seen.is_object() && seen["state"] == state;
        },
        std::chrono::seconds(40));
    UNSCOPED_INFO(seen.dump());
    return reached;
  }

  PgCluster cluster;
  Daemon daemon;
};

}  // namespace

TEST_CASE("a person proposes statistics from a file, approves them, sees them work and takes them back") {
  Town town;
  const Json plan{{"action", "create_statistics"},
                  {"kind", "statistics"},
                  {"database", "postgres"},
                  {"detail",
                   {{"schema", "public"},
                    {"table", "places"},
                    {"name", "places_city_zip"},
                    {"kinds", {"dependencies"}},
                    {"columns", {"city", "zip"}}}}};
  const auto id = town.carried_out(plan, "observing");
  const auto shown = town.daemon.cli({"changes", "show", id});
  CHECK_THAT(shown.output, ContainsSubstring("CREATE STATISTICS \"public\".\"places_city_zip\" (dependencies) ON"));
  CHECK_THAT(shown.output, ContainsSubstring("DROP STATISTICS"));
  const auto explain = town.cluster.exec("postgres", "EXPLAIN SELECT * FROM places WHERE city = 1 AND zip = 1");
  CHECK_THAT(explain, ContainsSubstring("rows=1000 "));
  REQUIRE(town.daemon.cli({"changes", "undo", id}).status == 0);
  CHECK(town.is(id, "reverted"));
  CHECK(town.cluster.exec("postgres", "SELECT count(*) FROM pg_statistic_ext") == "0");
}

TEST_CASE("a person has a session ended, known by its pid alone, and cannot take that back") {
  Town town;
  auto victim = town.cluster.session("postgres", "app");
  const auto pid = victim.backend_pid();
  const Json plan{{"action", "terminate_session"},
                  {"kind", "session"},
                  {"database", "postgres"},
                  {"detail", {{"pid", pid}, {"terminate", true}}}};
  const auto id = town.carried_out(plan, "kept");
  CHECK(town.cluster.exec("postgres", "SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(pid)) ==
        "0");
  const auto undone = town.daemon.cli({"changes", "undo", id});
  CHECK(undone.status != 0);
  CHECK_THAT(undone.output, ContainsSubstring("no way back"));
}

TEST_CASE("a person changes the size of a pool in pgbouncer.ini, sees it in force and takes it back") {
  Town town;
  PgBouncerProcess bouncer(town.cluster, {"session", {{"default_pool_size", "5"}}});
  town.daemon.set("pgbouncer", "  - host: 127.0.0.1\n    port: " + std::to_string(bouncer.port()) +
                                   "\n    interval: 300ms\n    ini_file: " + bouncer.ini_file().string() +
                                   "\n    admin_user: postgres\n");
  town.daemon.hang_up();
  const auto shows = [&](const std::string& line) {
    return eventually([&] { return town.daemon.metrics().find("\n" + line + "\n") != std::string::npos; },
                      std::chrono::seconds(40));
  };
  REQUIRE(shows("pgbouncer_config_default_pool_size 5"));
  const auto before = read_file(bouncer.ini_file());
  const Json plan{{"action", "pgbouncer_setting"},
                  {"kind", "pgbouncer"},
                  {"detail", {{"name", "default_pool_size"}, {"value", "9"}}}};
  const auto id = town.carried_out(plan, "kept");
  CHECK(shows("pgbouncer_config_default_pool_size 9"));
  const auto shown = town.daemon.cli({"changes", "show", id});
  CHECK_THAT(shown.output, ContainsSubstring("  pgbouncer.ini: default_pool_size = 9\n  RELOAD\n"));
  CHECK_THAT(shown.output, ContainsSubstring("Steps back\n  pgbouncer.ini: default_pool_size = 5\n"));
  const auto exported = town.daemon.cli({"changes", "export", id});
  CHECK(exported.status != 0);
  CHECK_THAT(exported.output, ContainsSubstring("no SQL"));
  REQUIRE(town.daemon.cli({"changes", "undo", id}).status == 0);
  CHECK(town.is(id, "reverted"));
  CHECK(read_file(bouncer.ini_file()) == before);
  CHECK(shows("pgbouncer_config_default_pool_size 5"));
}

TEST_CASE("a person drains a DEFAULT partition and alters a policy, and takes both back") {
  Town town;
  town.cluster.exec("postgres",
                    "CREATE TABLE events (id int) PARTITION BY RANGE (id);"
                    "CREATE TABLE events_rest PARTITION OF events DEFAULT;"
                    "INSERT INTO events SELECT generate_series(1, 300);"
                    "CREATE POLICY own_rows ON places USING (zip = 1)");
  const Json drain{{"action", "drain_default"},
                   {"kind", "partition"},
                   {"database", "postgres"},
                   {"detail",
                    {{"schema", "public"},
                     {"table", "events"},
                     {"ranges", {{{"partition", "events_1"}, {"from", "1"}, {"to", "101"}}}}}}};
  const Json alter{{"action", "row_security"},
                   {"kind", "row_security"},
                   {"database", "postgres"},
                   {"detail", {{"schema", "public"}, {"table", "places"}, {"policy", "own_rows"}}},
                   {"sql_up", {"ALTER POLICY own_rows ON public.places USING (zip = 2)"}}};
  const auto rows = [&] { return town.cluster.exec("postgres", "SELECT count(*) FROM events_rest"); };
  const auto condition = [&] { return town.cluster.exec("postgres", "SELECT qual FROM pg_policies"); };
  const auto drained = town.carried_out(drain, "kept"), altered = town.carried_out(alter, "kept");
  CHECK(rows() == "200");
  CHECK(condition() == "(zip = 2)");
  REQUIRE(town.daemon.cli({"changes", "undo", altered}).status == 0);
  REQUIRE(town.daemon.cli({"changes", "undo", drained}).status == 0);
  CHECK(town.is(altered, "reverted"));
  CHECK(town.is(drained, "reverted"));
  CHECK(rows() == "300");
  CHECK(condition() == "(zip = 1)");
}

TEST_CASE("a plan that cannot be read, or is of no kind, is told apart before anything happens") {
  Town town;
  const auto missing = town.daemon.cli({"changes", "propose", town.daemon.path("none.json").string()});
  CHECK(missing.status == 2);
  CHECK_THAT(missing.output, ContainsSubstring("cannot be read"));
  std::ofstream(town.daemon.path("bad.json")) << "{action: x";
  const auto bad = town.daemon.cli({"changes", "propose", town.daemon.path("bad.json").string()});
  CHECK(bad.status == 2);
  CHECK_THAT(bad.output, ContainsSubstring("is not JSON"));
  const auto unknown = town.propose({{"action", "create_statistic"}, {"kind", "statistics"}});
  CHECK(unknown.status != 0);
  CHECK_THAT(unknown.output, ContainsSubstring("create_statistic"));
  const auto bare = town.propose({{"action", "analyze"}, {"kind", "maintenance"}, {"database", "postgres"}});
  CHECK(bare.status != 0);
  CHECK_THAT(bare.output, ContainsSubstring("names its schema and table"));
  CHECK((*town.daemon.get("/v1/changes"))["items"].empty());
}
