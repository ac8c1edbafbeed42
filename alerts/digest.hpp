#pragma once

#include <optional>
#include <set>
#include <string>

#include "alerts/dispatch.hpp"

// One message in place of many, for a receiver that takes no more messages now.
namespace pgtend::alerts {

// What kind of outbox message it is, and its place in a receiver's order: whatever is newer waits for it.
inline constexpr const char* kDigest = "digest";
inline constexpr const char* kDigestKey = "{}:{digest}";

// Says what all messages of one way say that wait, and takes their place: the groups remember it as what they said
// last. `waiting`: the sequences of these messages, each above 0. Result: the notification, without words; nullopt when
// fewer than two messages wait, or when a message is of no group, which cannot be said again. `state` is then
// unchanged.
[[nodiscard]] std::optional<Notification> combine(DispatchState& state, const std::string& receiver,
                                                  const std::string& integration, const std::set<std::int64_t>& waiting,
                                                  DispatchStep& step);

// A digest of this sequence has arrived, or was given up for good. Result: keys of the groups that change by it.
std::set<std::string> settle_digest(DispatchState& state, const std::string& integration, std::int64_t sequence);

}  // namespace pgtend::alerts
