#pragma once

#include <string>

#include "agent/model/notification.hpp"
#include "alerts/message.hpp"

namespace pgtend::alerts {

// An event of PagerDuty's Events API v2 without its routing key: trigger while an alert of the group fires, else
// resolve. `dedup_key`: at most 255 characters, the same for every event of the group.
[[nodiscard]] std::string pagerduty_body(const Notification& notification, const MessageContext& context,
                                         const std::string& dedup_key);

// The event with its routing key, as it is sent.
[[nodiscard]] std::string with_routing_key(const std::string& body, const std::string& key);

}  // namespace pgtend::alerts
