#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

bool is_observed(const Change& change) {
  return change.state == ChangeState::observing || is_final(change.state);
}

void make_events(PgCluster& cluster) {
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE SCHEMA archive; CREATE TABLE events (id int, kind int) PARTITION BY RANGE (id);"
               "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (1000);"
               "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (1000) TO (2000);"
               "CREATE TABLE archive.events_3 PARTITION OF events FOR VALUES FROM (2000) TO (3000);"
               "INSERT INTO events SELECT g, g % 10 FROM generate_series(0, 2999) g");
}

// What a person writes: as if the table were a plain one.
ProposedChange events_plan() {
  return index_plan("events_kind_idx", "kind", "events");
}

// Valid indexes of the tree, the table's included.
std::string valid_indexes(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname LIKE "
                      "'%events_kind_idx' AND i.indisvalid");
}
std::string all_indexes(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT count(*) FROM pg_class WHERE relname LIKE '%events_kind_idx' AND relkind IN "
                      "('i', 'I')");
}
std::string comment(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT coalesce(obj_description(oid, 'pg_class'), '-') FROM pg_class WHERE relname = "
                      "'events_kind_idx'");
}

std::string approved_change(PgCluster& cluster, const std::string& ledger) {
  Rig rig(cluster, {.ledger_file = ledger});
  return rig.approved(events_plan()).id;
}

}  // namespace

TEST_CASE("an index on a partitioned table is built on each partition and attached, and its undo drops all") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto proposed = rig.run(rig.pipeline().submit_plan(events_plan(), "person:ann"));
  REQUIRE(proposed);
  REQUIRE(proposed->plan.sql_up.size() == 7);
  CHECK_THAT(proposed->plan.sql_up.front(), ContainsSubstring("ON ONLY"));
  const auto id = rig.approved(*proposed).id;
  // A writer of another partition does not hold up the builds, nor do they hold it up.
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(valid_indexes(cluster) == "4");
  CHECK(comment(cluster) == "pgtend:" + id);
  CHECK(cluster.exec("shop", "SELECT indisvalid FROM pg_index WHERE indexrelid = 'events_kind_idx'::regclass") == "t");
  // New partitions have it by themselves.
  cluster.exec("shop", "CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM (3000) TO (4000)");
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_index WHERE indrelid = 'events_4'::regclass") == "1");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  const auto undone = rig.drive(id);
  CAPTURE(undone.last_error);
  CHECK(undone.state == ChangeState::reverted);
  CHECK(all_indexes(cluster) == "0");
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_index WHERE indrelid = 'events_4'::regclass") == "0");
}

TEST_CASE("builds on partitions that a killed agent left unfinished are gone on with, not begun again") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  const auto id = approved_change(cluster, ledger);
  const bool alone = GENERATE(true, false);
  CAPTURE(alone);
  // The build on the second partition waits for this writer, so that the first one's is done by then.
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE events_1 SET kind = 1 WHERE id = 1");
  run_agent_until(cluster, ledger, id, "applying.running");
  const auto acting = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/chg/%'";
  if (alone) {
    // Its server process ends with it, and leaves what it built INVALID.
    cluster.exec("shop",
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/chg/%'");
    REQUIRE(eventually([&] { return cluster.exec("shop", acting) == "0"; }));
    CHECK(invalid_indexes(cluster) == "2");
  }
  writer.exec("COMMIT");
  const auto parent = "SELECT 'events_kind_idx'::regclass::oid";
  const auto before = cluster.exec("shop", parent);
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(change.attempt == 1);
  CHECK(cluster.exec("shop", parent) == before);
  CHECK(valid_indexes(cluster) == "4");
  CHECK(invalid_indexes(cluster) == "0");
  CHECK(comment(cluster) == "pgtend:" + id);
}

TEST_CASE("when a build on a partition cannot be finished, all of the index is dropped and it is tried again later") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .wait_budget = Millis(300)});
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE events_2 SET kind = 1 WHERE id = 1500");
  const auto id = rig.approved(events_plan()).id;
  bool free = false;
  const auto change = rig.drive(id, [&](const Change& now) {
    if (!free && now.state == ChangeState::applying && !now.last_error.empty()) {
      writer.exec("COMMIT");
      free = true;
    }
    return now.state == ChangeState::deferred || is_final(now.state);
  });
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::deferred);
  CHECK_THAT(change.last_error, ContainsSubstring("wait budget"));
  CHECK(all_indexes(cluster) == "0");
  if (!free) writer.exec("COMMIT");
  CHECK(rig.drive(id, is_observed).state == ChangeState::observing);
  CHECK(valid_indexes(cluster) == "4");
}

TEST_CASE("an index is not spread over partitions that changed since, nor over partitions of partitions") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(events_plan()).id;
  cluster.exec("shop", "CREATE TABLE events_4 PARTITION OF events FOR VALUES FROM (3000) TO (4000)");
  const auto change = rig.drive(id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("not those of the plan"));
  CHECK(all_indexes(cluster) == "0");
  cluster.exec("shop",
               "CREATE TABLE events_5 PARTITION OF events FOR VALUES FROM (4000) TO (5000) PARTITION BY RANGE (id)");
  const auto nested = rig.run(rig.pipeline().submit_plan(events_plan(), "person:ann"));
  REQUIRE_FALSE(nested);
  CHECK(nested.error().code == Errc::unsupported);
  CHECK_THAT(nested.error().message, ContainsSubstring("events_5"));
}

TEST_CASE("a plan for partitions whose parts are not one index is refused") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto good = rig.run(rig.pipeline().submit_plan(events_plan(), "person:ann"));
  REQUIRE(good);
  const auto refused = [&](const std::function<void(ProposedChange&)>& spoil) {
    auto plan = good->plan;
    spoil(plan);
    const auto answer = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == Errc::invalid_argument);
  };
  refused([](auto& plan) { plan.sql_up[2] = "CREATE INDEX CONCURRENTLY x ON public.events_1 USING btree (id)"; });
  refused([](auto& plan) { plan.sql_up[2] = "DROP TABLE events_1"; });
  refused([](auto& plan) { plan.sql_up[5] = plan.sql_up[4]; });
  refused([](auto& plan) { plan.sql_up.push_back("DROP TABLE events"); });
  refused([](auto& plan) { plan.sql_down = {"DROP TABLE events"}; });
}

TEST_CASE("an index of a partition with a long name has one that PostgreSQL does not cut") {
  auto& cluster = shared_cluster();
  make_events(cluster);
  // It would be cut in the middle of a character.
  const auto name = std::string(53, 'n') + "ä";
  for (const auto* end : {"aaaaaa", "bbbbbb"})
    cluster.exec("shop", "CREATE TABLE \"" + name + end + "\" PARTITION OF events FOR VALUES FROM (" +
                             (*end == 'a' ? "3000) TO (4000)" : "4000) TO (5000)"));
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(events_plan()).id;
  const auto change = rig.drive(id, is_observed);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::observing);
  CHECK(cluster.exec("shop",
                     "SELECT count(DISTINCT relname) FROM pg_class WHERE relkind = 'i' AND relname LIKE "
                     "'nnnn%' AND octet_length(relname) = 62") == "2");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(invalid_indexes(cluster) == "0");
}
