#pragma once

#include <string>
#include <vector>

#include "agent/model/notification.hpp"

namespace pgtend::alerts {

// What a webhook body says besides its alerts.
struct WebhookGroup {
  std::string receiver;
  std::string group_key;  // {}:{alertname="X"}
  Labels group_labels;
  std::string external_url;  // where the agent answers; empty allowed
  int truncated_alerts = 0;
};

// The body of Alertmanager's webhook, version 4. Besides its fields each alert carries `value` and, once resolved and
// known, `resolvedValue`.
[[nodiscard]] std::string webhook_body(const WebhookGroup& group, const std::vector<Alert>& alerts);
// The same of a notification, with notification_reason, sequence, and each alert's earlier episodes that this receiver
// has not been told of.
[[nodiscard]] std::string webhook_body(const Notification& notification, const std::string& external_url);

}  // namespace pgtend::alerts
