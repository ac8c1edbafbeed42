#include <thread>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

ProposedChange drain_plan(const std::string& role = "") {
  ProposedChange plan;
  plan.action = ActionClass::drain_default;
  plan.kind = ChangeKind::partition;
  plan.database = "shop";
  plan.run_as_role = role;
  PartitionChange detail;
  detail.schema = "public";
  detail.table = "events";
  detail.ranges = {{"events_2", "1000", "2000"}, {"events_3", "2000", "3000"}};
  plan.detail = detail;
  return plan;
}

// The DEFAULT partition has its columns in another order and one of its own before, which was dropped.
void make_events(PgCluster& cluster) {
  make_shop(cluster);
  cluster.exec(
      "shop",
      "CREATE TABLE events (id int PRIMARY KEY, \"Kind\" int DEFAULT 3, twice int GENERATED ALWAYS AS (id * 2) "
      "STORED) PARTITION BY RANGE (id);"
      "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (1000);"
      "CREATE TABLE events_rest (gone int, twice int GENERATED ALWAYS AS (id * 2) STORED, \"Kind\" int, id int "
      "NOT NULL);"
      "ALTER TABLE events_rest DROP COLUMN gone; ALTER TABLE events ATTACH PARTITION events_rest DEFAULT;"
      "INSERT INTO events SELECT g, g % 10 FROM generate_series(500, 3999) g");
}

std::string rows_by_partition(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT string_agg(p || ' ' || n, ', ' ORDER BY p) FROM (SELECT tableoid::regclass::text AS p, "
                      "count(*) AS n FROM events GROUP BY 1) AS counted");
}
std::string checksum(PgCluster& cluster) {
  return cluster.exec("shop", "SELECT count(*) || ' ' || md5(string_agg(e::text, ',' ORDER BY id)) FROM events e");
}
std::string comment(PgCluster& cluster, const std::string& table) {
  return cluster.exec("shop", "SELECT coalesce(obj_description('" + table + "'::regclass), '')");
}

const std::string kBefore = "events_1 500, events_rest 3000";
const std::string kAfter = "events_1 500, events_2 1000, events_3 1000, events_rest 1000";

}  // namespace

TEST_CASE("rows of a DEFAULT partition move into partitions of their own, none is lost, and the undo puts them back") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_events(cluster);
  const auto sum = checksum(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto proposed = rig.run(rig.pipeline().submit_plan(drain_plan(), "person:ann"));
  REQUIRE(proposed);
  CHECK(proposed->plan.sql_up.size() == 2);
  CHECK(proposed->plan.lock == LockLevel::access_exclusive);
  const auto id = rig.approved(*proposed).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(rows_by_partition(cluster) == kAfter);
  CHECK(checksum(cluster) == sum);
  CHECK(comment(cluster, "events_3") == "pgtend:" + id);
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_constraint WHERE conname = 'pgtend_range'") == "0");
  cluster.exec("shop",
               "INSERT INTO events (id) VALUES (1000000), (999) ON CONFLICT DO NOTHING; DELETE FROM events WHERE "
               "id = 1000000");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  const auto undone = rig.drive(id);
  CAPTURE(undone.last_error);
  CHECK(undone.state == ChangeState::reverted);
  CHECK(rows_by_partition(cluster) == kBefore);
  CHECK(checksum(cluster) == sum);
}

TEST_CASE("a drain or its undo whose agent is killed between two parts is gone on with after the restart") {
  const std::string point =
      GENERATE("after pre_validated>applying", "applying.part", "applying.step", "applying.executed",
               "after reverting>reverting", "reverting.part", "reverting.step", "reverting.executed");
  CAPTURE(point);
  const bool undo = point.find("reverting") != std::string::npos;
  auto& cluster = shared_cluster();
  make_events(cluster);
  const auto sum = checksum(cluster);
  TempDir dir("pgtend-change");
  const RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  std::string id;
  {
    Rig rig(cluster, options);
    id = rig.approved(drain_plan()).id;
    if (undo) {
      REQUIRE(rig.drive(id).state == ChangeState::kept);
      REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    }
  }
  run_agent_until(cluster, options, id, point);
  CHECK(checksum(cluster) == sum);
  Rig rig(cluster, options);
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == (undo ? ChangeState::reverted : ChangeState::kept));
  CHECK(rows_by_partition(cluster) == (undo ? kBefore : kAfter));
  CHECK(checksum(cluster) == sum);
}

TEST_CASE("a lock that is not granted in time defers what is left of a drain and moves nothing back") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  const auto sum = checksum(cluster);
  TempDir dir("pgtend-change");
  std::optional<PgSession> reader;
  std::string moved;
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.fault = [&](std::string_view point) {
    if (point != "applying.step" || reader) return;
    moved = cluster.exec("shop", "SELECT 'events_2'::regclass::oid");
    reader.emplace(cluster.session("shop"));
    reader->exec("BEGIN; SELECT count(*) FROM events");
  };
  Rig rig(cluster, options);
  rig.options().lock_attempts = 2;
  const auto id = rig.approved(drain_plan()).id;
  const auto waiting = rig.drive(
      id, [](const Change& now) { return is_final(now.state) || (now.attempt == 2 && !now.last_error.empty()); });
  CHECK(waiting.state == ChangeState::applying);
  CHECK_THAT(waiting.last_error, ContainsSubstring("the lock was not granted in 2 attempts"));
  CHECK(rows_by_partition(cluster) == "events_1 500, events_2 1000, events_rest 2000");
  reader->exec("COMMIT");
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(rows_by_partition(cluster) == kAfter);
  CHECK(cluster.exec("shop", "SELECT 'events_2'::regclass::oid") == moved);
  CHECK(checksum(cluster) == sum);
}

TEST_CASE("while a range moves, a reader sees every row, and a writer's update is not lost") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  cluster.exec("shop", "INSERT INTO events SELECT g, 0 FROM generate_series(4000, 20000) g");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto plan = drain_plan();
  std::get<PartitionChange>(plan.detail).ranges = {{"events_2", "1000", "19000"}};
  const auto id = rig.approved(plan).id;
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0}, looks{0}, updates{0};
  std::thread reader([&] {
    auto session = cluster.session("shop");
    while (!over) {
      if (session.value("SELECT count(*) FROM events") != "19501") ++wrong;
      ++looks;
    }
  });
  std::thread writer([&] {
    auto session = cluster.session("shop");
    while (!over) {
      session.exec("UPDATE events SET \"Kind\" = \"Kind\" + 1 WHERE id = 1500");
      ++updates;
    }
  });
  const auto kind = std::stoi(cluster.exec("shop", "SELECT 1500 % 10"));
  const auto change = rig.drive(id);
  over = true;
  reader.join();
  writer.join();
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(looks > 0);
  CHECK(wrong == 0);
  CHECK(cluster.exec("shop", "SELECT \"Kind\" FROM events WHERE id = 1500") == std::to_string(kind + updates));
  CHECK(rows_by_partition(cluster) == "events_1 500, events_2 18000, events_rest 1001");
}

TEST_CASE("what would do more than move rows is refused before anything is touched") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto refusal = [&](const ProposedChange& plan) {
    const auto answer = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
    REQUIRE_FALSE(answer);
    return answer.error().message;
  };
  SECTION("too many rows") {
    auto plan = drain_plan();
    std::get<PartitionChange>(plan.detail).most_rows = 999;
    CHECK_THAT(refusal(plan), ContainsSubstring("more than 999 rows go to events_2"));
  }
  SECTION("a foreign key") {
    cluster.exec("shop", "CREATE TABLE notes (event int REFERENCES events ON DELETE CASCADE)");
    CHECK_THAT(refusal(drain_plan()), ContainsSubstring("foreign key"));
  }
  SECTION("a trigger") {
    cluster.exec("shop",
                 "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                 "CREATE TRIGGER told AFTER DELETE ON events FOR EACH ROW EXECUTE FUNCTION told()");
    CHECK_THAT(refusal(drain_plan()), ContainsSubstring("trigger on DELETE"));
  }
  SECTION("a trigger that only the way back would run") {
    cluster.exec("shop",
                 "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
                 "CREATE TRIGGER told AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION told()");
    CHECK_THAT(refusal(drain_plan()), ContainsSubstring("a trigger on INSERT, which the way back would run"));
  }
  SECTION("a publication") {
    cluster.exec("shop", "CREATE PUBLICATION all_of_it FOR ALL TABLES");
    CHECK_THAT(refusal(drain_plan()), ContainsSubstring("published"));
  }
  SECTION("a statement of its own") {
    auto plan = drain_plan();
    plan.sql_up = {"DELETE FROM events_rest"};
    CHECK_THAT(refusal(plan), ContainsSubstring("leave them out"));
  }
  SECTION("a table of that name") {
    cluster.exec("shop", "CREATE TABLE events_3 (id int)");
    const auto change = rig.drive(rig.approved(drain_plan()).id);
    CHECK(change.state == ChangeState::failed);
    CHECK_THAT(change.last_error, ContainsSubstring("not attached"));
  }
  CHECK(rows_by_partition(cluster) == kBefore);
}

TEST_CASE("a partition that has got too many rows since stays where it is") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto plan = drain_plan();
  auto& detail = std::get<PartitionChange>(plan.detail);
  detail.ranges = {{"events_2", "1000", "100000"}};
  detail.most_rows = 3'000;
  const auto id = rig.approved(plan).id;
  REQUIRE(rig.drive(id).state == ChangeState::kept);
  cluster.exec("shop", "INSERT INTO events VALUES (5000)");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  const auto undone = rig.drive(id);
  CHECK(undone.state == ChangeState::failed);
  CHECK_THAT(undone.last_error, ContainsSubstring("more than 3000 rows"));
  CHECK(rows_by_partition(cluster) == "events_1 500, events_2 3001");
}

TEST_CASE("without the right to create in the schema the GRANT is named and nothing moves") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE drainer; EXCEPTION WHEN duplicate_object THEN END $$;"
               "REVOKE CREATE ON SCHEMA public FROM PUBLIC; ALTER TABLE events OWNER TO drainer;"
               "ALTER TABLE events_rest OWNER TO drainer");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto change = rig.drive(rig.approved(drain_plan("drainer")).id);
  CHECK(change.state == ChangeState::failed);
  CHECK(change.attempt == 0);
  CHECK_THAT(change.last_error, ContainsSubstring("GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"drainer\""));
  CHECK(rows_by_partition(cluster) == kBefore);
}
