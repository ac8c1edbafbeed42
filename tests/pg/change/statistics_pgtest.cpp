#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

bool is_observed(const Change& change) {
  return change.state == ChangeState::observing || is_final(change.state);
}

ProposedChange statistics_plan() {
  ProposedChange plan;
  plan.action = ActionClass::create_statistics;
  plan.kind = ChangeKind::statistics;
  plan.database = "shop";
  StatisticsChange detail;
  detail.schema = "public";
  detail.name = "places_city_zip";
  detail.table = "places";
  detail.kinds = {"dependencies", "ndistinct"};
  detail.columns = {"city", "zip"};
  plan.detail = detail;
  plan.target_statements = {1, 2};
  return plan;
}

// Two columns of which one follows from the other: the planner expects 100 rows where 1,000 are.
void make_places(PgCluster& cluster) {
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE TABLE places (city int, zip int); INSERT INTO places SELECT g % 10, g % 10 FROM "
               "generate_series(1, 10000) g; ANALYZE places");
}

std::string expected_rows(PgCluster& cluster, const std::string& condition) {
  const auto plan = cluster.exec("shop", "EXPLAIN SELECT * FROM places WHERE " + condition);
  const auto at = plan.find("rows=");
  return plan.substr(at + 5, plan.find(' ', at) - at - 5);
}

std::string comment_of(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT coalesce((SELECT coalesce(obj_description(oid, 'pg_statistic_ext'), '-') FROM "
                      "pg_statistic_ext WHERE stxname = 'places_city_zip'), '')");
}

}  // namespace

TEST_CASE("statistics are created, filled and used by the planner at once, and their undo drops them") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_places(cluster);
  REQUIRE(std::stoi(expected_rows(cluster, "city = 1 AND zip = 1")) < 300);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(statistics_plan()).id;
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(change.plan.object == "public.places");
  CHECK(comment_of(cluster) == "pgtend:" + id);
  CHECK(std::stoi(expected_rows(cluster, "city = 1 AND zip = 1")) > 900);
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(comment_of(cluster).empty());
}

TEST_CASE("statistics on an expression are created where the server has them") {
  auto& cluster = shared_cluster();
  make_places(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto plan = statistics_plan();
  auto& detail = std::get<StatisticsChange>(plan.detail);
  detail.kinds.clear();
  detail.columns.clear();
  detail.expressions = {"city % 3"};
  const auto change = rig.drive(rig.approved(plan).id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(std::stoi(expected_rows(cluster, "city % 3 = 1")) > 2'500);
  // What is no single expression is refused before anything is sent.
  for (const auto* bad : {"city), (zip", "city, zip", "city -- x", "city) FROM items; DROP TABLE places", ""}) {
    detail.expressions = {bad};
    CHECK_FALSE(rig.run(rig.pipeline().submit_plan(plan, "person:ann")));
  }
}

TEST_CASE("a drop of statistics is taken back by their own definition") {
  auto& cluster = shared_cluster();
  make_places(cluster);
  cluster.exec("shop", "CREATE STATISTICS places_city_zip (dependencies) ON city, zip FROM places");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto plan = statistics_plan();
  plan.action = ActionClass::drop_statistics;
  std::get<StatisticsChange>(plan.detail).is_drop = true;
  const auto id = rig.approved(plan).id;
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(comment_of(cluster).empty());
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(comment_of(cluster) == "-");
  CHECK(std::stoi(expected_rows(cluster, "city = 1 AND zip = 1")) > 900);
}

TEST_CASE("statistics that somebody else made, or made anew, are never dropped") {
  auto& cluster = shared_cluster();
  make_places(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto first = rig.approved(statistics_plan()).id;
  cluster.exec("shop", "CREATE STATISTICS places_city_zip ON city, zip FROM places");
  const auto stopped = rig.drive(first);
  CHECK(stopped.state == ChangeState::failed);
  CHECK_THAT(stopped.last_error, ContainsSubstring("did not make"));
  CHECK(comment_of(cluster) == "-");
  cluster.exec("shop", "DROP STATISTICS places_city_zip");
  const auto second = rig.approved(statistics_plan()).id;
  REQUIRE(rig.drive(second, is_observed).state == ChangeState::observing);
  REQUIRE(rig.run(rig.pipeline().undo(second, "person:ann")));
  cluster.exec("shop", "DROP STATISTICS places_city_zip; CREATE STATISTICS places_city_zip ON city, zip FROM places");
  CHECK(rig.drive(second).state == ChangeState::failed);
  CHECK(comment_of(cluster) == "-");
}

TEST_CASE("statistics that a killed agent left unfilled are dropped and made again") {
  auto& cluster = shared_cluster();
  make_places(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  std::string id;
  {
    Rig rig(cluster, {.ledger_file = ledger});
    id = rig.approved(statistics_plan()).id;
  }
  run_agent_until(cluster, ledger, id, "after pre_validated>applying");
  cluster.exec("shop", "CREATE STATISTICS places_city_zip (dependencies, ndistinct) ON city, zip FROM places");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  CHECK(comment_of(cluster).empty());
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(comment_of(cluster) == "pgtend:" + id);
}
