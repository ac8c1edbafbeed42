#pragma once

#include <optional>
#include <string>

#include "agent/change/verify/options.hpp"

namespace pgtend::change {

// What a server in trouble shows. A value that could not be read is nullopt and trips nothing.
struct Vitals {
  std::optional<double> replica_lag_seconds;  // of the standby that is furthest behind
  std::optional<double> disk_free;            // ratio, of the data directory's disk
  std::optional<double> lock_waiters;         // sessions of the database
  std::optional<double> commits, rollbacks;   // of the database, since its counters were reset
};

// Which hard trip there is now that was not there before the change, in one sentence with its numbers; empty: none.
// A pure function of its arguments.
[[nodiscard]] std::string hard_trip(const Vitals& before, const Vitals& now, const VerifyOptions& options);

// For the ledger: JSON, numbers only. Malformed text is nothing read.
[[nodiscard]] std::string vitals_text(const Vitals& vitals);
[[nodiscard]] Vitals parse_vitals(const std::string& text);

}  // namespace pgtend::change
