#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/engine/dispatching.hpp"
#include "alerts/notifiers/webhook.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/process.hpp"

namespace pgtend::test {

// A ledger and one receiver, "chat", that is told of each alert by itself.
struct ChatScene {
  FakeClock clock;
  TempDir dir{"chat"};
  std::unique_ptr<store::Ledger> ledger;
  alerts::DispatchRules rules;
  DispatchState state;

  ChatScene(const std::string& way, Millis group_interval) {
    auto opened = store::Ledger::open(dir.path() / "ledger.db", clock);
    REQUIRE(opened);
    ledger = std::move(*opened);
    Route root;
    root.receiver = "chat";
    root.group_by = std::vector<std::string>{"alertname"};
    root.group_wait = Millis(0);
    root.group_interval = group_interval;
    rules.tree = alerts::RouteTree(root);
    rules.receivers["chat"] = {{way, true}};
  }
  [[nodiscard]] engine::Render words() const {
    return [this](const Notification& notification) {
      auto message = engine::outbox_message(notification, "main", clock.now());
      message.body = alerts::webhook_body(notification, "");
      return message;
    };
  }
  // `all`: every alert there is; `changed`: those of them that are news.
  void dispatch(std::vector<Alert> all, const std::vector<Alert>& changed) {
    alerts::DispatchInputs inputs;
    inputs.alerts = std::move(all);
    take(engine::plan_dispatch(state, rules, inputs, changed, words(), clock.now()), changed);
  }
  void take(const engine::DispatchPlan& plan, const std::vector<Alert>& changed = {}) {
    REQUIRE(ledger->save_alerts(changed, plan.outgoing, plan.change));
    state = plan.next;
  }
  std::vector<OutboxMessage> due() { return ledger->claim(clock.now(), 10).value(); }
  void sent(const OutboxMessage& message) {
    const auto change = engine::plan_settle(state, message);
    REQUIRE(change);
    REQUIRE(ledger->mark_sent(message.id, *change));
  }
};

}  // namespace pgtend::test
