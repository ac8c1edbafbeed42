#include <algorithm>
#include <map>

#include "agent/pg/capabilities.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;
using pg::Capability;
using pg::Purpose;

namespace {

const std::filesystem::path kRoles = std::filesystem::path(pgtend::test::source_dir()) / "packaging/sql/roles.sql";

using ByName = std::map<std::string, Capability>;

ByName probe(const PgCluster& cluster, const std::string& user, std::optional<Purpose> only = std::nullopt) {
  IoWorld world;
  pg::ConnectSpec spec;
  spec.parameters = cluster.parameters("postgres", user);
  const auto deadline = std::chrono::steady_clock::now() + Millis(10'000);
  auto connection = world.run(pg::Connection::connect(spec, world.blocking(), deadline));
  if (!connection) throw std::runtime_error(connection.error().describe());
  auto capabilities = world.run(pg::probe_capabilities(connection->get(), only));
  if (!capabilities) throw std::runtime_error(capabilities.error().describe());
  ByName out;
  for (auto& item : *capabilities) out.emplace(item.name, item);
  return out;
}

std::vector<std::string> missing(const ByName& all) {
  std::vector<std::string> out;
  for (const auto& [name, item] : all)
    if (!item.present) out.push_back(name);
  return out;
}

}  // namespace

TEST_CASE("for a role with no rights each missing capability comes with the SQL that really cures it") {
  PgCluster cluster;
  cluster.exec(
      "postgres",
      "CREATE ROLE nobody LOGIN; CREATE ROLE \"App\" LOGIN; CREATE ROLE shop_owner; CREATE TABLE orders (n int);"
      " ALTER TABLE orders OWNER TO shop_owner; REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC");
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec("postgres", "REVOKE CONNECT ON DATABASE shop FROM PUBLIC");
  const auto before = probe(cluster, "nobody");
  const std::vector<std::string> expected{"act_as:shop_owner",
                                          "alter_role",
                                          "alter_system",
                                          "checkpoint",
                                          "connect:shop",
                                          "control_system",
                                          "create_in:public:shop_owner",
                                          "current_logfile",
                                          "file_settings",
                                          "hba_file_rules",
                                          "hypopg",
                                          "ident_file_mappings",
                                          "ls_waldir",
                                          "read_all_settings",
                                          "read_all_stats",
                                          "reload_conf",
                                          "signal_backend",
                                          "statements_created",
                                          "statements_readable",
                                          "statements_track_off"};
  REQUIRE(missing(before) == expected);
  CHECK(before.at("read_all_stats").cure == "GRANT pg_monitor TO \"nobody\";");
  CHECK(before.at("connect:shop").cure == "GRANT CONNECT ON DATABASE \"shop\" TO \"nobody\";");
  CHECK(before.at("act_as:shop_owner").cure == "GRANT \"shop_owner\" TO \"nobody\";");
  CHECK(before.at("alter_role").advice);
  CHECK_THAT(before.at("alter_role").effect, ContainsSubstring("work_mem of App stays a recommendation"));
  CHECK_THAT(before.at("alter_role").cure, ContainsSubstring("GRANT \"App\" TO \"nobody\";"));
  CHECK_THAT(before.at("alter_role").cure, ContainsSubstring("Never CREATEROLE"));
  CHECK_THAT(before.at("alter_system").cure, ContainsSubstring("GRANT ALTER SYSTEM ON PARAMETER work_mem, "));
  CHECK(before.at("statements_loaded").present);
  CHECK(before.at("connect:postgres").present);
  CHECK(before.at("not_superuser").present);

  for (const auto& name : expected) {
    INFO(name << ": " << before.at(name).cure);
    REQUIRE_FALSE(before.at(name).cure.empty());
    CHECK_FALSE(before.at(name).effect.empty());
    REQUIRE_NOTHROW(cluster.exec("postgres", before.at(name).cure));
    CHECK(probe(cluster, "nobody").at(name).present);
  }
  CHECK(missing(probe(cluster, "nobody")).empty());
}

TEST_CASE("after roles.sql, run twice, everything is present for both roles") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE app_owner; CREATE TABLE orders (n int); ALTER TABLE orders OWNER TO app_owner");
  for (int run = 0; run < 2; ++run) CHECK(cluster.psql_file("postgres", kRoles, {{"owner", "app_owner"}}) == "");
  CHECK(missing(probe(cluster, "pgtend_monitor", Purpose::observe)).empty());
  CHECK(missing(probe(cluster, "pgtend_operator", Purpose::act)).empty());
  for (const auto& [name, item] : probe(cluster, "pgtend_monitor", Purpose::observe))
    CHECK(item.purpose == Purpose::observe);
}

TEST_CASE("roles.sql lets the operator set what a tuned role may set itself, and nothing of other roles") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE app LOGIN; CREATE ROLE web LOGIN");
  CHECK(cluster.psql_file("postgres", kRoles, {{"tuned", "app"}}) == "");
  const auto all = probe(cluster, "pgtend_operator", Purpose::act);
  REQUIRE_FALSE(all.at("alter_role").present);
  CHECK_THAT(all.at("alter_role").cure, ContainsSubstring("GRANT \"web\" TO \"pgtend_operator\";"));
  auto operator_ = cluster.session("postgres", "pgtend_operator");
  operator_.exec("SET ROLE app; ALTER ROLE app SET work_mem = '8MB'; RESET ROLE");
  CHECK(cluster.exec("postgres", "SELECT rolconfig FROM pg_roles WHERE rolname = 'app'") == "{work_mem=8MB}");
  CHECK_THROWS(operator_.exec("ALTER ROLE app SET work_mem = '9MB'"));
  CHECK_THROWS(operator_.exec("SET ROLE web"));
  CHECK(cluster.psql_file("postgres", kRoles, {{"tuned", "web"}}) == "");
  CHECK(missing(probe(cluster, "pgtend_operator", Purpose::act)).empty());
}

TEST_CASE("roles.sql gives the same to roles of other names, and every cure names the role that asks") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE app_owner; CREATE TABLE orders (n int); ALTER TABLE orders OWNER TO app_owner");
  cluster.exec("postgres", "CREATE ROLE \"Watch-er\" LOGIN");
  for (const auto& [name, item] : probe(cluster, "Watch-er")) CHECK(item.cure.find("pgtend_") == std::string::npos);
  CHECK(cluster.psql_file("postgres", kRoles,
                          {{"owner", "app_owner"}, {"monitor", "Watch-er"}, {"operator", "actor"}}) == "");
  CHECK(cluster.psql_file("postgres", kRoles, {{"monitor", "postgres"}}).find("superusers") != std::string::npos);
  CHECK(missing(probe(cluster, "Watch-er", Purpose::observe)).empty());
  CHECK(missing(probe(cluster, "actor", Purpose::act)).empty());
}

TEST_CASE("each right taken away is missed by itself") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE app_owner; CREATE TABLE orders (n int); ALTER TABLE orders OWNER TO app_owner");
  cluster.psql_file("postgres", kRoles, {{"owner", "app_owner"}});
  struct Row {
    const char* revoke;
    const char* restore;
    const char* name;
    const char* role;
  };
  const Row rows[] = {
      {"REVOKE SELECT ON pg_hba_file_rules FROM pgtend_monitor", "GRANT SELECT ON pg_hba_file_rules TO pgtend_monitor",
       "hba_file_rules", "pgtend_monitor"},
      {"REVOKE EXECUTE ON FUNCTION pg_show_all_file_settings() FROM pgtend_monitor",
       "GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO pgtend_monitor", "file_settings", "pgtend_monitor"},
      {"REVOKE SET ON PARAMETER pg_stat_statements.track FROM pgtend_monitor",
       "GRANT SET ON PARAMETER pg_stat_statements.track TO pgtend_monitor", "statements_track_off", "pgtend_monitor"},
      {"REVOKE ALTER SYSTEM ON PARAMETER work_mem FROM pgtend_operator",
       "GRANT ALTER SYSTEM ON PARAMETER work_mem TO pgtend_operator", "alter_system", "pgtend_operator"},
      {"REVOKE pg_signal_backend FROM pgtend_operator, pgtend_signal",
       "GRANT pg_signal_backend TO pgtend_operator, pgtend_signal", "signal_backend", "pgtend_operator"},
      {"REVOKE app_owner FROM pgtend_operator, pgtend_advise", "GRANT app_owner TO pgtend_operator, pgtend_advise",
       "act_as:app_owner", "pgtend_operator"},
      {"REVOKE CREATE ON SCHEMA public FROM app_owner", "GRANT CREATE ON SCHEMA public TO app_owner",
       "create_in:public:app_owner", "pgtend_operator"},
      {"REVOKE USAGE ON SCHEMA public FROM PUBLIC, app_owner", "GRANT USAGE ON SCHEMA public TO PUBLIC, app_owner",
       "create_in:public:app_owner", "pgtend_operator"},
      {"REVOKE EXECUTE ON FUNCTION pg_reload_conf() FROM pgtend_operator",
       "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO pgtend_operator", "reload_conf", "pgtend_operator"},
  };
  for (const auto& row : rows) {
    INFO(row.revoke);
    const auto purpose = std::string(row.role) == "pgtend_monitor" ? Purpose::observe : Purpose::act;
    cluster.exec("postgres", row.revoke);
    CHECK(missing(probe(cluster, row.role, purpose)) == std::vector<std::string>{row.name});
    cluster.exec("postgres", row.restore);
    CHECK(missing(probe(cluster, row.role, purpose)).empty());
  }
}

TEST_CASE("where no session can be had, the right that is missing for one is named with its statement") {
  PgCluster cluster;
  cluster.exec("postgres",
               "CREATE ROLE norights LOGIN; CREATE ROLE nologin; REVOKE CONNECT ON DATABASE postgres FROM PUBLIC");
  const auto refused = [&](const std::string& user) {
    IoWorld world;
    pg::ConnectSpec spec;
    spec.parameters = cluster.parameters("postgres", user);
    const auto deadline = std::chrono::steady_clock::now() + Millis(10'000);
    auto connection = world.run(pg::Connection::connect(spec, world.blocking(), deadline));
    REQUIRE_FALSE(connection);
    return pg::missing_for_session(connection.error(), user, "postgres", Purpose::observe);
  };
  const auto connect = refused("norights");
  REQUIRE(connect);
  CHECK(connect->cure == "GRANT CONNECT ON DATABASE \"postgres\" TO \"norights\";");
  CHECK(connect->database == "postgres");
  cluster.exec("postgres", connect->cure);
  CHECK_FALSE(probe(cluster, "norights").empty());
  const auto login = refused("nologin");
  REQUIRE(login);
  CHECK(login->cure.starts_with("ALTER ROLE \"nologin\" LOGIN;"));
  const Error away{Errc::unavailable, "connection refused", {}, "", true};
  CHECK_FALSE(pg::missing_for_session(away, "norights", "postgres", Purpose::observe));
}

TEST_CASE("a superuser is advised to step down, and its tables are never cured by membership in it") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE nobody LOGIN; CREATE TABLE \"Odd name\" (n int)");
  const auto superuser = probe(cluster, "postgres");
  REQUIRE_FALSE(superuser.at("not_superuser").present);
  CHECK(superuser.at("not_superuser").advice);
  const auto nobody = probe(cluster, "nobody");
  const auto& act_as = nobody.at("act_as:postgres");
  REQUIRE_FALSE(act_as.present);
  CHECK(act_as.cure.find("GRANT \"postgres\"") == std::string::npos);
  CHECK_THAT(act_as.cure, ContainsSubstring("ALTER TABLE public.\"Odd name\" OWNER TO app_owner;"));
}

TEST_CASE("without the library the cure keeps those that are loaded already") {
  PgClusterOptions options;
  options.settings["shared_preload_libraries"] = "auto_explain";
  PgCluster cluster(options);
  cluster.exec("postgres", "CREATE ROLE watcher LOGIN IN ROLE pg_monitor");
  const auto all = probe(cluster, "watcher");
  REQUIRE_FALSE(all.at("statements_loaded").present);
  CHECK(all.at("statements_loaded").cure ==
        "ALTER SYSTEM SET shared_preload_libraries = auto_explain, pg_stat_statements;  -- then restart the server");
  cluster.exec("postgres", all.at("statements_loaded").cure);
  cluster.restart();
  CHECK(probe(cluster, "watcher").at("statements_loaded").present);
}
