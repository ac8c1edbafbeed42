#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

namespace pgtend::advisors {

// Since when one table stands above its triggers, as the readings showed it; nullopt: it does not.
struct BehindPast {
  std::optional<UtcTime> dead_since, changed_since;
  std::uint64_t epoch = 0;  // of the database's statistics
};
using BehindPasts = std::map<Oid, BehindPast>;

// The next memory: takes in tables that passed a trigger, forgets those that are below again, starts anew after a
// statistics reset. Call once per reading of facts, before autovacuum_behind.
[[nodiscard]] BehindPasts remember_behind(const BehindPasts& past, const DatabaseFacts& now);

// Tables whose dead tuples or changes stand above their own thresholds in both readings with no run in between: a
// VACUUM or ANALYZE now, and a smaller scale factor when the autovacuum runs but comes too late. Where autovacuum is
// switched on it gets two of its rounds (autovacuum_naptime) first.
[[nodiscard]] Advice autovacuum_behind(const DatabaseFacts& before, const DatabaseFacts& now, const BehindPasts& past,
                                       const AdvisorOptions& options);

}  // namespace pgtend::advisors
