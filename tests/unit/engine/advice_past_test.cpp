#include "agent/engine/advice_past.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;

namespace {

const UtcTime kNow = from_ms(1'700'000'000'000);
constexpr Millis kDay{86'400'000};

Change index_change(const std::string& id, ChangeState state) {
  Change out;
  out.id = id;
  out.recommendation_id = "rec-" + id;
  out.state = state;
  out.plan.action = ActionClass::create_index;
  out.plan.kind = ChangeKind::index;
  out.plan.database = "shop";
  out.plan.object = "public.orders";
  IndexChange detail;
  detail.schema = "public";
  detail.table = "orders";
  detail.key_columns = {"customer_id"};
  out.plan.detail = detail;
  return out;
}

PolicyPast undone_at(UtcTime at) {
  PolicyPast out;
  out.changes.push_back({ActionClass::create_index, "shop", "public.orders", "", at, true, {}});
  return out;
}

}  // namespace

TEST_CASE("a recommendation whose change was undone rests for policy's cool-down and no longer") {
  PolicyConfig policy;
  policy.cool_down_after_undo = 7 * kDay;
  const std::vector<Change> changes{index_change("undone", ChangeState::reverted),
                                    index_change("kept", ChangeState::kept),
                                    index_change("failed", ChangeState::failed)};
  advisors::AdvisorOptions resting;
  engine::add_past(resting, changes, "shop", policy, undone_at(kNow - 6 * kDay), kNow);
  CHECK(resting.cooling_down == std::set<std::string>{"rec-undone"});
  CHECK(resting.open_indexes.empty());
  advisors::AdvisorOptions rested;
  engine::add_past(rested, changes, "shop", policy, undone_at(kNow - 7 * kDay), kNow);
  CHECK(rested.cooling_down.empty());
}

TEST_CASE("the advisors know which indexes are on their way in their database") {
  auto drop = index_change("drop", ChangeState::approved);
  std::get<IndexChange>(drop.plan.detail).is_drop = true;
  auto elsewhere = index_change("elsewhere", ChangeState::approved);
  elsewhere.plan.database = "crm";
  const std::vector<Change> changes{index_change("waits", ChangeState::proposed),
                                    index_change("seen", ChangeState::observing),
                                    index_change("done", ChangeState::kept), drop, elsewhere};
  advisors::AdvisorOptions options;
  engine::add_past(options, changes, "shop", {}, {}, kNow);
  REQUIRE(options.open_indexes.size() == 2);
  CHECK(options.open_indexes[0].change_id == "waits");
  CHECK(options.open_indexes[1].state == "observing");
  CHECK(options.open_indexes[1].columns == std::vector<std::string>{"customer_id"});
}
