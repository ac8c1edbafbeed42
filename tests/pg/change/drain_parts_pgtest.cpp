#include <thread>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

ProposedChange drain_plan(std::vector<PartitionRange> ranges) {
  ProposedChange plan;
  plan.action = ActionClass::drain_default;
  plan.kind = ChangeKind::partition;
  plan.database = "shop";
  PartitionChange detail;
  detail.schema = "public";
  detail.table = "events";
  detail.ranges = std::move(ranges);
  detail.most_rows = 200'000;
  plan.detail = detail;
  return plan;
}

// `rows` rows of ids from 1000 on in the DEFAULT partition.
void make_events(PgCluster& cluster, int rows) {
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE TABLE events (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);"
               "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (1000);"
               "CREATE TABLE events_rest PARTITION OF events DEFAULT;"
               "INSERT INTO events SELECT g, 0 FROM generate_series(1, " +
                   std::to_string(rows + 999) + ") g; ANALYZE events");
}

std::string rows_by_partition(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT string_agg(p || ' ' || n, ', ' ORDER BY p) FROM (SELECT tableoid::regclass::text AS p, "
                      "count(*) AS n FROM events GROUP BY 1) AS counted");
}

// The longest statement of a session that does nothing else, while `over` is false.
template <class Act>
Millis worst_of(const std::atomic<bool>& over, const Act& act) {
  Millis worst{0};
  while (!over) {
    const auto begun = std::chrono::steady_clock::now();
    act();
    worst = std::max(worst, std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun));
  }
  return worst;
}

}  // namespace

TEST_CASE("a hundred thousand rows are drained in parts, beside a writer that hardly waits for any of them") {
  auto& cluster = shared_cluster();
  make_events(cluster, 100'000);
  cluster.exec("shop", "CREATE TABLE aside (id int PRIMARY KEY, n int); INSERT INTO aside VALUES (1, 0)");
  TempDir dir("pgtend-change");
  std::atomic<int> parts{0};
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.fault = [&](std::string_view point) { parts += point == "applying.part"; };
  Rig rig(cluster, options);
  const auto id = rig.approved(drain_plan({{"events_2", "1000", "200000"}})).id;
  std::atomic<bool> over{false};
  std::atomic<int> updates{0};
  Millis worst{0}, worst_aside{0};
  std::thread writer([&] {
    auto session = cluster.session("shop");
    worst = worst_of(over, [&] {
      session.exec("UPDATE events SET n = n + 1 WHERE id = 90000");
      ++updates;
    });
  });
  std::thread aside([&] {
    auto session = cluster.session("shop");
    worst_aside = worst_of(over, [&] { session.exec("UPDATE aside SET n = n + 1"); });
  });
  auto change = rig.drive(id);
  // One call works for 30 s at most.
  for (int more = 0; more < 6 && !is_final(change.state); ++more) change = rig.drive(id);
  over = true;
  writer.join();
  aside.join();
  CAPTURE(change.last_error, worst.count(), worst_aside.count(), parts.load());
  CHECK(change.state == ChangeState::kept);
  CHECK(parts > 5);
  CHECK(rows_by_partition(cluster) == "events_1 999, events_2 100000");
  CHECK(cluster.exec("shop", "SELECT n FROM events WHERE id = 90000") == std::to_string(updates));
  // What the machine itself takes shows beside; the end of the transaction is no part of the promise.
  CHECK(worst <= rig.options().lock_hold + worst_aside + Millis(100));
}

TEST_CASE("a part ends behind all rows of one key, and the way back takes them in parts too") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE TABLE events (at date, \"50% %L\" text, n int) PARTITION BY RANGE (at);"
               "CREATE TABLE events_rest PARTITION OF events DEFAULT;"
               "INSERT INTO events SELECT '2026-01-01'::date + g / 1500, 'a''b', g FROM generate_series(0, 5999) g;"
               "INSERT INTO events VALUES (NULL, NULL, -1), ('2027-01-01', NULL, -2)");
  const auto sum = [&] {
    return cluster.exec("shop", "SELECT count(*) || ' ' || md5(string_agg(e::text, ',' ORDER BY n)) FROM events e");
  };
  const auto before = sum();
  TempDir dir("pgtend-change");
  std::vector<std::string> seen;
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.fault = [&](std::string_view point) {
    if (point.ends_with(".part")) seen.push_back(rows_by_partition(cluster));
  };
  Rig rig(cluster, options);
  const auto id = rig.approved(drain_plan({{"events_2026", "2026-01-01", "2027-01-01"}})).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(seen == std::vector<std::string>{"events_2026 1500, events_rest 4502", "events_2026 3000, events_rest 3002",
                                         "events_2026 4500, events_rest 1502", "events_2026 6000, events_rest 2"});
  CHECK(sum() == before);
  CHECK(cluster.exec("shop", "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'events_2026'") ==
        "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')");
  seen.clear();
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  const auto undone = rig.drive(id);
  CAPTURE(undone.last_error);
  CHECK(undone.state == ChangeState::reverted);
  CHECK(seen.size() > 2);
  CHECK(rows_by_partition(cluster) == "events_rest 6002");
  CHECK(sum() == before);
}

TEST_CASE("identity and foreign key and index of the table are in the partition that grows in parts") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE TABLE kinds (kind int PRIMARY KEY); INSERT INTO kinds VALUES (0), (1);"
               "CREATE TABLE events (id int GENERATED ALWAYS AS IDENTITY, at int NOT NULL, kind int REFERENCES kinds) "
               "PARTITION BY RANGE (at);"
               "CREATE TABLE events_rest PARTITION OF events DEFAULT; CREATE INDEX events_at ON events (at);"
               "INSERT INTO events (at, kind) SELECT g, g % 2 FROM generate_series(1, 1200) g;");
  const auto sum = [&] {
    return cluster.exec("shop", "SELECT md5(string_agg(e::text, ',' ORDER BY id)) FROM events e");
  };
  const auto before = sum();
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(drain_plan({{"events_1", "0", "2000"}})).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(rows_by_partition(cluster) == "events_1 1200");
  CHECK(sum() == before);
  CHECK(cluster.exec("shop",
                     "SELECT count(*) FROM pg_constraint WHERE conrelid = 'events_1'::regclass AND contype = 'f' "
                     "AND convalidated AND conparentid <> 0") == "1");
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_index WHERE indrelid = 'events_1'::regclass") == "1");
  cluster.exec("shop", "INSERT INTO events (at, kind) VALUES (1500, 1)");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  const auto undone = rig.drive(id);
  CAPTURE(undone.last_error);
  CHECK(undone.state == ChangeState::reverted);
  CHECK(rows_by_partition(cluster) == "events_rest 1201");
}

TEST_CASE("a drain whose lock is never granted ends with what it moved, and undo takes that back") {
  auto& cluster = shared_cluster();
  make_events(cluster, 1'200);
  TempDir dir("pgtend-change");
  std::optional<PgSession> reader;
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.fault = [&](std::string_view point) {
    if (point != "applying.part" || reader) return;
    reader.emplace(cluster.session("shop"));
    reader->exec("BEGIN; SELECT count(*) FROM events");
  };
  Rig rig(cluster, options);
  rig.options().lock_attempts = 2;
  rig.options().max_attempts = 2;
  rig.options().defer_for = Millis(10);
  const auto id = rig.approved(drain_plan({{"events_2", "1000", "2000"}, {"events_3", "2000", "3000"}})).id;
  const auto change = rig.drive(id);
  CHECK(change.state == ChangeState::failed);
  CHECK(change.attempt == 2);
  CHECK_THAT(change.last_error, ContainsSubstring("the lock was not granted in 2 attempts"));
  CHECK_THAT(change.last_error,
             ContainsSubstring("0 of 2 partitions are attached to public.events, and public.events_2 "
                               "with a part of its rows"));
  CHECK_THAT(change.last_error, ContainsSubstring("pgtend changes undo"));
  CHECK(rows_by_partition(cluster) == "events_1 999, events_2 500, events_rest 700");
  CHECK(cluster.exec("shop", "SELECT obj_description('events_2'::regclass)") == "pgtend:" + id);
  reader->exec("COMMIT");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(rows_by_partition(cluster) == "events_1 999, events_rest 1200");
}

TEST_CASE("when even the smallest part would hold its lock too long nothing moves and the change says so") {
  auto& cluster = shared_cluster();
  make_events(cluster, 1'200);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().lock_hold = Millis(1);
  rig.options().max_attempts = 1;
  const auto id = rig.approved(drain_plan({{"events_2", "1000", "3000"}})).id;
  const auto change = rig.drive(id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("even 16 rows do not move within 1 ms"));
  CHECK(rows_by_partition(cluster) == "events_1 999, events_rest 1200");
  CHECK(cluster.exec("shop", "SELECT to_regclass('events_2') IS NULL") == "t");
}
