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
// Nor has a standby that catches up.
constexpr Millis kReplicaRecheck{60'000};
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

std::string seconds_text(double seconds) {
  return format_duration(Millis(static_cast<std::int64_t>(std::min(seconds, 1e12) * 1000)));
}

std::string amount(std::string_view what, double value) {
  if (what == "bytes" || what == "wal_bytes") return format_bytes(value);
  if (what == "seconds") return seconds_text(value);
  return format_double(value);
}

std::optional<Obstacle> over(std::string_view what, double spent, double estimate, std::optional<double> budget,
                             std::optional<UtcTime> next) {
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
  out.until = next;
  return out;
}

}  // namespace

Ruling ruling_of(const PolicyRule* rule, ActionClass action, const PolicyConfig& config) {
  Ruling out;
  out.rule = rule;
  out.cool_down = config.cool_down;
  const std::string name(to_string(action));
  if (rule != nullptr) {
    out.mode = rule->mode;
    out.limit = "rule " + rule->name;
    out.subject = "Rule \"" + rule->name + "\"";
    out.budget = rule->budget;
    if (rule->cool_down > Millis(0)) out.cool_down = rule->cool_down;
  } else {
    const auto found = config.defaults.find(action);
    // A class that nobody decided about is only recommended.
    out.mode = found == config.defaults.end() ? PolicyMode::recommend : found->second;
    out.limit = "action_class " + name;
    out.subject = "The default for " + name;
  }
  const auto& general = config.default_budget;
  if (!out.budget.changes) out.budget.changes = general.changes;
  if (!out.budget.bytes) out.budget.bytes = general.bytes;
  if (!out.budget.seconds) out.budget.seconds = general.seconds;
  if (!out.budget.wal_bytes) out.budget.wal_bytes = general.wal_bytes;
  if (!out.budget.replica_lag) out.budget.replica_lag = general.replica_lag;
  return out;
}

Ruling ruling_for(const ProposedChange& change, const PolicyConfig& config) {
  const auto found =
      std::find_if(config.rules.begin(), config.rules.end(), [&](const auto& rule) { return matches(rule, change); });
  return ruling_of(found == config.rules.end() ? nullptr : &*found, change.action, config);
}

const PolicyWindow* window_of(const Ruling& ruling, const PolicyConfig& config) {
  if (ruling.rule == nullptr || ruling.rule->window.empty()) return nullptr;
  const auto found = std::find_if(config.windows.begin(), config.windows.end(),
                                  [&](const auto& each) { return each.name == ruling.rule->window; });
  return found == config.windows.end() ? nullptr : &*found;
}

BudgetUse budget_use(const Ruling& ruling, ActionClass action, const PolicyWindow* window, const PolicyPast& past,
                     UtcTime now) {
  BudgetUse out;
  if (window != nullptr) {
    if (const auto span = current_occurrence(*window, now)) out.from = span->from;
    out.next = next_opening(*window, now);
  } else {
    const auto midnight = std::chrono::floor<std::chrono::days>(now);
    out.from = midnight;
    out.next = UtcTime(midnight) + kDay;
  }
  if (!out.from) return out;
  // A rule counts what it let through; a class default counts its class, so that one class cannot starve another.
  const std::string rule = ruling.rule != nullptr ? ruling.rule->name : std::string();
  for (const auto& entry : past.changes) {
    if (entry.at < *out.from || entry.rule != rule) continue;
    if (ruling.rule == nullptr && entry.action != action) continue;
    out.changes += 1;
    out.spent.bytes += std::max<std::int64_t>(entry.spent.bytes, 0);
    out.spent.seconds += std::max(entry.spent.seconds, 0.0);
    out.spent.wal_bytes += std::max<std::int64_t>(entry.spent.wal_bytes, 0);
  }
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
  const BudgetUse use = budget_use(ruling, change.action, window, past, now);
  const auto& budget = ruling.budget;
  const auto number = [](const auto& limit) {
    return limit ? std::optional<double>(static_cast<double>(*limit)) : std::nullopt;
  };
  const auto bytes = [](std::int64_t value) { return static_cast<double>(value); };
  if (auto out = over("changes", use.changes, 1, number(budget.changes), use.next)) return out;
  if (auto out = over("bytes", bytes(use.spent.bytes), bytes(change.cost.bytes), number(budget.bytes), use.next))
    return out;
  if (auto out = over("seconds", use.spent.seconds, change.cost.seconds, number(budget.seconds), use.next)) return out;
  return over("wal_bytes", bytes(use.spent.wal_bytes), bytes(std::max<std::int64_t>(change.cost.wal_bytes, 0)),
              number(budget.wal_bytes), use.next);
}

std::optional<Obstacle> replica_lag_obstacle(const Ruling& ruling, const PolicyPast& past, UtcTime now) {
  const auto ceiling = ruling.budget.replica_lag;
  if (!ceiling || !past.replica_lag || *past.replica_lag <= *ceiling) return std::nullopt;
  return Obstacle{"budget replica_lag",
                  "A standby is " + format_duration(*past.replica_lag) + " behind; the ceiling is " +
                      format_duration(*ceiling) + ".",
                  now + kReplicaRecheck};
}

std::optional<Obstacle> cool_down_obstacle(const ProposedChange& change, const Ruling& ruling, const PolicyPast& past,
                                           UtcTime now) {
  // Also where the clock went back: what was done then lies ahead.
  if (ruling.cool_down <= Millis(0)) return std::nullopt;
  std::optional<UtcTime> last;
  for (const auto& entry : past.changes)
    if (same_object(entry, change) && (!last || entry.at > *last)) last = entry.at;
  if (!last || now >= *last + ruling.cool_down) return std::nullopt;
  return Obstacle{"cool_down", change.object + " was changed less than " + format_duration(ruling.cool_down) + " ago.",
                  *last + ruling.cool_down};
}

std::optional<Obstacle> undo_obstacle(const ProposedChange& change, const PolicyConfig& config, const PolicyPast& past,
                                      UtcTime now) {
  if (config.cool_down_after_undo <= Millis(0)) return std::nullopt;
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

std::optional<Obstacle> lost_trust(ActionClass action, const PolicyPast& past, UtcTime now) {
  const auto undone = std::count_if(past.changes.begin(), past.changes.end(), [&](const auto& entry) {
    return entry.undone && entry.action == action && entry.at > now - kUndoMemory;
  });
  if (undone < kUndosThatEndTrust) return std::nullopt;
  return Obstacle{"undo count",
                  "Two changes of class " + std::string(to_string(action)) + " were undone in the last 30 days.",
                  std::nullopt};
}

}  // namespace pgtend::policy
