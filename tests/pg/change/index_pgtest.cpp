#include <algorithm>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::vector<std::string> actions_of(Rig& rig, const std::string& id) {
  std::vector<std::string> out;
  for (const auto& entry : rig.audit())
    if (entry.subject == id) out.push_back(entry.action);
  return out;
}

std::size_t position(const std::vector<std::string>& list, const std::string& what) {
  return static_cast<std::size_t>(std::find(list.begin(), list.end(), what) - list.begin());
}

}  // namespace

TEST_CASE("an approved index is built, carries the change's id, is measured and kept") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto change = rig.drive(rig.approved(index_plan()).id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(index_comment(cluster, "orders_customer_idx") == "pgtend:" + change.id);
  CHECK(invalid_indexes(cluster) == "0");
  REQUIRE(change.verdict);
  CAPTURE(change.verdict->explanation, change.evidence_before, change.evidence_after);
  CHECK(change.verdict->kind == VerdictKind::improved);
  CHECK(change.verdict->effect < -0.7);
  CHECK(change.verdict->metric == "buffers per call");
  const auto actions = actions_of(rig, change.id);
  CHECK(position(actions, "change.apply.intent") < position(actions, "change.apply.result"));
  CHECK(position(actions, "change.approve") < position(actions, "change.apply.intent"));
  CHECK(position(actions, "change.verdict") < actions.size());
  CHECK(change.evidence_before.find("disk_free_bytes") != std::string::npos);
  // What is charged is what it took, not the 64 KiB and 0 s of its plan.
  const auto built = std::stoll(cluster.exec("shop", "SELECT pg_relation_size('orders_customer_idx')"));
  REQUIRE(change.spent);
  CAPTURE(built, change.spent->bytes, change.spent->seconds, change.spent->wal_bytes);
  CHECK(change.spent->bytes >= built);
  CHECK(change.spent->bytes < 1 << 16);
  CHECK(change.spent->seconds > 0);
  CHECK(change.spent->seconds < 30);
  CHECK(change.spent->wal_bytes > 0);

  SECTION("and a person can take it back") {
    auto undone = rig.run(rig.pipeline().undo(change.id, "person:ann"));
    REQUIRE(undone);
    CHECK(rig.drive(change.id).state == ChangeState::reverted);
    CHECK(index_comment(cluster, "orders_customer_idx").empty());
  }
  SECTION("and an index that somebody made anew is not taken back") {
    cluster.exec("shop", "DROP INDEX orders_customer_idx; CREATE INDEX orders_customer_idx ON orders (customer_id)");
    REQUIRE(rig.run(rig.pipeline().undo(change.id, "person:ann")));
    const auto after = rig.drive(change.id);
    CHECK(after.state == ChangeState::failed);
    CHECK_THAT(after.last_error, ContainsSubstring("somebody"));
    CHECK(index_comment(cluster, "orders_customer_idx") == "-");
  }
}

TEST_CASE("an index of any shape is built and kept, however the server writes its definition") {
  const std::string shape =
      GENERATE("btree (lower(note))", "btree (customer_id) INCLUDE (note)", "btree (customer_id) WHERE note = 'N'",
               "gin (to_tsvector('simple', note))", "brin (id) WITH (pages_per_range = 32)");
  CAPTURE(shape);
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(shaped_index_plan(shape)).id;
  const auto change = rig.drive(id, [](const Change& now) { return now.applied_at || is_final(now.state); });
  CAPTURE(change.last_error);
  CHECK(change.applied_at);
  CHECK_FALSE(is_final(change.state));
  CHECK(index_comment(cluster, "orders_shaped_idx") == "pgtend:" + id);
}

TEST_CASE("two partial indexes that differ in the case of a value are not equal") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop", "CREATE INDEX by_hand ON orders USING btree (customer_id) WHERE (note = 'n'::text)");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto submit = [&](const std::string& shape) {
    return rig.run(rig.pipeline().submit_plan(shaped_index_plan(shape), "person:ann"));
  };
  CHECK(submit("btree (customer_id) WHERE (note = 'n'::text)").error().code == Errc::conflict);
  CHECK(submit("btree (customer_id) WHERE (note = 'N'::text)"));
}

TEST_CASE("an index that makes its statements worse is undone") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .buffers = 1, .wal = 4});
  const auto change = rig.drive(rig.approved(index_plan()).id);
  CAPTURE(change.last_error);
  REQUIRE(change.verdict);
  CAPTURE(change.verdict->explanation);
  CHECK(change.state == ChangeState::reverted);
  CHECK(change.verdict->kind == VerdictKind::regressed);
  CHECK(change.verdict->metric == "WAL bytes per call");
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  CHECK(invalid_indexes(cluster) == "0");
}

TEST_CASE("an index without effect is undone when there is no more time in which it could have one") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .buffers = 1});
  // Its hour, 2.5 s here, is over long before.
  const Millis longest(7'000);
  rig.options().verify.max_observe = longest;
  const auto change = rig.drive(rig.approved(index_plan()).id);
  CHECK(change.state == ChangeState::reverted);
  REQUIRE(change.applied_at);
  CHECK(change.updated_at - *change.applied_at >= longest);
  REQUIRE(change.verdict);
  CHECK(change.verdict->kind == VerdictKind::no_effect);
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
}

TEST_CASE("an index can be dropped and the drop taken back") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop", "CREATE INDEX orders_note_idx ON orders USING btree (note)");
  auto plan = index_plan("orders_note_idx", "note");
  std::swap(plan.sql_up, plan.sql_down);
  plan.action = ActionClass::drop_index;
  std::get<IndexChange>(plan.detail).is_drop = true;
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto change = rig.approved(plan);
  rig.drive(change.id, [](const Change& now) { return now.state == ChangeState::observing; });
  CHECK(index_comment(cluster, "orders_note_idx").empty());
  REQUIRE(rig.run(rig.pipeline().undo(change.id, "person:ann")));
  CHECK(rig.drive(change.id).state == ChangeState::reverted);
  CHECK(index_comment(cluster, "orders_note_idx") == "-");
  CHECK(invalid_indexes(cluster) == "0");
}

TEST_CASE("a build that waits longer than its budget is cancelled, cleaned and deferred") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  auto reader = cluster.session("shop");
  reader.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM items");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .wait_budget = Millis(300)});
  const auto id = rig.approved(index_plan()).id;
  const auto change = rig.drive(id, [](const Change& now) { return now.state == ChangeState::deferred; });
  REQUIRE(change.state == ChangeState::deferred);
  CHECK_THAT(change.last_error, ContainsSubstring("wait budget"));
  CHECK_THAT(change.last_error, ContainsSubstring(std::to_string(reader.backend_pid())));
  CHECK(change.not_before);
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  CHECK(invalid_indexes(cluster) == "0");
  reader.exec("COMMIT");
  CHECK(rig.drive(id).state == ChangeState::kept);
}

TEST_CASE("a leftover that its blocker keeps from being removed is removed when the blocker ends") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .wait_budget = Millis(200)});
  const auto id = rig.approved(index_plan()).id;
  const auto stuck = rig.drive(id, [](const Change& now) { return !now.last_error.empty(); });
  CHECK(stuck.state == ChangeState::applying);
  CHECK_THAT(stuck.last_error, ContainsSubstring("wait budget"));
  writer.exec("COMMIT");
  const auto change = rig.drive(id, [](const Change& now) { return now.state != ChangeState::applying; });
  CHECK(change.state == ChangeState::deferred);
  CHECK(invalid_indexes(cluster) == "0");
  CHECK(rig.drive(id).state == ChangeState::kept);
}

TEST_CASE("a stop of the agent cancels a running build, cleans it and lets it go on later") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  auto reader = cluster.session("shop");
  reader.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM items");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(index_plan()).id;
  rig.drive(id, [&](const Change&) { return rig.pipeline().progress(id).has_value(); });
  CHECK(rig.get(id).state == ChangeState::deferred);
  CHECK(invalid_indexes(cluster) == "0");
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  reader.exec("COMMIT");
  CHECK(rig.drive(id).state == ChangeState::kept);
}

TEST_CASE("an old transaction in the database keeps a build from starting") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  auto reader = cluster.session("shop");
  reader.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM orders");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().max_xact_age = Millis(1);
  const auto change =
      rig.drive(rig.approved(index_plan()).id, [](const Change& now) { return now.state == ChangeState::deferred; });
  CHECK(change.state == ChangeState::deferred);
  CHECK_THAT(change.last_error, ContainsSubstring("pid " + std::to_string(reader.backend_pid())));
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
}

TEST_CASE("an equal index, a foreign INVALID index and a changed table stop a plan before anything is touched") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  SECTION("equal index") {
    const auto change = rig.approved(index_plan());
    cluster.exec("shop", "CREATE INDEX by_hand ON orders (customer_id)");
    const auto after = rig.drive(change.id);
    CHECK(after.state == ChangeState::failed);
    CHECK_THAT(after.last_error, ContainsSubstring("by_hand"));
    CHECK(index_comment(cluster, "orders_customer_idx").empty());
  }
  SECTION("changed table") {
    const auto change = rig.approved(index_plan());
    cluster.exec("shop", "ALTER TABLE orders ADD COLUMN more int");
    const auto after = rig.drive(change.id);
    CHECK(after.state == ChangeState::failed);
    CHECK_THAT(after.last_error, ContainsSubstring("not what it was"));
    CHECK(index_comment(cluster, "orders_customer_idx").empty());
  }
  SECTION("of two equal indexes that were each to go because the other stays, one stays") {
    cluster.exec("shop", "CREATE INDEX one_idx ON orders (note); CREATE INDEX two_idx ON orders (note)");
    const auto drop = [&](const std::string& index, const std::string& stays) {
      auto plan = index_plan(index, "note");
      std::swap(plan.sql_up, plan.sql_down);
      plan.action = ActionClass::drop_index;
      auto& detail = std::get<IndexChange>(plan.detail);
      detail.is_drop = true;
      detail.served_by = stays;
      return rig.approved(plan).id;
    };
    const auto first = drop("one_idx", "two_idx"), second = drop("two_idx", "one_idx");
    REQUIRE(rig.drive(first).state == ChangeState::kept);
    const auto after = rig.drive(second);
    CHECK(after.state == ChangeState::failed);
    CHECK_THAT(after.last_error, ContainsSubstring("public.one_idx, which was to serve instead of two_idx"));
    CHECK(index_comment(cluster, "two_idx") == "-");
  }
  SECTION("foreign INVALID index") {
    const auto change = rig.approved(index_plan());
    cluster.exec("shop",
                 "CREATE INDEX orders_customer_idx ON orders (customer_id, note);"
                 "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_customer_idx'::regclass");
    const auto after = rig.drive(change.id);
    CHECK(after.state == ChangeState::failed);
    CHECK(index_comment(cluster, "orders_customer_idx") == "-");
  }
}
