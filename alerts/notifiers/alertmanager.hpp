#pragma once

#include <string>
#include <vector>

#include "agent/http/client.hpp"
#include "agent/model/alert.hpp"
#include "alerts/notifiers/delivery.hpp"

namespace pgtend::alerts {

// The body of POST /api/v2/alerts. startsAt is always sent; a resolved alert has endsAt <= now, a firing one
// now + `valid_for`, after which Alertmanager resolves it unless it is sent again. A character that a label name may
// not have becomes '_', for one bad alert makes the whole batch an error.
[[nodiscard]] std::string alertmanager_body(const std::vector<Alert>& alerts, UtcTime now, Millis valid_for,
                                            const std::string& external_url);

struct AlertmanagerTarget {
  std::string url;           // base, "http://127.0.0.1:9093"
  std::string bearer_token;  // empty: none
  Millis timeout{5000};
};

// Posts a body to one Alertmanager. A 400 is never retried: Alertmanager has stored the valid alerts of the batch.
// Errors: none today. REQUIRES: client and clock outlive the call.
net::TaskResult<Delivery> deliver_alertmanager(http::Client* client, const Clock* clock, AlertmanagerTarget target,
                                               std::string body);

}  // namespace pgtend::alerts
