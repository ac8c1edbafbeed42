#include "agent/policy/limits.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"

namespace pgtend::policy {

namespace {

constexpr Millis kDay{24LL * 3600 * 1000};
// Source: reference/tuning.md section 6, R3: after two undone changes a class needs approval again. They are
// forgotten after a month, so that one bad week does not bind for ever.
constexpr int kUndosThatEndTrust = 2;
constexpr Millis kUndoMemory{30 * kDay};
// A verdict has no known moment; this is when it is worth asking again.
constexpr Millis kInFlightRecheck{60'000};
// 2^10 weeks are 20 years.
constexpr int kMostDoublings = 10;

bool same_object(const PolicyPast::Entry& entry, const ProposedChange& change) {
  return entry.database == change.database && entry.object == change.object;
}

bool matches(const PolicyRule& rule, const ProposedChange& change) {
  const bool action =
      rule.actions.empty() || std::find(rule.actions.begin(), rule.actions.end(), change.action) != rule.actions.end();
  return action && glob_match(rule.database, change.database) && glob_match(rule.object, change.object);
}

// The span over which a budget is counted, and when the next one begins.
struct Period {
  UtcTime from;
  std::optional<UtcTime> next;
};

Period period_of(const PolicyWindow* window, UtcTime now) {
  if (window != nullptr) {
    const auto span = current_occurrence(*window, now);
    return {span ? span->from : now, next_opening(*window, now)};
  }
  const auto midnight = std::chrono::floor<std::chrono::days>(now);
  return {midnight, UtcTime(midnight) + kDay};
}

struct Spent {
  double changes = 0, bytes = 0, seconds = 0;
};

// A rule counts what it let through; a class default counts its class, so that one class cannot starve another.
Spent spent_since(UtcTime from, const ProposedChange& change, const Ruling& ruling, const PolicyPast& past) {
  const std::string rule = ruling.rule != nullptr ? ruling.rule->name : std::string();
  Spent spent;
  for (const auto& entry : past.changes) {
    if (entry.at < from || entry.rule != rule) continue;
    if (ruling.rule == nullptr && entry.action != change.action) continue;
    spent.changes += 1;
    spent.bytes += static_cast<double>(std::max<std::int64_t>(entry.spent.bytes, 0));
    spent.seconds += std::max(entry.spent.seconds, 0.0);
  }
  return spent;
}

std::string seconds_text(double seconds) {
  return format_duration(Millis(static_cast<std::int64_t>(std::min(seconds, 1e12) * 1000)));
}

std::string amount(std::string_view what, double value) {
  if (what == "bytes") return format_bytes(value);
  if (what == "seconds") return seconds_text(value);
  return format_double(value);
}

std::optional<Obstacle> over(std::string_view what, double spent, double estimate, std::optional<double> budget,
                             const Period& period) {
  if (!budget || spent + estimate <= *budget) return std::nullopt;
  Obstacle out;
  out.limit = "budget " + std::string(what);
  if (estimate > *budget) {
    out.reason = "It would take " + amount(what, estimate) + " of " + std::string(what) + "; the whole budget is " +
                 amount(what, *budget) + ".";
    return out;
  }
  out.reason = "Of the budget of " + amount(what, *budget) + " " + amount(what, spent) +
               " are spent; it would take another " + amount(what, estimate) + ".";
  out.until = period.next;
  return out;
}

}  // namespace

Ruling ruling_for(const ProposedChange& change, const PolicyConfig& config) {
  Ruling out;
  const std::string action(to_string(change.action));
  for (const auto& rule : config.rules) {
    if (!matches(rule, change)) continue;
    out.rule = &rule;
    break;
  }
  if (out.rule != nullptr) {
    out.mode = out.rule->mode;
    out.limit = "rule " + out.rule->name;
    out.subject = "Rule \"" + out.rule->name + "\"";
    out.budget = out.rule->budget;
    out.cool_down = out.rule->cool_down > Millis(0) ? out.rule->cool_down : config.cool_down;
  } else {
    const auto found = config.defaults.find(change.action);
    // A class that nobody decided about is only recommended.
    out.mode = found == config.defaults.end() ? PolicyMode::recommend : found->second;
    out.limit = "action_class " + action;
    out.subject = "The default for " + action;
    out.cool_down = config.cool_down;
  }
  if (!out.budget.changes) out.budget.changes = config.default_budget.changes;
  if (!out.budget.bytes) out.budget.bytes = config.default_budget.bytes;
  if (!out.budget.seconds) out.budget.seconds = config.default_budget.seconds;
  return out;
}

std::optional<Obstacle> window_obstacle(const ProposedChange& change, const PolicyWindow& window, UtcTime now) {
  Obstacle out;
  out.limit = "window " + window.name;
  const auto next = next_occurrence(window, now);
  if (!is_known_time_zone(window.time_zone)) {
    out.reason = "The time zone " + window.time_zone + " of window \"" + window.name + "\" is unknown here.";
    return out;
  }
  const auto needed = Millis(static_cast<std::int64_t>(std::min(change.cost.seconds, 1e12) * 1000));
  const auto current = current_occurrence(window, now);
  if (current && current->to - now >= needed) return std::nullopt;
  out.reason = "Window \"" + window.name + "\" is closed.";
  if (current)
    out.reason = "It needs " + format_duration(needed) + "; window \"" + window.name + "\" closes in " +
                 format_duration(current->to - now) + ".";
  // A window too short for the change never lets it through.
  if (next && next->to - next->from < needed) {
    out.reason = "It needs " + format_duration(needed) + ", longer than window \"" + window.name + "\".";
    return out;
  }
  if (next) out.until = next->from;
  return out;
}

std::optional<Obstacle> budget_obstacle(const ProposedChange& change, const Ruling& ruling, const PolicyWindow* window,
                                        const PolicyPast& past, UtcTime now) {
  const Period period = period_of(window, now);
  const Spent spent = spent_since(period.from, change, ruling, past);
  const auto& budget = ruling.budget;
  const auto number = [](const auto& limit) {
    return limit ? std::optional<double>(static_cast<double>(*limit)) : std::nullopt;
  };
  if (auto out = over("changes", spent.changes, 1, number(budget.changes), period)) return out;
  if (auto out = over("bytes", spent.bytes, static_cast<double>(change.cost.bytes), number(budget.bytes), period))
    return out;
  return over("seconds", spent.seconds, change.cost.seconds, number(budget.seconds), period);
}

std::optional<Obstacle> cool_down_obstacle(const ProposedChange& change, const Ruling& ruling, const PolicyPast& past,
                                           UtcTime now) {
  std::optional<UtcTime> last;
  for (const auto& entry : past.changes)
    if (same_object(entry, change) && (!last || entry.at > *last)) last = entry.at;
  if (!last || now >= *last + ruling.cool_down) return std::nullopt;
  return Obstacle{"cool_down", change.object + " was changed less than " + format_duration(ruling.cool_down) + " ago.",
                  *last + ruling.cool_down};
}

std::optional<Obstacle> undo_obstacle(const ProposedChange& change, const PolicyConfig& config, const PolicyPast& past,
                                      UtcTime now) {
  int undos = 0;
  std::optional<UtcTime> last;
  for (const auto& entry : past.changes) {
    if (!entry.undone || entry.action != change.action || !same_object(entry, change)) continue;
    ++undos;
    if (!last || entry.at > *last) last = entry.at;
  }
  if (!last) return std::nullopt;
  const Millis rest = config.cool_down_after_undo * (1LL << std::min(undos - 1, kMostDoublings));
  if (now >= *last + rest) return std::nullopt;
  return Obstacle{"cool_down after undo",
                  std::string(to_string(change.action)) + " of " + change.object + " was undone " +
                      (undos == 1 ? std::string("once") : std::to_string(undos) + " times") +
                      "; it is not proposed again for " + format_duration(rest) + ".",
                  *last + rest};
}

std::optional<Obstacle> in_flight_obstacle(const ProposedChange& change, const PolicyPast& past, UtcTime now) {
  // A setting of the whole instance would blur every other verdict, and every other change its own.
  const bool whole_instance = change.database.empty() || change.action == ActionClass::system_setting ||
                              change.action == ActionClass::restart_setting;
  for (const auto& database : past.in_flight) {
    if (!whole_instance && !database.empty() && database != change.database) continue;
    const std::string where = database.empty() ? "of the whole instance" : "in database " + database;
    return Obstacle{"in flight", "Another change " + where + " still waits for its verdict.", now + kInFlightRecheck};
  }
  return std::nullopt;
}

bool has_lost_trust(ActionClass action, const PolicyPast& past, UtcTime now) {
  const auto undone = std::count_if(past.changes.begin(), past.changes.end(), [&](const auto& entry) {
    return entry.undone && entry.action == action && entry.at > now - kUndoMemory;
  });
  return undone >= kUndosThatEndTrust;
}

}  // namespace pgtend::policy
