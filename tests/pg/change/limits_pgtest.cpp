#include <optional>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// The lane of the advisors, which keep it for up to two minutes.
pg::Lease take_advise_lane(Rig& rig) {
  const auto limit = rig.clock().steady_now() + Millis(5'000);
  auto lease = rig.run(rig.lanes().lease(pg::Lane::advise, "shop", limit));
  if (!lease) throw std::runtime_error(lease.error().describe());
  return std::move(*lease);
}

bool is_applied(const Change& change) {
  return is_final(change.state) || change.state == ChangeState::observing;
}

// From the approval to the moment at which its facts were taken.
Millis time_to_validate(const std::vector<AuditEntry>& audit) {
  std::optional<UtcTime> approved, validated;
  for (const auto& entry : audit) {
    if (entry.action == "change.approve") approved = entry.at;
    if (entry.action == "change.validate") validated = entry.at;
  }
  REQUIRE(approved);
  REQUIRE(validated);
  return std::chrono::duration_cast<Millis>(*validated - *approved);
}

}  // namespace

TEST_CASE("a change is applied, verified and undone while the advisors keep their lane") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  REQUIRE(rig.ledger().put_texts({{1, "SELECT count(*) FROM orders WHERE customer_id = $1"}}));
  const bool is_setting = GENERATE(false, true);
  CAPTURE(is_setting);
  const auto id = rig.approved(is_setting ? system_setting_plan("work_mem", "7MB") : index_plan()).id;
  const auto held = take_advise_lane(rig);
  auto change = rig.drive(id, is_applied);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::observing);
  CHECK(change.attempt == 1);
  // Which statements it is judged by and what their plans are is looked at in passing.
  CHECK(time_to_validate(rig.audit()) < Millis(5'000));
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::reverted);
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  CHECK(eventually([&] { return cluster.exec("shop", "SHOW work_mem") == "4MB"; }));
}

TEST_CASE("the server itself ends a statement that runs for longer than its kind may, and it is not repeated") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop",
               "DROP MATERIALIZED VIEW totals; CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) AS n "
               "FROM orders, (SELECT pg_sleep(3)) slow GROUP BY 1");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().refresh_budget = Millis(300);
  const auto change = rig.drive(rig.approved(refresh_plan(false)).id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::failed);
  CHECK(change.attempt == 1);
  CHECK(change.last_error.find("change.refresh_timeout") != std::string::npos);
  CHECK(cluster.exec("shop",
                     "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%REFRESH%' AND state = 'active' "
                     "AND pid <> pg_backend_pid()") == "0");
}

TEST_CASE("a change that touches no statement is observed once and not for as long as one that may be measured yet") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop", "DO $$ BEGIN CREATE ROLE idler; EXCEPTION WHEN duplicate_object THEN END $$");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().verify.max_observe = Millis(3'600'000);
  auto plan = role_setting_plan("idler", "work_mem", "8192kB");
  plan.target_statements.clear();
  const auto change = rig.drive(rig.approved(plan).id);
  CHECK(change.state == ChangeState::kept);
  REQUIRE(change.verdict);
  CHECK(change.verdict->kind == VerdictKind::insufficient);
  // The kind of the verdict is said once, where it is shown.
  CHECK(change.last_error == "kept without a verdict: no statement is known to use the changed object");
  cluster.exec("shop", "DROP ROLE idler");
}
