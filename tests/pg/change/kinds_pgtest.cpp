#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::string auto_conf(PgCluster& cluster) {
  return read_file(cluster.data_dir() / "postgresql.auto.conf");
}

bool is_observed(const Change& change) {
  return change.state == ChangeState::observing || is_final(change.state);
}

}  // namespace

TEST_CASE("a view is refreshed, with and without CONCURRENTLY, and kept by what the catalogs show") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const bool concurrently = GENERATE(true, false);
  cluster.exec("shop", "INSERT INTO orders VALUES (100001, 777777, 'new')");
  const auto change = rig.drive(rig.approved(refresh_plan(concurrently)).id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  REQUIRE(change.verdict);
  CHECK(change.verdict->test == "catalog");
  CHECK(cluster.exec("shop", "SELECT n FROM totals WHERE customer_id = 777777") == "1");
}

TEST_CASE("what somebody else has done meanwhile, another agent for one, is not done again") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  struct Case {
    ProposedChange plan;
    const char* by_hand;
  };
  cluster.exec("shop", "INSERT INTO orders VALUES (1000001, 777778, 'n')");
  const Case cases[] = {
      {refresh_plan(true), "REFRESH MATERIALIZED VIEW CONCURRENTLY totals"},
      {refresh_plan(false), "REFRESH MATERIALIZED VIEW totals"},
      {maintenance_plan(false), "ANALYZE orders"},
      {maintenance_plan(true), "VACUUM (ANALYZE) orders"},
  };
  for (const auto& one : cases) {
    INFO(one.by_hand);
    const auto id = rig.approved(one.plan).id;
    cluster.exec("shop", one.by_hand);
    const auto after = rig.drive(id);
    CHECK(after.state == ChangeState::failed);
    CHECK_THAT(after.last_error, ContainsSubstring("not what it was"));
  }
}

TEST_CASE("a refresh CONCURRENTLY of a view without a key is refused before it is tried") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(refresh_plan(true)).id;
  cluster.exec("shop", "DROP INDEX totals_key");
  const auto change = rig.drive(id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("unique index"));
}

TEST_CASE("analyze and vacuum are kept when the server's own counters show them") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const bool vacuum = GENERATE(false, true);
  const auto change = rig.drive(rig.approved(maintenance_plan(vacuum)).id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(eventually([&] {
    return cluster.exec("shop", std::string("SELECT ") + (vacuum ? "vacuum_count" : "analyze_count") +
                                    " FROM pg_stat_user_tables WHERE relname = 'orders'") == "1";
  }));
}

TEST_CASE("a strong lock is asked for again and again, never waited for, and deferred when the budget is spent") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().lock_timeout = Millis(20);
  rig.options().lock_attempts = 3;
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
  const auto id = rig.approved(maintenance_plan(false)).id;
  const auto change = rig.drive(id, [](const Change& now) { return now.state == ChangeState::deferred; });
  REQUIRE(change.state == ChangeState::deferred);
  CHECK_THAT(change.last_error, ContainsSubstring("3 attempts"));
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_locks WHERE NOT granted") == "0");
  holder.exec("COMMIT");
  CHECK(rig.drive(id).state == ChangeState::kept);
}

TEST_CASE("a system setting takes effect by reload and its undo restores that it was not set") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  cluster.exec("shop", "ALTER SYSTEM RESET work_mem");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(system_setting_plan("work_mem", "7MB")).id;
  auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(cluster.exec("shop", "SHOW work_mem") == "7MB");
  CHECK(change.plan.sql_down == std::vector<std::string>{"ALTER SYSTEM RESET work_mem"});
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(auto_conf(cluster).find("work_mem") == std::string::npos);
  CHECK(eventually([&] { return cluster.exec("shop", "SHOW work_mem") == "4MB"; }));
}

TEST_CASE("with the roles of roles.sql a system setting is set, verified and taken back") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "CREATE ROLE app_owner LOGIN");
  cluster.psql_file("shop", std::filesystem::path(source_dir()) / "packaging/sql/roles.sql", {{"owner", "app_owner"}});
  TempDir dir("pgtend-change");
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.operator_.parameters = cluster.parameters("shop", "pgtend_operator");
  Rig rig(cluster, options);
  const auto id = rig.approved(system_setting_plan("work_mem", "7MB")).id;
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(cluster.exec("shop", "SHOW work_mem") == "7MB");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
}

TEST_CASE("a plan may not name one object to policy and change another, nor lack a way back") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto plan = index_plan();
  const auto object = plan.object;
  plan.object = "public.something_else";
  const auto refused = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, ContainsSubstring(object));
  auto elsewhere = index_plan();
  elsewhere.system_identifier = "1";
  const auto strange = rig.run(rig.pipeline().submit_plan(elsewhere, "person:ann"));
  REQUIRE_FALSE(strange);
  CHECK(strange.error().code == Errc::conflict);
  auto wordless = index_plan();
  wordless.sql_up.clear();
  const auto incomplete = rig.run(rig.pipeline().submit_plan(wordless, "person:ann"));
  REQUIRE_FALSE(incomplete);
  CHECK_THAT(incomplete.error().message, ContainsSubstring("sql_up"));
  // Nobody is asked to approve what policy only recommends.
  rig.policy().defaults[ActionClass::create_index] = PolicyMode::recommend;
  const auto advice = rig.run(rig.pipeline().submit_plan(index_plan(), "person:ann"));
  REQUIRE_FALSE(advice);
  CHECK(advice.error().code == Errc::refused);
  rig.policy().defaults[ActionClass::create_index] = PolicyMode::approve;
  // Left out, both are filled in from what the plan does.
  plan.object.clear();
  plan.sql_down.clear();
  const auto proposed = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
  REQUIRE(proposed);
  CHECK(proposed->plan.object == object);
  REQUIRE(proposed->plan.sql_down.size() == 1);
  CHECK_THAT(proposed->plan.sql_down.front(), ContainsSubstring("DROP INDEX CONCURRENTLY"));
}

TEST_CASE("a system setting that was set before comes back with its old value") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop", "ALTER SYSTEM SET work_mem = '6MB'");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(system_setting_plan("work_mem", "7MB")).id;
  REQUIRE(rig.drive(id, is_observed).state == ChangeState::observing);
  SECTION("by undo") {
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    CHECK(rig.drive(id).state == ChangeState::reverted);
    CHECK_THAT(auto_conf(cluster), ContainsSubstring("work_mem = '6MB'"));
  }
  SECTION("but not over what somebody set in between") {
    cluster.exec("shop", "ALTER SYSTEM SET work_mem = '9MB'");
    const auto change = rig.drive(id);
    CHECK(change.state == ChangeState::lost);
    CHECK_THAT(auto_conf(cluster), ContainsSubstring("work_mem = '9MB'"));
  }
  cluster.exec("shop", "ALTER SYSTEM RESET work_mem");
}

TEST_CASE("a role's setting is set and its undo restores that it was not set") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN END $$; ALTER ROLE app RESET ALL");
  ProposedChange plan;
  plan.action = ActionClass::role_setting;
  plan.kind = ChangeKind::setting;
  plan.database = "shop";
  plan.object = "role app";
  plan.sql_up = {"ALTER ROLE \"app\" SET work_mem = '8192kB'"};
  SettingChange detail;
  detail.name = "work_mem";
  detail.value = "8192kB";
  detail.role = "app";
  plan.detail = detail;
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(plan).id;
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  const std::string stored =
      "SELECT coalesce(array_to_string(setconfig, ','), '') FROM pg_db_role_setting s JOIN pg_roles r "
      "ON r.oid = s.setrole WHERE r.rolname = 'app'";
  CHECK(cluster.exec("shop", stored) == "work_mem=8192kB");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(cluster.exec("shop", stored).empty());
}

TEST_CASE("a setting that needs a restart waits for one and is then observed") {
  PgCluster cluster;
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(system_setting_plan("max_connections", "60", true)).id;
  const auto waiting = [](const Change& now) { return now.state == ChangeState::needs_restart || is_final(now.state); };
  const auto change = rig.drive(id, waiting);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::needs_restart);
  cluster.restart();
  CHECK(rig.drive(id, is_observed).state == ChangeState::observing);
  CHECK(cluster.exec("shop", "SHOW max_connections") == "60");
}

TEST_CASE("a storage parameter is set and taken back") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  ProposedChange plan;
  plan.action = ActionClass::table_setting;
  plan.kind = ChangeKind::setting;
  plan.database = "shop";
  plan.object = "public.orders";
  plan.sql_up = {"ALTER TABLE \"public\".\"orders\" SET (autovacuum_vacuum_scale_factor = 0.02)"};
  plan.sql_down = {"ALTER TABLE \"public\".\"orders\" RESET (autovacuum_vacuum_scale_factor)"};
  SettingChange detail;
  detail.name = "autovacuum_vacuum_scale_factor";
  detail.value = "0.02";
  detail.schema = "public";
  detail.table = "orders";
  plan.detail = detail;
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(plan).id;
  CHECK(rig.drive(id).state == ChangeState::kept);
  const std::string options =
      "SELECT coalesce(array_to_string(reloptions, ','), '') FROM pg_class WHERE relname = 'orders'";
  CHECK(cluster.exec("shop", options) == "autovacuum_vacuum_scale_factor=0.02");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(cluster.exec("shop", options).empty());
}
