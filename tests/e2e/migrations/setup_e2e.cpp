#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend::test;

namespace {

// pgtend setup on a server of its own, as the superuser postgres.
struct Scene {
  explicit Scene(int major) : cluster({.major = major}), daemon(cluster) {
    cluster.exec("postgres", "CREATE ROLE app_owner; CREATE ROLE app LOGIN");
    cluster.exec("postgres", "CREATE DATABASE shop");
    cluster.exec("shop", "CREATE TABLE orders (n int); ALTER TABLE orders OWNER TO app_owner");
    daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                 "\n  database: shop\n  user: watch_er\n  operator: {user: actor}\n");
  }
  [[nodiscard]] CommandResult setup(std::vector<std::string> more = {}, const std::string& user = "postgres") const {
    more.insert(more.begin(), {"setup", "-U", user});
    return daemon.cli(more);
  }

  PgCluster cluster;
  Daemon daemon;
};

bool has(const CommandResult& result, const std::string& part) {
  INFO(result.output);
  return result.output.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("setup prints what it would do, does it once, and finds nothing missing afterwards") {
  const int major = GENERATE(13, 0, 18);
  CAPTURE(major);
  const Scene scene(major);
  const auto& cluster = scene.cluster;
  const auto shown = scene.setup({"--owner", "app_owner", "--tuned", "app"});
  CHECK(shown.status == 3);
  CHECK(has(shown, "-- setup/R__10_roles.sql\nBEGIN;\n"));
  CHECK(has(shown, "set_config('pgtend.owner', 'app_owner', true)"));
  CHECK(has(shown, "to apply this in database shop: pgtend setup --apply"));
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_roles WHERE rolname IN ('watch_er', 'actor')") == "0");
  CHECK(cluster.exec("shop", "SELECT to_regnamespace('pgtend') IS NULL") == "t");
  // What it prints is what it would run.
  write_file(scene.daemon.path("shown.sql"), shown.output);
  cluster.exec("postgres", "CREATE DATABASE by_hand");
  cluster.psql_file("by_hand", scene.daemon.path("shown.sql"));
  CHECK(cluster.exec("by_hand", "SELECT pg_has_role('actor', 'app_owner', 'MEMBER')") == "t");

  const auto applied = scene.setup({"--apply", "--owner", "app_owner", "--tuned", "app"});
  CHECK(has(applied, "5 applied in database shop"));
  // Only Debian's server has it installed.
  const bool has_hypopg =
      cluster.exec("shop", "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'") == "1";
  INFO(applied.output);
  CHECK(applied.status == (has_hypopg ? 0 : 3));
  // Before PostgreSQL 15 only a superuser may ALTER SYSTEM.
  CHECK(count_of(applied.output, "missing for") ==
        count_of(applied.output, ": hypopg") + (major == 13 ? count_of(applied.output, ": alter_system") : 0));
  CHECK(count_of(applied.output, "missing") == count_of(applied.output, "missing for"));
  CHECK(has(scene.setup({"--apply", "--owner", "app_owner"}), "everything is set up already"));
  CHECK(has(scene.setup(), "everything is set up in database shop"));
  CHECK(scene.daemon.cli({"doctor"}).status == (has_hypopg ? 0 : 3));
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pgtend.setup_log") == "5");
  // A view with its owner's rights tells a number, and pg_authid stays closed.
  cluster.exec("shop", "SET password_encryption = 'md5'; CREATE ROLE old_one LOGIN PASSWORD 'x'");
  CHECK(cluster.exec("shop", "SET ROLE watch_er; SELECT roles FROM pgtend.md5_passwords") == "1");
  CHECK(cluster.exec("shop",
                     "SELECT has_table_privilege('watch_er', 'pg_authid', 'SELECT') OR "
                     "has_table_privilege('actor', 'pgtend.md5_passwords', 'SELECT')") == "f");

  // Another owner is another file; rights of a second database are its own.
  cluster.exec("shop", "CREATE ROLE other_owner");
  CHECK(has(scene.setup({"--apply", "--owner", "other_owner"}), "1 applied"));
  CHECK(has(scene.setup({"--apply", "-d", "postgres"}), "3 applied in database postgres"));
  cluster.exec("shop", "REVOKE SELECT ON pg_file_settings FROM watch_er");
  const auto lacking = scene.setup();
  CHECK(lacking.status == 3);
  CHECK(has(lacking, "missing for watch_er: file_settings"));
  CHECK(has(lacking, "GRANT SELECT ON pg_file_settings"));
  const auto json = Json::parse(scene.setup({"-o", "json"}).output, nullptr, false);
  REQUIRE(json.is_object());
  CHECK(json["pending"].empty());
  CHECK(json["missing"].size() == static_cast<std::size_t>(count_of(lacking.output, "missing for")));
}

TEST_CASE("a person's migrations and pgtend's own are kept apart") {
  const Scene scene(0);
  CHECK(scene.setup({"--apply", "--owner", "app_owner"}).status == 0);
  std::filesystem::create_directories(scene.daemon.path("set"));
  write_file(scene.daemon.path("set/V1__a.sql"),
             "-- pgtend: role=app_owner\nALTER TABLE orders ADD COLUMN note text;\n");
  const auto set = scene.daemon.path("set").string();
  CHECK(has(scene.daemon.cli({"migrate", "up", "--dir", set}), "1 done"));
  CHECK(scene.daemon.cli({"migrate", "verify", "--dir", set}).status == 0);
  CHECK(scene.cluster.exec("shop", "SELECT string_agg(id, ' ') FROM pgtend.change_log") == "V1");
  CHECK(scene.cluster.exec("shop", "SELECT bool_and(id LIKE 'R\\_\\_%') FROM pgtend.setup_log") == "t");
}

TEST_CASE("setup refuses who is no superuser, and roles that it must not touch") {
  const Scene scene(0);
  scene.cluster.exec("shop", "CREATE ROLE maker LOGIN CREATEROLE; GRANT CREATE ON DATABASE shop TO maker");
  const auto refused = scene.setup({"--apply"}, "maker");
  CHECK(refused.status == 6);
  CHECK(has(refused, "maker is no superuser"));
  CHECK(scene.cluster.exec("shop", "SELECT to_regnamespace('pgtend') IS NULL") == "t");
  CHECK(has(refused, "sudo -u postgres pgtend setup --apply"));
  const auto missing = scene.setup({"--apply", "--owner", "nobody_here"});
  CHECK(missing.status != 0);
  CHECK(has(missing, "owner \"nobody_here\" must be a role that is there, and no superuser"));
  CHECK(scene.cluster.exec("shop", "SELECT count(*) FROM pgtend.setup_log") == "2");
}
