#include <nlohmann/json.hpp>

#include "agent/api/json.hpp"
#include "agent/api/json_fields.hpp"

namespace pgtend::api {

namespace {

template <class T>
Json optional_field(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json encode(const PolicyBudget& budget) {
  return {{"changes", optional_field(budget.changes)},
          {"bytes", optional_field(budget.bytes)},
          {"seconds", optional_field(budget.seconds)},
          {"wal_bytes", optional_field(budget.wal_bytes)},
          {"replica_lag_seconds", budget.replica_lag ? seconds_field(*budget.replica_lag) : Json()}};
}

Json encode(const BudgetReport& report) {
  return {{"budget", encode(report.budget)},
          {"changes", report.changes},
          {"spent", pgtend::api::encode(report.spent)},
          {"from", time_field(report.from)},
          {"next", time_field(report.next)}};
}

Json budget_field(const std::optional<BudgetReport>& budget) {
  return budget ? encode(*budget) : Json();
}

std::string minute(int minutes) {
  const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return two(minutes / 60) + ":" + two(minutes % 60);
}

Json encode(const WindowReport& report) {
  static constexpr const char* kDays[]{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  auto days = Json::array();
  for (const int day : report.window.days) days.push_back(kDays[static_cast<std::size_t>(day) % 7]);
  return {{"name", report.window.name},
          {"time_zone", report.window.time_zone},
          {"days", std::move(days)},
          {"start", minute(report.window.start_minute)},
          {"end", minute(report.window.end_minute)},
          {"open", report.closes_at.has_value()},
          {"closes_at", time_field(report.closes_at)},
          {"next_opening", time_field(report.next_opening)}};
}

Json encode(const RuleReport& report) {
  auto actions = Json::array();
  for (const auto action : report.rule.actions) actions.push_back(to_string(action));
  return {{"name", report.rule.name},
          {"actions", std::move(actions)},
          {"database", report.rule.database},
          {"object", report.rule.object},
          {"mode", to_string(report.rule.mode)},
          {"window", report.rule.window},
          {"cool_down_seconds", seconds_field(report.rule.cool_down)},
          {"file", report.rule.file},
          {"line", report.rule.line},
          {"budget", budget_field(report.budget)}};
}

Json encode(const TrackRecord& record) {
  return {{"verdicts", record.verdicts},
          {"right", record.right},
          {"undone", record.undone},
          {"median_error", record.median_error ? pgtend::api::encode(*record.median_error) : Json()}};
}

Json encode(const ClassReport& report) {
  return {{"action", to_string(report.action)},    {"mode", to_string(report.mode)},
          {"budget", budget_field(report.budget)}, {"needs_record", report.needs_record},
          {"record", encode(report.record)},       {"precision_low", pgtend::api::encode(report.precision_low)},
          {"held_back", report.held_back}};
}

Json encode(const CoolDownReport& report) {
  return {{"limit", report.limit},       {"action", to_string(report.action)},
          {"database", report.database}, {"object", report.object},
          {"reason", report.reason},     {"until", to_rfc3339(report.until)}};
}

Json encode(const LimitReport& report) {
  return {
      {"limit", report.limit}, {"holds", report.holds}, {"reason", report.reason}, {"until", time_field(report.until)}};
}

Json encode(const PolicyBacktestRow& row) {
  const auto& past = row.past;
  return {{"id", past.id},
          {"action", to_string(past.change.action)},
          {"database", past.change.database},
          {"object", past.change.object},
          {"risk", to_string(past.risk)},
          {"opened_at", to_rfc3339(past.opened_at)},
          {"became", past.became},
          {"verdict", past.verdict ? Json(to_string(*past.verdict)) : Json()},
          {"undone", past.undone},
          {"rule", row.rule},
          {"decision", pgtend::api::encode(row.decision)},
          {"ran_at", time_field(row.ran_at)},
          {"cost", pgtend::api::encode(row.cost)},
          {"cost_measured", past.spent.has_value()}};
}

Json encode(const PolicyBacktestClass& sum) {
  return {{"action", to_string(sum.action)},
          {"proposed", sum.proposed},
          {"ran", sum.ran},
          {"asked", sum.asked},
          {"waited", sum.waited},
          {"recommended", sum.recommended},
          {"refused", sum.refused},
          {"undone", sum.undone},
          {"cost", pgtend::api::encode(sum.cost)}};
}

}  // namespace

Json encode(const PolicyReport& report) {
  auto rules = Json::array(), classes = Json::array(), windows = Json::array(), rests = Json::array();
  for (const auto& rule : report.rules) rules.push_back(encode(rule));
  for (const auto& each : report.classes) classes.push_back(encode(each));
  for (const auto& window : report.windows) windows.push_back(encode(window));
  for (const auto& rest : report.cool_downs) rests.push_back(encode(rest));
  return {{"frozen", report.frozen},
          {"frozen_by", report.frozen_by},
          {"role", to_string(report.role)},
          {"ledger_writable", report.ledger_writable},
          {"trust", {{"verdicts", report.trust.verdicts}, {"precision", encode(report.trust.precision)}}},
          {"rules", std::move(rules)},
          {"classes", std::move(classes)},
          {"windows", std::move(windows)},
          {"cool_downs", std::move(rests)},
          {"in_flight", report.in_flight}};
}

Json encode(const PolicySimulation& simulation) {
  auto limits = Json::array();
  for (const auto& limit : simulation.limits) limits.push_back(encode(limit));
  return {{"action", to_string(simulation.change.action)},
          {"database", simulation.change.database},
          {"object", simulation.change.object},
          {"cost", encode(simulation.change.cost)},
          {"risk", to_string(simulation.risk)},
          {"at", to_rfc3339(simulation.at)},
          {"mode", to_string(simulation.mode)},
          {"rule", simulation.rule},
          {"decision", encode(simulation.decision)},
          {"limits", std::move(limits)},
          {"could_run_at", time_field(simulation.could_run_at)}};
}

Json encode(const PolicyBacktest& backtest) {
  auto rows = Json::array(), classes = Json::array();
  for (const auto& row : backtest.rows) rows.push_back(encode(row));
  for (const auto& sum : backtest.classes) classes.push_back(encode(sum));
  return {{"from", to_rfc3339(backtest.from)},
          {"to", to_rfc3339(backtest.to)},
          {"classes", std::move(classes)},
          {"rows", std::move(rows)},
          {"undone", backtest.undone}};
}

}  // namespace pgtend::api
