#pragma once

#include <string>
#include <vector>

#include "agent/http/client.hpp"
#include "agent/model/alert.hpp"
#include "alerts/notifiers/delivery.hpp"

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

struct WebhookTarget {
  std::string url;
  std::string bearer_token;  // empty: none
  Millis timeout{5000};
};

// Posts a body with an Idempotency-Key. The Result never carries an error of the network: that is a Delivery to retry.
// Errors: none today. REQUIRES: client and clock outlive the call.
net::TaskResult<Delivery> deliver_webhook(http::Client& client, const Clock& clock, WebhookTarget target,
                                          std::string body, std::string idempotency_key);

}  // namespace pgtend::alerts
