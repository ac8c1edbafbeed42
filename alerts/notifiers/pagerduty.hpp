#pragma once

#include <string>

#include "agent/model/change.hpp"
#include "agent/model/notification.hpp"
#include "alerts/message.hpp"

namespace pgtend::alerts {

// An event of PagerDuty's Events API v2 without its routing key: trigger while an alert of the group fires, else
// resolve. `dedup_key`: at most 255 characters, the same for every event of the group.
[[nodiscard]] std::string pagerduty_body(const Notification& notification, const MessageContext& context,
                                         const std::string& dedup_key);

// What kind of outbox message a change event is: it has an address of its own.
inline constexpr const char* kChangeEvent = "change";

// A change event for a change that was kept or undone, without its routing key. Its statements stay out: the predicate
// of an index may hold values of the user's data.
[[nodiscard]] std::string pagerduty_change_body(const Change& change, const MessageContext& context);

// Where change events go when events go to `url`: the last part `enqueue` becomes `change/enqueue`; an address without
// it takes both.
[[nodiscard]] std::string pagerduty_change_address(std::string url);

// The event with its routing key, as it is sent.
[[nodiscard]] std::string with_routing_key(const std::string& body, const std::string& key);

}  // namespace pgtend::alerts
