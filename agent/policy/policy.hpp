#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/policy.hpp"
#include "agent/policy/window.hpp"

namespace pgtend::policy {

// How far back policy looks. The rest after an undo doubles each time, from a week: a year covers five undos, and it is
// the time in which a class earns its record.
inline constexpr std::chrono::days kMemory{365};

// What may be done with a proposed change now. Pure: equal arguments give an equal answer.
// `automatic` without not_before may start at once; with not_before it waits and will run by itself then (ask again
// at that moment). `recommend` with not_before: an undo of the same thing is too fresh to propose it again before then.
// Decision::limit is a stable name for the audit: "ledger", "standby", "role", "freeze", "setting deny list", "plan",
// "rule NAME", "action_class NAME", "no way back", "risk high", "restart", "cost estimate", "undo count",
// "track record", "cool_down after undo", "window NAME", "budget changes|bytes|seconds|wal_bytes|replica_lag",
// "cool_down", "in flight".
// `past.in_flight` must not hold the change that is asked about; an entry "" stands for a change to the whole instance.
[[nodiscard]] Decision decide(const ProposedChange& change, Risk risk, const PolicyConfig& config,
                              const PolicyPast& past, UtcTime now);

// The same gate for a change that a person approved, asked when it is about to be applied: windows, budgets and
// cool-downs bind only what runs by itself. `automatic` says go (limit "approval"); with not_before it waits ("in
// flight"); anything else is `refused`: "ledger", "standby", "role", "freeze", "setting deny list", "plan", a rule or
// action_class that says never, "approval_ttl".
[[nodiscard]] Decision decide_approved(const ProposedChange& change, const PolicyConfig& config, const PolicyPast& past,
                                       std::optional<UtcTime> approved_at, UtcTime now);

// Name of the rule that decides for this change, to be kept in PolicyPast::Entry::rule; empty: the class default.
[[nodiscard]] std::string rule_for(const ProposedChange& change, const PolicyConfig& config);

// Whether a budget binds this change to the lag of the standbys, so that it must be read before decide() is asked.
[[nodiscard]] bool has_replica_ceiling(const ProposedChange& change, const PolicyConfig& config);

// True for settings that run code, change who may connect, hide an audit trail or risk the stored data; pgtend never
// sets them, granted or not.
[[nodiscard]] bool is_denied_setting(std::string_view name);

}  // namespace pgtend::policy
