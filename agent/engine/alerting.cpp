#include "agent/engine/alerting.hpp"

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

namespace {

// One group may take this long in the blocking pool before its rules count as failed.
constexpr std::chrono::seconds kEvaluationTime{10};

struct RuleOutcome {
  alerts::Evaluation evaluation;
};

alerts::Evaluation evaluate_rule(const LoadedRule& rule, HistoryReader& history, UtcTime at,
                                 const promql::EvalOptions& options) {
  alerts::Evaluation out;
  auto value = promql::evaluate(*rule.expr, history, at, options);
  if (!value) {
    out.known = false;
    out.why_unknown = value.error().describe();
    return out;
  }
  if (auto* vector = std::get_if<promql::Vector>(&*value)) {
    for (auto& element : *vector) out.firing.push_back({std::move(element.labels), element.value});
  } else if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) {
    out.firing.push_back({Labels{}, scalar->value});
  }
  return out;
}

SnapshotPtr recorded(const LoadedGroup& group, const std::vector<alerts::Evaluation>& evaluations, UtcTime at) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->collector = "rules/" + group.name;
  snapshot->taken_at = at;
  snapshot->interval = group.interval;
  bool any = false;
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i].compiled.rule;
    if (rule.kind != RuleKind::record) continue;
    any = true;
    for (const auto& element : evaluations[i].firing) {
      Labels labels = element.labels;
      labels.erase("__name__");
      for (const auto& [name, value] : rule.labels) labels.set(name, value);
      snapshot->samples.push_back({{rule.name, std::move(labels)}, element.value, MetricKind::gauge, 0});
    }
  }
  return any ? SnapshotPtr(std::move(snapshot)) : nullptr;
}

}  // namespace

Alerting::Alerting(Parts& parts, std::function<std::string(const std::string& metric)> blind)
    : parts_(parts),
      blind_(std::move(blind)),
      rules_(std::make_shared<RuleSet>()),
      client_(parts.blocking),
      last_evaluation_(parts.clock.now()),
      seed_(static_cast<std::uint64_t>(to_ms(parts.clock.now()))) {}

void Alerting::set_rules(std::shared_ptr<const RuleSet> rules) { rules_ = std::move(rules); }

net::TaskResult<std::size_t> Alerting::restore() {
  auto load = [](store::Ledger& ledger) { return ledger.load_alerts(); };
  auto stored = co_await parts_.with_ledger(load);
  if (!stored) co_return fail(std::move(stored.error()), "restore alerts");
  for (auto& alert : *stored) {
    const auto key = fingerprint(alert.labels);
    state_[{alert.group, alert.rule}][key] = std::move(alert);
  }
  co_return stored->size();
}

net::TaskResult<GroupResult> Alerting::evaluate(std::size_t group, UtcTime now) {
  GroupResult result;
  result.rules = rules_;
  result.group = group;
  result.at = now;
  if (reader_ == nullptr) {
    auto reader = parts_.history.reader();
    if (!reader) co_return fail(std::move(reader.error()), "evaluate rules");
    reader_ = std::move(*reader);
  }
  promql::EvalOptions options;
  options.left_open = parts_.config->promql.range_boundary == "left_open";
  options.lookback = parts_.config->promql.lookback;
  options.clock = &parts_.clock;
  options.deadline = parts_.clock.steady_now() + kEvaluationTime;
  auto job = [rules = rules_, reader = reader_, group, now, options] {
    std::vector<alerts::Evaluation> out;
    const auto& loaded = rules->groups[group];
    for (const auto& rule : loaded.rules)
      out.push_back(evaluate_rule(rule, *reader, now - loaded.query_offset, options));
    return out;
  };
  auto evaluations = co_await net::run_on(parts_.blocking, job);
  const auto& loaded = result.rules->groups[group];
  for (std::size_t i = 0; i < loaded.rules.size(); ++i) {
    for (const auto& metric : loaded.rules[i].metrics) {
      const std::string why = blind_(metric);
      if (why.empty()) continue;
      evaluations[i].known = false;
      evaluations[i].why_unknown = metric + ": " + why;
    }
    if (loaded.limit > 0 && evaluations[i].firing.size() > static_cast<std::size_t>(loaded.limit)) {
      evaluations[i].known = false;
      evaluations[i].why_unknown = "more than " + std::to_string(loaded.limit) + " alerts, the group's limit";
    }
  }
  result.evaluations = std::move(evaluations);
  if (auto snapshot = recorded(loaded, result.evaluations, now)) {
    if (auto stored = parts_.history.append(snapshot); !stored)
      log::warn("recorded series dropped", {{"group", loaded.name}, {"error", stored.error().describe()}});
  }
  last_evaluation_ = now;
  co_return result;
}

net::TaskResult<std::vector<Alert>> Alerting::alert(GroupResult result) {
  const auto& group = result.rules->groups[result.group];
  std::vector<Alert> changed;
  // Stepped on a copy: when the ledger cannot take the change, it did not happen.
  std::map<RuleKey, alerts::RuleAlerts> next;
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i];
    if (rule.compiled.rule.kind != RuleKind::alert) continue;
    const RuleKey key{group.name, rule.compiled.rule.name};
    auto& alerts = next.try_emplace(key, state_[key]).first->second;
    auto evaluation = result.evaluations[i];
    auto stepped = alerts::step(rule.compiled, evaluation, alerts, result.at, parts_.config->rules.external_labels);
    if (!stepped) {
      evaluation = {false, stepped.error().describe(), {}};
      stepped = alerts::step(rule.compiled, evaluation, alerts, result.at, parts_.config->rules.external_labels);
    }
    const Labels of_rule{{"rule", rule.compiled.rule.name}, {"group", group.name}};
    parts_.board.gauge("pgtend_rule_evaluation_failed", "1 while a rule's last evaluation gave no answer.", of_rule)
        .set(evaluation.known ? 0 : 1);
    for (auto& alert : *stepped) {
      alert.evidence = rule.compiled.rule.expr + " = " + alerts::go_number(alert.value) +
                       (evaluation.known ? "" : " (unknown: " + evaluation.why_unknown + ")");
      changed.push_back(std::move(alert));
    }
  }
  if (!changed.empty()) {
    state_.swap(next);
    auto outgoing = messages_for(changed, result.at);
    state_.swap(next);
    auto save = [changed, outgoing](store::Ledger& ledger) { return ledger.save_alerts(changed, outgoing); };
    auto saved = co_await parts_.with_ledger(save);
    if (!saved && parts_.ledger != nullptr) co_return fail(std::move(saved.error()), "save alerts");
  }
  for (auto& [key, alerts] : next) state_[key] = std::move(alerts);
  for (const auto& alert : changed)
    log::info("alert " + std::string(to_string(alert.state)),
              {{"alertname", alert.rule}, {"labels", to_string(alert.labels)}, {"value", format_double(alert.value)}});
  co_return changed;
}

std::vector<Alert> Alerting::alerts() const {
  std::vector<Alert> out;
  for (const auto& [key, alerts] : state_)
    for (const auto& [id, alert] : alerts) out.push_back(alert);
  return out;
}

}  // namespace pgtend::engine
