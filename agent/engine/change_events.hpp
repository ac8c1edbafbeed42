#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/config/settings.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"

namespace pgtend::engine {

// What makes a change event the same as one in the outbox: who is told, and the change with how it ended.
[[nodiscard]] std::string change_event_id(const OutboxMessage& message);

// A message for each change of the last day that was kept or undone and each PagerDuty way that asks for change events.
// `instance`: its name. The way's address and key are looked up when it is sent.
[[nodiscard]] std::vector<OutboxMessage> change_events(const config::AlertingConfig& alerting,
                                                       const std::string& instance, const std::vector<Change>& changes,
                                                       UtcTime now);

}  // namespace pgtend::engine
