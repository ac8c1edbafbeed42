#include "agent/change/plan_hash.hpp"
#include "agent/change/progress.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::change;

namespace {

ProposedChange index_plan() {
  ProposedChange plan;
  plan.action = ActionClass::create_index;
  plan.kind = ChangeKind::index;
  plan.system_identifier = "7000000000000000001";
  plan.database = "shop";
  plan.object = "public.orders";
  plan.run_as_role = "app_owner";
  plan.sql_up = {"CREATE INDEX CONCURRENTLY \"i\" ON \"public\".\"orders\" (\"a\")"};
  plan.sql_down = {"DROP INDEX CONCURRENTLY \"public\".\"i\""};
  plan.detail = IndexChange{"public", "i", "orders", {"a"}, {}, "btree", false, ""};
  return plan;
}

}  // namespace

TEST_CASE("the plan hash changes with every frozen part and with no estimate") {
  const auto plan = index_plan();
  const auto hash = plan_hash(plan);
  CHECK(hash.size() == 64);
  CHECK(plan_hash(index_plan()) == hash);
  auto estimate = plan;
  estimate.cost.bytes = 12345;
  estimate.target_statements = {1, 2, 3};
  CHECK(plan_hash(estimate) == hash);

  std::vector<ProposedChange> others(8, plan);
  others[0].sql_up[0] += " ";
  others[1].sql_down.clear();
  others[2].database = "shop2";
  others[3].run_as_role = "postgres";
  others[4].object = "public.order";
  std::get<IndexChange>(others[5].detail).key_columns = {"a", "b"};
  others[6].system_identifier.clear();
  others[7].sql_up = {plan.sql_up[0] + plan.sql_down[0]};
  others[7].sql_down.clear();
  for (const auto& other : others) CHECK(plan_hash(other) != hash);
}

TEST_CASE("a value that was not set and an empty value hash differently") {
  ProposedChange plan;
  plan.kind = ChangeKind::setting;
  plan.detail = SettingChange{"work_mem", "8MB", "kB", "", "", "", std::nullopt};
  auto empty = plan;
  std::get<SettingChange>(empty.detail).previous = "";
  CHECK(plan_hash(plan) != plan_hash(empty));
}

TEST_CASE("the lock key of an object is stable and never the database's own key") {
  // FNV-1a 32; two agents of different versions must agree on it.
  CHECK(lock_key("public.orders") == lock_key("public.orders"));
  CHECK(lock_key("a") == static_cast<std::int32_t>(0xE40C292C));
  CHECK(lock_key("public.orders") != lock_key("public.items"));
  CHECK(lock_key("") != 0);
}

TEST_CASE("progress never runs backwards through the phases of a concurrent build") {
  const std::vector<CreateIndexRow> rows{
      {"CREATE INDEX CONCURRENTLY", "initializing", 0, 0, {}, 0, 0, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "waiting for writers before build", 0, 2, 4711, 0, 0, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "waiting for writers before build", 2, 2, {}, 0, 0, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "building index: scanning table", 0, 0, {}, 500, 1000, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "building index: scanning table", 0, 0, {}, 1000, 1000, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "building index: sorting live tuples", 0, 0, {}, 0, 0, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "building index: loading tuples in tree", 0, 0, {}, 0, 0, 10, 100},
      {"CREATE INDEX CONCURRENTLY", "building index: loading tuples in tree", 0, 0, {}, 0, 0, 90, 100},
      {"CREATE INDEX CONCURRENTLY", "waiting for writers before validation", 0, 1, 12, 0, 0, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "index validation: scanning index", 0, 0, {}, 5, 10, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "index validation: sorting tuples", 0, 0, {}, 0, 0, 0, 0},
      // counters of an earlier phase may linger
      {"CREATE INDEX CONCURRENTLY", "index validation: scanning table", 0, 0, {}, 9'999, 1'000, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "index validation: scanning table", 0, 0, {}, 10, 1'000, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "waiting for old snapshots", 0, 1, 99, 0, 0, 0, 0},
      {"CREATE INDEX CONCURRENTLY", "a phase of a later version", 0, 0, {}, 0, 0, 0, 0}};
  std::optional<Progress> last;
  for (const auto& row : rows) {
    const auto next = next_progress(last, row);
    CAPTURE(row.phase);
    CHECK(next.ratio >= (last ? last->ratio : 0));
    CHECK(next.ratio <= 1);
    last = next;
  }
  CHECK(last->ratio > 0.95);
  CHECK(last->ratio < 1);
}

TEST_CASE("a waiting phase names the session that is waited for") {
  const auto seen =
      next_progress(std::nullopt, {"CREATE INDEX CONCURRENTLY", "waiting for old snapshots", 1, 3, 4711, 0, 0, 0, 0});
  CHECK(is_waiting_phase(seen.phase));
  CHECK(seen.waiting_for_pid == 4711);
  CHECK(seen.unit == "lockers");
  CHECK(seen.total == 3);
  CHECK_FALSE(is_waiting_phase("building index: scanning table"));
}
