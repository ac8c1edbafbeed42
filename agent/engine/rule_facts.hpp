#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "agent/model/history.hpp"

namespace pgtend::engine {

// What is known of one metric.
struct MetricFacts {
  bool stored = false;             // has samples in the window
  bool made = false;               // a collector or a recording rule makes it
  std::optional<MetricKind> kind;  // as its collector says, else by its name, else as its values behave
  std::optional<Millis> interval;  // the usual distance of two samples, milliseconds
  std::optional<double> least, most;
};

// Reads what history holds of the metrics that rules name, each once.
// REQUIRES: one thread; the reader outlives the object.
class RuleFacts {
 public:
  // `window`: where to look for any sample of a metric; its values are read over the last hour of it. It begins no
  // earlier than what history holds, or the time before would count as one in which everything was missing.
  RuleFacts(HistoryReader& history, TimeRange window, const std::vector<MetricDef>& defs, const RuleSet& rules);

  [[nodiscard]] const MetricFacts& of(const std::string& metric);
  // Whether a stored series in the window matches. Errors: those of the reader.
  [[nodiscard]] Result<bool> matches(const std::vector<Matcher>& matchers);
  // The stored or collected metric whose name is closest; nullopt when none is close.
  [[nodiscard]] std::optional<std::string> nearest_name(const std::string& metric);
  [[nodiscard]] HistoryReader& history() { return history_; }
  [[nodiscard]] TimeRange window() const { return window_; }

 private:
  [[nodiscard]] bool is_named_as_counter(const std::string& metric);
  MetricFacts look_up(const std::string& metric);

  HistoryReader& history_;
  TimeRange window_;
  std::map<std::string, MetricKind> defined_;
  std::set<std::string> recorded_;
  std::map<std::string, MetricFacts> known_;
};

}  // namespace pgtend::engine
