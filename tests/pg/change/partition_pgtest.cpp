#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

ProposedChange partition_plan(ActionClass action, const std::string& partition, const std::string& from = "",
                              const std::string& to = "") {
  ProposedChange plan;
  plan.action = action;
  plan.kind = ChangeKind::partition;
  plan.database = "shop";
  plan.detail = PartitionChange{"public", "events", partition, from, to, 7};
  return plan;
}
ProposedChange third() {
  return partition_plan(ActionClass::create_partition, "events_3", "2000", "3000");
}

void make_events(PgCluster& cluster) {
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE TABLE events (id int PRIMARY KEY, kind int DEFAULT 3) PARTITION BY RANGE (id);"
               "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (1000);"
               "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (1000) TO (2000);"
               "INSERT INTO events SELECT g, g % 10 FROM generate_series(0, 1999) g");
}

std::string attached(PgCluster& cluster) {
  return cluster.exec(
      "shop",
      "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_inherits h JOIN pg_class c ON c.oid "
      "= h.inhrelid WHERE h.inhparent = 'events'::regclass");
}
bool exists(PgCluster& cluster, const std::string& table) {
  return cluster.exec("shop", "SELECT to_regclass('" + table + "') IS NOT NULL") == "t";
}
std::string comment(PgCluster& cluster, const std::string& table) {
  return cluster.exec("shop", "SELECT coalesce(obj_description('" + table + "'::regclass), '')");
}
// As if it had been detached that long ago.
void age_detachment(PgCluster& cluster, const std::string& table, const std::string& interval) {
  const auto now = comment(cluster, table);
  const auto at = now.rfind("detached ") + 9;
  const auto then = cluster.exec(
      "shop", "SELECT (timestamptz '" + now.substr(at) + "' - interval '" + interval + "') AT TIME ZONE 'UTC'");
  cluster.exec("shop", "COMMENT ON TABLE " + table + " IS '" + now.substr(0, at) + then + "+00'");
}

}  // namespace

TEST_CASE("a partition is made ahead with its indexes and defaults, and its undo drops it while it holds nothing") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(third()).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(attached(cluster) == "events_1 events_2 events_3");
  CHECK(comment(cluster, "events_3") == "pgtend:" + id);
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_index WHERE indrelid = 'events_3'::regclass") == "1");
  SECTION("empty, it is dropped") {
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    const auto undone = rig.drive(id);
    CAPTURE(undone.last_error);
    CHECK(undone.state == ChangeState::reverted);
    CHECK_FALSE(exists(cluster, "events_3"));
    CHECK(attached(cluster) == "events_1 events_2");
  }
  SECTION("with rows, it stays") {
    cluster.exec("shop", "INSERT INTO events (id) VALUES (2500)");
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    const auto undone = rig.drive(id);
    CHECK(undone.state == ChangeState::failed);
    CHECK_THAT(undone.last_error, ContainsSubstring("holds rows"));
    CHECK(cluster.exec("shop", "SELECT kind FROM events WHERE id = 2500") == "3");
  }
}

TEST_CASE("a partition that a killed agent made and did not attach is attached after the restart") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  std::string id;
  {
    Rig rig(cluster, {.ledger_file = ledger});
    id = rig.approved(third()).id;
  }
  run_agent_until(cluster, ledger, id, "after pre_validated>applying");
  cluster.exec("shop", "CREATE TABLE events_3 (LIKE events INCLUDING ALL)");
  const auto oid = cluster.exec("shop", "SELECT 'events_3'::regclass::oid");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(attached(cluster) == "events_1 events_2 events_3");
  CHECK(cluster.exec("shop", "SELECT 'events_3'::regclass::oid") == oid);
}

TEST_CASE("what cannot be attached is dropped again, and a table of somebody else's is left alone") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto overlaps = partition_plan(ActionClass::create_partition, "events_3", "1500", "2500");
  const auto change = rig.drive(rig.approved(overlaps).id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("overlap"));
  CHECK_FALSE(exists(cluster, "events_3"));
  const auto id = rig.approved(third()).id;
  cluster.exec("shop", "CREATE TABLE events_3 (id int)");
  const auto foreign = rig.drive(id);
  CHECK(foreign.state == ChangeState::failed);
  CHECK_THAT(foreign.last_error, ContainsSubstring("did not make"));
  CHECK(exists(cluster, "events_3"));
}

TEST_CASE("no partition is made while a DEFAULT partition with rows would be scanned under a strong lock") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  cluster.exec("shop", "CREATE TABLE events_rest PARTITION OF events DEFAULT");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto empty = rig.run(rig.pipeline().submit_plan(third(), "person:ann"));
  REQUIRE(empty);
  CHECK(empty->plan.lock == LockLevel::access_exclusive);
  cluster.exec("shop", "INSERT INTO events (id) VALUES (5000)");
  const auto change = rig.drive(rig.approved(*empty).id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("DEFAULT partition is not empty"));
  CHECK_FALSE(exists(cluster, "events_3"));
}

TEST_CASE("a partition is detached, attached again by the undo, and dropped only after its days of grace") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_events(cluster);
  cluster.exec("shop", "COMMENT ON TABLE events_1 IS 'the first'");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto detach = partition_plan(ActionClass::detach_partition, "events_1");
  const auto id = rig.approved(detach).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK((change.plan.sql_up.front().find("CONCURRENTLY") != std::string::npos) == (major == 0 || major >= 14));
  CHECK(attached(cluster) == "events_2");
  CHECK(cluster.exec("shop", "SELECT count(*) FROM events_1") == "1000");
  CHECK(comment(cluster, "events_1").starts_with("the first pgtend:" + id + " detached "));
  SECTION("undone") {
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    const auto undone = rig.drive(id);
    CAPTURE(undone.last_error);
    CHECK(undone.state == ChangeState::reverted);
    CHECK(attached(cluster) == "events_1 events_2");
    CHECK(comment(cluster, "events_1") == "the first");
    // DETACH CONCURRENTLY adds one.
    CHECK(cluster.exec("shop",
                       "SELECT count(*) FROM pg_constraint WHERE contype = 'c' AND conrelid = 'events_1'::regclass") ==
          "0");
  }
  SECTION("dropped") {
    const auto drop = partition_plan(ActionClass::drop_partition, "events_1");
    const auto early = rig.run(rig.pipeline().submit_plan(drop, "person:ann"));
    REQUIRE_FALSE(early);
    CHECK_THAT(early.error().message, ContainsSubstring("less than 7 days"));
    age_detachment(cluster, "events_1", "7 days 1 minute");
    const auto dropped = rig.drive(rig.approved(drop).id);
    CAPTURE(dropped.last_error);
    CHECK(dropped.state == ChangeState::kept);
    CHECK_FALSE(exists(cluster, "events_1"));
    const auto back = rig.run(rig.pipeline().undo(dropped.id, "person:ann"));
    REQUIRE_FALSE(back);
    CHECK(back.error().code == Errc::unsupported);
  }
}

TEST_CASE("a detachment that was interrupted is finished after the restart") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  std::string id;
  {
    Rig rig(cluster, {.ledger_file = ledger});
    id = rig.approved(partition_plan(ActionClass::detach_partition, "events_1")).id;
  }
  run_agent_until(cluster, ledger, id, "after pre_validated>applying");
  // It waits for this reader, so that it can be cancelled in its second half.
  auto reader = cluster.session("shop");
  reader.exec("BEGIN; SELECT count(*) FROM events");
  auto acting = cluster.session("shop");
  acting.send("ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY");
  const auto pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
  REQUIRE(eventually([&] { return cluster.exec("shop", pending) == "1"; }));
  cluster.exec("shop", "SELECT pg_cancel_backend(" + std::to_string(acting.backend_pid()) + ")");
  CHECK_THROWS(acting.finish());
  reader.exec("COMMIT");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(cluster.exec("shop", pending) == "0");
  CHECK(attached(cluster) == "events_2");
}

TEST_CASE("a table that pgtend did not detach, or that is attached, is not dropped") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto refusal = [&](const ProposedChange& plan) {
    const auto answer = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
    REQUIRE_FALSE(answer);
    return answer.error().message;
  };
  auto drop = partition_plan(ActionClass::drop_partition, "events_1");
  CHECK_THAT(refusal(drop), ContainsSubstring("not a detached table"));
  cluster.exec("shop", "ALTER TABLE events DETACH PARTITION events_1");
  CHECK_THAT(refusal(drop), ContainsSubstring("not detached by a change of pgtend"));
  std::get<PartitionChange>(drop.detail).grace_days = 0;
  CHECK_THAT(refusal(drop), ContainsSubstring("grace"));
  auto other = partition_plan(ActionClass::drop_partition, "events_1");
  other.sql_up = {"DROP TABLE public.events CASCADE"};
  CHECK_THAT(refusal(other), ContainsSubstring("not what the plan describes"));
  CHECK(exists(cluster, "events_1"));
}
