#pragma once

#include "alerts/message.hpp"

namespace pgtend::test {

inline constexpr UtcTime kFired{Millis(1'767'582'720'000)};  // 2026-01-05T03:12:00Z

inline Alert connections(bool resolved) {
  Alert out;
  out.rule = "PgConnectionsHigh";
  out.group = "connections";
  out.labels = Labels{{"alertname", "PgConnectionsHigh"}, {"datname", "orders"}, {"severity", "critical"}};
  out.annotations = {{"summary", "96 % of the connections are in use"},
                     {"description", "Look for idle sessions <or> put a pooler in front & \"rest\"."},
                     {"runbook", "PgConnectionsHigh"},
                     {"runbook_url", "https://wiki.example.org/PgConnectionsHigh"}};
  out.state = resolved ? AlertState::resolved : AlertState::firing;
  out.value = 0.96;
  out.active_at = kFired - std::chrono::minutes(10);
  out.fired_at = kFired;
  if (resolved) {
    out.resolved_at = kFired + std::chrono::minutes(7);
    out.resolved_value = 0.41;
  }
  out.highest = 0.99;
  out.lowest = 0.82;
  out.facts.comparison = "> 0.8";
  out.facts.normal = 0.31;
  out.facts.causes = {"usename=app, state=idle: 71"};
  out.facts.acts = {"change 7f3a runs and may cause this"};
  return out;
}

inline Notification notification(bool resolved) {
  Notification out;
  out.receiver = "oncall";
  out.integration = "oncall/x/0";
  out.group_key = "{}:{alertname=\"PgConnectionsHigh\"}";
  out.group_labels = Labels{{"alertname", "PgConnectionsHigh"}};
  out.reason = resolved ? NotificationReason::resolved : NotificationReason::firing;
  out.sequence = 42;
  out.told = 3;
  NotifiedAlert first;
  first.alert = connections(resolved);
  first.earlier = {{kFired - std::chrono::hours(1), kFired - std::chrono::minutes(50)}};
  out.alerts.push_back(first);
  if (!resolved) {
    NotifiedAlert second;
    second.alert = connections(false);
    second.alert.labels.set("datname", "crm");
    second.alert.labels.set("severity", "warning");
    second.alert.facts = {};
    out.alerts.push_back(second);
  }
  return out;
}

}  // namespace pgtend::test
