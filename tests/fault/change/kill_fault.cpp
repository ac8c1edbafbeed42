#include <algorithm>
#include <iostream>
#include <random>

#include "tests/fault/change/kinds.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"

// kill -9 of the agent before and after each state of a change is recorded, and after each statement, from the proposal
// to the end of the undo, for each kind. An unbroken run says which points there are and what is right; after a kill
// the next agent must come to the very same.
using namespace pgtend;
using namespace pgtend::test;

namespace {

struct Run {
  std::vector<std::string> points;
  std::string before, applied, undone;
};

// A server of its own: what a case sets for the whole instance is nobody else's.
void make_scene(Scene& scene, const KindRow& row) {
  auto& cluster = scene.cluster;
  const bool pending = cluster.exec("postgres", "SHOW max_connections") == "60";
  cluster.exec("postgres", "ALTER SYSTEM RESET ALL");
  cluster.reload();
  if (pending) cluster.restart();
  make_shop(cluster);
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE killed LOGIN; EXCEPTION WHEN duplicate_object THEN END $$; ALTER ROLE killed "
               "RESET ALL; ALTER TABLE orders SET (autovacuum_enabled = off);"
               // What is somebody else's, like what a change might leave behind.
               "CREATE INDEX orders_note_ccnew ON orders (note);"
               "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_note_ccnew'::regclass;"
               "CREATE INDEX items_order ON items (order_id);"
               "COMMENT ON INDEX items_order IS 'pgtend:00000000-0000-4000-8000-000000000000';"
               "CREATE POLICY theirs ON items USING (true); CREATE STATISTICS theirs ON id, order_id FROM items;"
               "ALTER ROLE killed SET statement_timeout = '1h'; ALTER TABLE items SET (fillfactor = 80)");
  row.make(scene);
}

// From whatever the ledger knows to the applied change.
Change bring_up(Rig& rig, Scene& scene, const KindRow& row, ChangeState up) {
  auto known = rig.ledger().list_changes({}, 10);
  if (!known) throw std::runtime_error(known.error().describe());
  Change change;
  if (known->empty()) {
    auto proposed = rig.run(rig.pipeline().submit_plan(row.plan(scene), "person:ann"));
    if (!proposed) throw std::runtime_error(proposed.error().describe());
    change = *proposed;
  } else {
    change = known->front();
  }
  if (change.state == ChangeState::proposed) change = rig.approved(change);
  return rig.drive(change.id, [&](const Change& now) {
    return is_final(now.state) || now.state == up || now.state == ChangeState::reverting;
  });
}

Change take_back(Rig& rig, const KindRow& row, Change change) {
  if (!row.has_way_back || change.state == ChangeState::reverted) return change;
  if (change.state != ChangeState::reverting) {
    auto undone = rig.run(rig.pipeline().undo(change.id, "person:ann"));
    if (!undone) throw std::runtime_error(undone.error().describe());
  }
  return rig.drive(change.id);
}

// What the killed agent finds: for a setting that needs a restart, the server that had one.
void come_to_restart(Scene& scene, const KindRow& row) {
  if (!row.restarts) return;
  {
    Rig rig(scene.cluster, scene.options());
    bring_up(rig, scene, row, ChangeState::needs_restart);
  }
  scene.cluster.restart();
}

// "1" or "0", as it comes to be: a reload and the counters of a table reach the catalogs a moment later.
bool comes_to_show(Scene& scene, const KindRow& row, const std::string& value) {
  return eventually([&] { return row.shows(scene) == value; });
}

// Points that each run passes: what a busy machine adds is left out.
bool is_sure(const std::string& point) {
  return point.find("deferred") == std::string::npos && point != "applying.running";
}

Run unbroken(PgCluster& cluster, const KindRow& row) {
  Scene scene(cluster);
  make_scene(scene, row);
  Run out;
  out.before = inventory(scene);
  CHECK(row.shows(scene) == "0");
  come_to_restart(scene, row);
  auto options = scene.options();
  options.fault = [&](std::string_view point) {
    const std::string name(point);
    if (is_sure(name) && std::find(out.points.begin(), out.points.end(), name) == out.points.end())
      out.points.push_back(name);
  };
  Rig rig(cluster, options);
  const auto change = bring_up(rig, scene, row, row.up);
  CAPTURE(change.last_error);
  REQUIRE(change.state == row.up);
  REQUIRE(comes_to_show(scene, row, "1"));
  out.applied = inventory(scene);
  const auto ended = take_back(rig, row, change);
  CAPTURE(ended.last_error);
  REQUIRE(ended.state == (row.has_way_back ? ChangeState::reverted : ChangeState::kept));
  REQUIRE(comes_to_show(scene, row, row.has_way_back ? "0" : "1"));
  out.undone = inventory(scene);
  if (row.has_way_back) CHECK(out.undone == out.before);
  return out;
}

void kill_at(PgCluster& cluster, const KindRow& row, const Run& right, const std::string& point) {
  CAPTURE(row.name, point);
  Scene scene(cluster);
  make_scene(scene, row);
  come_to_restart(scene, row);
  run_until_killed(cluster, scene.options(), point, [&](Rig& rig) {
    const auto change = bring_up(rig, scene, row, row.up);
    std::cerr << to_string(take_back(rig, row, change).state) << " " << change.last_error << "\n";
  });
  Rig rig(cluster, scene.options());
  rig.run(rig.pipeline().recover());
  auto change = bring_up(rig, scene, row, row.up);
  CAPTURE(change.last_error, change.attempt);
  const bool undoing = change.state == ChangeState::reverting || change.state == ChangeState::reverted;
  if (!undoing) {
    CHECK(change.state == row.up);
    CHECK(comes_to_show(scene, row, "1"));
    CHECK(inventory(scene) == right.applied);
  }
  change = take_back(rig, row, change);
  CHECK(change.state == (row.has_way_back ? ChangeState::reverted : ChangeState::kept));
  CHECK(comes_to_show(scene, row, row.has_way_back ? "0" : "1"));
  CHECK(inventory(scene) == right.undone);
  const auto changes = rig.ledger().list_changes({}, 10);
  REQUIRE(changes);
  CHECK(changes->size() == 1);
  const auto audit = rig.ledger().audit_verify();
  REQUIRE(audit);
  CHECK(audit->ok);
}

std::uint64_t seed_of_slice() {
  return std::getenv("PGTEND_SEED") != nullptr ? first_seed() : std::random_device{}();
}

// In the suite each kind is killed at one point, by the seed; at length at every point, so many times.
void kill_all(const std::vector<KindRow>& rows) {
  PgCluster cluster;
  const auto seed = seed_of_slice();
  std::cerr << "PGTEND_SEED=" << seed << std::endl;
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  const int rounds = seeded_runs(0);
  int kills = 0;
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto right = unbroken(cluster, row);
    // Each statement and both sides of the intent, the result and the end.
    REQUIRE(right.points.size() >= (row.restarts ? 8 : 11));
    const auto one = right.points[static_cast<std::size_t>(dice.below(static_cast<int>(right.points.size())))];
    if (rounds == 0) kill_at(cluster, row, right, one);
    for (int round = 0; round < rounds; ++round)
      for (const auto& point : right.points) kill_at(cluster, row, right, point);
    kills += rounds == 0 ? 1 : rounds * static_cast<int>(right.points.size());
    std::cerr << row.name << ": " << right.points.size() << " points" << std::endl;
  }
  std::cerr << kills << " kills" << std::endl;
}

}  // namespace

TEST_CASE("an agent killed at any transition of an index's change brings it to its right end") {
  kill_all(index_rows());
}

TEST_CASE("an agent killed at any transition of a setting brings it to its right end") {
  kill_all(setting_rows());
}

TEST_CASE("an agent killed at any transition of a refresh, VACUUM, ANALYZE or statistics brings it to its right end") {
  kill_all(table_rows());
}

TEST_CASE("an agent killed at any transition of a partition or a policy brings it to its right end") {
  kill_all(partition_rows());
}

TEST_CASE("an agent killed at any transition of a session's end or a pooler's file brings it to its right end") {
  kill_all(other_rows());
}
