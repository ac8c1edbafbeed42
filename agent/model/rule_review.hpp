#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/history.hpp"
#include "agent/model/series.hpp"

// What lint, explain and backtest say of a rule.
namespace pgtend {

enum class LintSeverity { info, warning, error };
[[nodiscard]] std::string_view to_string(LintSeverity severity);

struct LintFinding {
  LintSeverity severity = LintSeverity::warning;
  std::string check;  // "gauge-in-rate", as docs/promql.md lists them
  std::string group, rule, file;
  int line = 0;
  std::string message;
};

// One part of an expression with what it gives at a moment.
struct ExplainedPart {
  int depth = 0;  // 0: the whole expression
  std::string text, type;
  std::size_t series = 0;       // how many it gives; of a range vector, how many have samples
  std::vector<SeriesData> top;  // a few of them, one sample each (of a range vector the last)
  std::string error;            // instead, when it cannot be evaluated
};

struct ExplainedRule {
  std::string group, rule, file;
  int line = 0;
  std::vector<ExplainedPart> parts;  // the whole first, then its parts in source order
};

// A stretch in which one alert of a rule would have fired.
struct AlertEpisode {
  Labels labels;
  UtcTime active_at, fired_at, ended_at;
  bool ended = false;  // false: it still fires at the end of the range
  double peak = 0;     // the worst value by the comparison of its rule; of another the furthest from the first
};

// The same rule with another threshold or another `for`.
struct RuleVariation {
  std::string what;  // "threshold 96", "for 10m"
  std::size_t episodes = 0, notifications = 0;
  Millis firing{0};
};

struct RuleBacktest {
  std::string group, rule, file, expr;
  int line = 0;
  Millis hold{0}, step{0};
  std::size_t episodes = 0;     // all of them; `shown` holds the first ones
  std::size_t near_misses = 0;  // pending, but over before `for` was
  Millis longest_near_miss{0};
  std::size_t flaps = 0;          // fired again soon after it had ended
  std::size_t notifications = 0;  // after grouping and repeating
  Millis firing{0};               // time with at least one alert firing
  std::vector<AlertEpisode> shown;
  std::vector<RuleVariation> sweep;
  std::vector<std::string> notes;  // what of the range or the rule was not tested, and why
  std::string message;             // what the first episode would have said
  std::string error;               // the rule could not be evaluated
};

// What a new version of a rule does to the old one's episodes.
struct BacktestChange {
  std::string rule;
  std::size_t old_episodes = 0, new_episodes = 0, old_notifications = 0, new_notifications = 0;
  std::size_t missed = 0;  // old episodes during which the new rule never fires
  std::size_t added = 0;   // new episodes during which the old rule never fired
};

struct BacktestReport {
  TimeRange range{};
  Millis blind{0};  // time in which the agent did not run: alerts are held there, as they would have been
  std::vector<RuleBacktest> rules;
  std::vector<BacktestChange> changes;  // only when compared with an old version
  std::optional<std::size_t> next;      // the time is up: the alert names from this one on are still to be asked for
};

}  // namespace pgtend
