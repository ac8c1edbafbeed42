#include "agent/engine/change_events.hpp"

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

const UtcTime kNow{Millis(1'700'000'000'000)};

Change change(const std::string& id, ChangeState state, Millis ago) {
  Change out;
  out.id = id;
  out.plan.action = ActionClass::create_index;
  out.plan.database = "shop";
  out.plan.object = "public.t";
  out.state = state;
  out.updated_at = kNow - ago;
  return out;
}

config::AlertingConfig ways(bool asked) {
  config::AlertingConfig out;
  config::ReceiverConfig receiver;
  receiver.name = "oncall";
  config::IntegrationConfig pager, chat;
  pager.kind = "pagerduty";
  pager.change_events = asked;
  chat.kind = "slack";
  receiver.integrations = {chat, pager};
  out.receivers.push_back(receiver);
  return out;
}

}  // namespace

TEST_CASE("who asks for change events is told what was kept or undone within a day, each end once") {
  const std::vector<Change> changes{
      change("a", ChangeState::kept, Millis(1000)), change("b", ChangeState::reverted, Millis(1000)),
      change("c", ChangeState::observing, Millis(1000)), change("d", ChangeState::failed, Millis(1000)),
      change("e", ChangeState::kept, std::chrono::hours(25))};
  CHECK(change_events(ways(false), "db-07", changes, kNow).empty());
  const auto events = change_events(ways(true), "db-07", changes, kNow);
  REQUIRE(events.size() == 2);
  for (const auto& event : events) {
    CHECK(event.receiver == "oncall/pagerduty/0");
    CHECK(event.kind == "change");
    CHECK(event.urgency == Urgency::info);
    CHECK(event.expires_at == kNow + std::chrono::hours(24));
  }
  CHECK(nlohmann::json::parse(events[0].body).at("payload").at("summary") ==
        "db-07: pgtend kept create_index on shop public.t");
  CHECK(nlohmann::json::parse(events[1].body).at("payload").at("summary") ==
        "db-07: pgtend undid create_index on shop public.t");
  // The same end has the same identity at any time, another end of the change has another.
  const auto later = change_events(ways(true), "db-07", changes, kNow + Millis(60'000));
  CHECK(change_event_id(later.at(0)) == change_event_id(events[0]));
  const auto undone = change_events(ways(true), "db-07", {change("a", ChangeState::reverted, Millis(0))}, kNow);
  CHECK(change_event_id(undone.at(0)) != change_event_id(events[0]));
}
