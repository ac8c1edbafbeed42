#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "agent/model/history.hpp"

// What of a range a rule could have been evaluated in.
namespace pgtend::engine {

struct Sight {
  std::optional<UtcTime> history_from;  // nullopt: of old
  std::optional<UtcTime> fine_from;     // before it there are only copies, one value per `coarse`
  Millis coarse{0};
  std::map<std::string, std::set<std::string>> collectors;  // by metric
};

struct Darkness {
  std::vector<TimeRange> ranges;   // ascending, apart from each other: alerts are held there as they are
  std::vector<std::string> notes;  // for people
};

// Where nothing was sampled, where a collector that the rule reads gave nothing (live its alerts are unknown then), and
// where what is stored is too coarse for the rule. `gaps`: of the range. Pure.
[[nodiscard]] Darkness darkness_of(const LoadedRule& rule, const std::vector<Gap>& gaps, TimeRange range, Millis step,
                                   const Sight& sight);

}  // namespace pgtend::engine
