#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

bool is_observed(const Change& change) {
  return change.state == ChangeState::observing || is_final(change.state);
}

// What a person writes: the detail. The statements follow from it.
ProposedChange database_plan(const std::string& name, const std::string& value) {
  ProposedChange plan;
  plan.action = ActionClass::database_setting;
  plan.kind = ChangeKind::setting;
  plan.database = "shop";
  SettingChange detail;
  detail.name = name;
  detail.value = value;
  detail.database = "shop";
  plan.detail = detail;
  plan.target_statements = {1, 2};
  return plan;
}

ProposedChange column_plan(const std::string& value) {
  ProposedChange plan;
  plan.action = ActionClass::column_setting;
  plan.kind = ChangeKind::setting;
  plan.database = "shop";
  SettingChange detail;
  detail.value = value;
  detail.schema = "public";
  detail.table = "orders";
  detail.column = "customer_id";
  plan.detail = detail;
  plan.target_statements = {1, 2};
  return plan;
}

// "" where nothing is set for the database.
std::string of_database(PgCluster& cluster) {
  return cluster.exec("postgres",
                      "SELECT coalesce((SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting s JOIN "
                      "pg_database d ON d.oid = s.setdatabase WHERE d.datname = 'shop' AND s.setrole = 0), '')");
}

// -1 where the target is not set, on every version.
std::string target_of(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT coalesce(attstattarget, -1) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND "
                      "attname = 'customer_id'");
}

std::string most_common(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT coalesce(array_length(most_common_freqs, 1), 0) FROM pg_stats WHERE tablename = 'orders' "
                      "AND attname = 'customer_id'");
}

}  // namespace

TEST_CASE("a database's setting is set as its owner, and its undo restores that it was not set") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE shop_owner; EXCEPTION WHEN duplicate_object THEN END $$;"
               "DO $$ BEGIN CREATE ROLE tender LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$;"
               "ALTER DATABASE shop OWNER TO shop_owner; GRANT pg_monitor TO tender; REVOKE shop_owner FROM tender");
  TempDir dir("pgtend-change");
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.operator_.parameters = cluster.parameters("shop", "tender");
  Rig rig(cluster, options);
  // The missing right comes first, and nothing is touched.
  const auto refused = rig.drive(rig.approved(database_plan("random_page_cost", "1.1")).id);
  CHECK(refused.state == ChangeState::failed);
  CHECK_THAT(refused.last_error, ContainsSubstring("GRANT \"shop_owner\" TO \"tender\""));
  CHECK(refused.attempt == 0);
  CHECK(of_database(cluster).empty());
  cluster.exec("shop", "GRANT shop_owner TO tender");
  const auto id = rig.approved(database_plan("random_page_cost", "1.1")).id;
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(change.plan.object == "database shop");
  CHECK(change.plan.run_as_role == "shop_owner");
  CHECK(change.plan.sql_down == std::vector<std::string>{"ALTER DATABASE \"shop\" RESET random_page_cost"});
  CHECK(of_database(cluster) == "random_page_cost=1.1");
  CHECK(cluster.exec("shop", "SHOW random_page_cost") == "1.1");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(of_database(cluster).empty());
}

TEST_CASE("a database's setting that was set before comes back with its old value, and a denied one is refused") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop", "ALTER DATABASE shop SET work_mem = '6MB'");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto denied = rig.run(rig.pipeline().submit_plan(database_plan("session_replication_role", "replica"), "ann"));
  REQUIRE_FALSE(denied);
  CHECK(denied.error().code == Errc::refused);
  auto elsewhere = database_plan("work_mem", "7MB");
  std::get<SettingChange>(elsewhere.detail).database = "postgres";
  CHECK_FALSE(rig.run(rig.pipeline().submit_plan(elsewhere, "ann")));
  const auto id = rig.approved(database_plan("work_mem", "7MB")).id;
  REQUIRE(rig.drive(id, is_observed).state == ChangeState::observing);
  CHECK(of_database(cluster) == "work_mem=7MB");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(of_database(cluster) == "work_mem=6MB");
}

TEST_CASE("a column's statistics target is set, fills the statistics at once, and is taken back with them") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  const bool was_set = GENERATE(false, true);
  if (was_set) cluster.exec("shop", "ALTER TABLE orders ALTER customer_id SET STATISTICS 50");
  cluster.exec("shop", "ANALYZE orders");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(column_plan("7")).id;
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(target_of(cluster) == "7");
  CHECK(most_common(cluster) == "7");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(target_of(cluster) == (was_set ? "50" : "-1"));
  CHECK(most_common(cluster) != "7");
}

TEST_CASE("a column's target that is out of bounds or was changed by somebody since is left alone") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  for (const auto* bad : {"10001", "-1", "7; DROP TABLE orders", ""})
    CHECK_FALSE(rig.run(rig.pipeline().submit_plan(column_plan(bad), "person:ann")));
  const auto id = rig.approved(column_plan("500")).id;
  cluster.exec("shop", "ALTER TABLE orders ALTER customer_id SET STATISTICS 60");
  const auto change = rig.drive(id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("is 60"));
  CHECK(target_of(cluster) == "60");
}

TEST_CASE("a target that a killed agent set without its ANALYZE is set back, and the change begun again") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  std::string id;
  {
    Rig rig(cluster, {.ledger_file = ledger});
    id = rig.approved(column_plan("7")).id;
  }
  run_agent_until(cluster, ledger, id, "after pre_validated>applying");
  // As far as it would have come.
  cluster.exec("shop", "ALTER TABLE orders ALTER customer_id SET STATISTICS 7");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  CHECK(target_of(cluster) == "-1");
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(change.attempt == 2);
  CHECK(target_of(cluster) == "7");
  CHECK(most_common(cluster) == "7");
}
