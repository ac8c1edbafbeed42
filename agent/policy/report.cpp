#include "agent/policy/report.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "agent/policy/limits.hpp"
#include "agent/policy/trust.hpp"

namespace pgtend::policy {

namespace {

BudgetReport report_budget(const Ruling& ruling, ActionClass action, const PolicyConfig& config, const PolicyPast& past,
                           UtcTime now) {
  const auto use = budget_use(ruling, action, window_of(ruling, config), past, now);
  return {ruling.budget, use.changes, use.spent, use.from, use.next};
}

ClassReport report_class(ActionClass action, const PolicyConfig& config, const PolicyPast& past, UtcTime now) {
  ClassReport out;
  out.action = action;
  const Ruling ruling = ruling_of(nullptr, action, config);
  out.mode = ruling.mode;
  if (out.mode == PolicyMode::automatic) out.budget = report_budget(ruling, action, config, past, now);
  out.needs_record = needs_record(action) && config.trust.verdicts > 0;
  if (const auto found = past.records.find(action); found != past.records.end()) out.record = found->second;
  out.precision_low = wilson_lower_bound(out.record.right, out.record.verdicts);
  if (const auto lost = lost_trust(action, past, now)) out.held_back = lost->reason;
  if (out.held_back.empty()) out.held_back = missing_trust(action, config.trust, past);
  return out;
}

ProposedChange object_of(const PolicyPast::Entry& entry) {
  ProposedChange out;
  out.action = entry.action;
  out.database = entry.database;
  out.object = entry.object;
  return out;
}

std::vector<CoolDownReport> report_cool_downs(const PolicyConfig& config, const PolicyPast& past, UtcTime now) {
  std::vector<CoolDownReport> out;
  std::set<std::tuple<std::string, ActionClass, std::string, std::string>> seen;
  const auto add = [&](const PolicyPast::Entry& entry, const std::optional<Obstacle>& rest) {
    if (!rest || !rest->until) return;
    if (seen.insert({rest->limit, entry.action, entry.database, entry.object}).second)
      out.push_back({rest->limit, entry.action, entry.database, entry.object, rest->reason, *rest->until});
  };
  for (const auto& entry : past.changes) {
    const auto change = object_of(entry);
    const Ruling ruling = ruling_for(change, config);
    if (ruling.mode == PolicyMode::automatic) add(entry, cool_down_obstacle(change, ruling, past, now));
    if (entry.undone) add(entry, undo_obstacle(change, config, past, now));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.until < b.until; });
  return out;
}

}  // namespace

PolicyReport report(const PolicyConfig& config, const PolicyPast& past, UtcTime now) {
  PolicyReport out;
  out.frozen = past.frozen || config.frozen;
  out.frozen_by = past.frozen ? past.frozen_by : config.frozen ? "the configuration" : "";
  out.role = past.role;
  out.ledger_writable = past.ledger_writable;
  out.trust = config.trust;
  for (const auto& rule : config.rules) {
    RuleReport one{rule, std::nullopt};
    if (rule.mode == PolicyMode::automatic)
      one.budget =
          report_budget(ruling_of(&rule, ActionClass::analyze, config), ActionClass::analyze, config, past, now);
    out.rules.push_back(std::move(one));
  }
  for (const auto action : all_action_classes()) out.classes.push_back(report_class(action, config, past, now));
  for (const auto& window : config.windows) {
    const auto current = current_occurrence(window, now);
    out.windows.push_back({window, current ? std::optional(current->to) : std::nullopt, next_opening(window, now)});
  }
  out.cool_downs = report_cool_downs(config, past, now);
  out.in_flight = past.in_flight;
  return out;
}

}  // namespace pgtend::policy
