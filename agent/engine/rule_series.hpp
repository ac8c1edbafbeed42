#pragma once

#include <map>
#include <optional>
#include <set>

#include "agent/engine/rule_set.hpp"
#include "agent/model/history.hpp"

namespace pgtend::engine {

// How long a rule's metrics must be missing to be called missing. Source: a collector that runs once a day.
inline constexpr Millis kRuleSeriesRange{24LL * 3'600'000};

// How many series of the last day the metrics have that each of the user's rules names, by the rule's labels `rule` and
// `group`. Left out are the shipped rules (they name what comes and goes), those of `fired` (they work, also when what
// they name is away, as with absent()), those without a metric, and all of them while history begins (`oldest`) within
// that day: what was before its first sample is not known. What cannot be read counts as there. REQUIRES: a thread that
// may block.
[[nodiscard]] std::map<Labels, double> count_rule_series(const RuleSet& rules, const std::set<Labels>& fired,
                                                         HistoryReader& reader, std::optional<UtcTime> oldest,
                                                         UtcTime now);

}  // namespace pgtend::engine
