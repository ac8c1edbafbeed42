// Contradictions of a policy: what can never happen, or not in the way that it is written.
#include <algorithm>
#include <set>

#include "agent/config/origins.hpp"
#include "agent/config/places.hpp"
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

std::string rule_path(std::size_t i) {
  return "policy.rules[" + std::to_string(i) + "]";
}

void check_windows(const Complaints& complain, const PolicyConfig& policy) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < policy.windows.size(); ++i) {
    const auto& window = policy.windows[i];
    const std::string path = "policy.windows[" + std::to_string(i) + "]";
    if (!window.name.empty() && !names.insert(window.name).second)
      complain.at(path + ".name", "a second window is named '" + window.name + "'");
    if (!is_time_zone(window.time_zone))
      complain.at(path + ".time_zone", "time zone '" + window.time_zone + "' is not known on this host",
                  "write an IANA name such as Europe/Berlin");
    const bool has_times = complain.is_set(path + ".start") && complain.is_set(path + ".end");
    if (has_times && window.start_minute == window.end_minute)
      complain.at(path + ".end", "the window ends when it starts", "a whole day is 00:00 to 24:00");
    if (window.start_minute == 24 * 60) complain.at(path + ".start", "a window cannot start at 24:00", "write 00:00");
  }
}

bool covers(const std::string& pattern, const std::string& other) {
  return pattern == "*" || pattern == other;
}

// Every change that matches `late` matches `early` as well. Patterns are compared as text, so a shadow that only the
// patterns' meaning shows is not found.
bool shadows(const PolicyRule& early, const PolicyRule& late) {
  if (!covers(early.database, late.database) || !covers(early.object, late.object)) return false;
  const auto& wanted = late.actions.empty() ? all_action_classes() : late.actions;
  return early.actions.empty() || std::all_of(wanted.begin(), wanted.end(), [&](ActionClass action) {
           return std::find(early.actions.begin(), early.actions.end(), action) != early.actions.end();
         });
}

// What a rule is for was read; an action that was refused would make it a rule for all of them.
bool is_whole(const Complaints& complain, std::size_t i) {
  for (const auto* key : {".actions", ".database", ".object"})
    if (complain.is_broken(rule_path(i) + key)) return false;
  return true;
}

bool is_zero(const PolicyBudget& budget) {
  return budget.changes == 0 || budget.bytes == 0 || budget.seconds == 0.0 || budget.wal_bytes == 0;
}

// Complains of a class that a person must act on, whatever is written.
void check_auto(const Complaints& complain, ActionClass action, const std::string& path) {
  const bool restarts = action == ActionClass::restart_setting;
  if (!restarts && !is_for_people(action)) return;
  complain.at(path,
              std::string(to_string(action)) + " cannot be auto: a person " +
                  (restarts ? "restarts the server" : "approves each"),
              "use approve, recommend or never");
}

void check_mode(const Complaints& complain, const PolicyRule& rule, const std::string& path) {
  // Without its mode a rule has that of the struct, which nobody wrote.
  if (!complain.is_set(path + ".mode") || complain.is_broken(path + ".mode")) return;
  const auto& budget = rule.budget;
  const bool has_budget = budget.changes || budget.bytes || budget.seconds || budget.wal_bytes || budget.replica_lag;
  if (rule.mode == PolicyMode::automatic) {
    for (const auto action : rule.actions) check_auto(complain, action, path + ".mode");
    if (is_zero(rule.budget)) complain.at(path + ".budget", "mode auto with a budget of 0 never acts", "use recommend");
    return;
  }
  const std::string mode(to_string(rule.mode));
  if (!rule.window.empty()) complain.at(path + ".window", "a window binds only auto, not " + mode);
  if (has_budget) complain.at(path + ".budget", "a budget binds only auto, not " + mode);
  if (rule.cool_down > Millis(0)) complain.at(path + ".cool_down", "a cool_down binds only auto, not " + mode);
}

void check_rules(const Complaints& complain, const PolicyConfig& policy) {
  std::set<std::string> names;
  std::vector<std::string> windows;
  for (const auto& window : policy.windows) windows.push_back(window.name);
  // A window that could not be read may be the one a rule names.
  const bool none_read = windows.empty() && complain.is_broken("policy.windows");
  const bool all_windows = !none_read && std::find(windows.begin(), windows.end(), "") == windows.end();
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const auto& rule = policy.rules[i];
    if (!rule.name.empty() && !names.insert(rule.name).second)
      complain.at(rule_path(i) + ".name", "a second policy rule is named '" + rule.name + "'");
    if (!rule.window.empty() && all_windows &&
        std::find(windows.begin(), windows.end(), rule.window) == windows.end()) {
      const auto near = nearest(rule.window, windows);
      complain.at(rule_path(i) + ".window", "window '" + rule.window + "' is not defined",
                  near ? "did you mean '" + *near + "'?" : "define it under policy.windows");
    }
    check_mode(complain, rule, rule_path(i));
    for (std::size_t j = 0; j < i; ++j) {
      if (!is_whole(complain, i) || !is_whole(complain, j) || !shadows(policy.rules[j], rule)) continue;
      complain.at(rule_path(i),
                  "rule '" + rule.name + "' never decides: rule '" + policy.rules[j].name +
                      "' before it matches everything it matches",
                  "put the narrower rule first");
      break;
    }
  }
}

bool can_be(const PolicyConfig& policy, PolicyMode mode) {
  return std::any_of(policy.rules.begin(), policy.rules.end(), [&](const auto& rule) { return rule.mode == mode; }) ||
         std::any_of(policy.defaults.begin(), policy.defaults.end(),
                     [&](const auto& each) { return each.second == mode; });
}

}  // namespace

void validate_policy(const PolicyConfig& policy, const Origins& origins, std::vector<ConfigError>& errors) {
  const Complaints complain(origins, errors);
  check_windows(complain, policy);
  check_rules(complain, policy);
  for (const auto& [action, mode] : policy.defaults)
    if (mode == PolicyMode::automatic)
      check_auto(complain, action, "policy.defaults." + std::string(to_string(action)));
  if (is_zero(policy.default_budget) && can_be(policy, PolicyMode::automatic))
    complain.at("policy.default_budget", "a default budget of 0 stops every auto", "set the classes to recommend");
  if (policy.approval_ttl == Millis(0) && can_be(policy, PolicyMode::approve))
    complain.at("policy.approval_ttl", "an approval that holds for 0s can never be used");
}

}  // namespace pgtend::config
