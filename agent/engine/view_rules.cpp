#include "agent/base/strings.hpp"
#include "agent/engine/alert_facts.hpp"
#include "agent/engine/eval_options.hpp"
#include "agent/engine/receivers.hpp"
#include "agent/engine/rule_backtest.hpp"
#include "agent/engine/rule_explain.hpp"
#include "agent/engine/rule_lint.hpp"
#include "agent/engine/view.hpp"
#include "agent/engine/wiring.hpp"
#include "rules/promql/parser.hpp"

// What people ask about rules: their state, their faults, their past.
namespace pgtend::engine {

namespace {

// A review of rules may take this long in the blocking pool; the server's own limit is 30 s.
constexpr std::chrono::seconds kReviewTime{25};

// The files as one set. Errors: parse, with every error of every file.
Result<std::shared_ptr<const RuleSet>> load_texts(const std::vector<api::RuleText>& files, Millis default_interval) {
  auto out = std::make_shared<RuleSet>();
  std::vector<config::ConfigError> errors;
  for (const auto& file : files) {
    auto loaded = load_rule_text(file.text, file.file, default_interval);
    errors.insert(errors.end(), loaded.errors.begin(), loaded.errors.end());
    if (!loaded.errors.empty()) continue;
    // The load is this function's own.
    auto set = std::const_pointer_cast<RuleSet>(loaded.rules);
    for (auto& group : set->groups) out->groups.push_back(std::move(group));
  }
  if (!errors.empty()) return fail(Errc::parse, config::format_errors(errors));
  return std::shared_ptr<const RuleSet>(std::move(out));
}

promql::EvalOptions review_options(const Parts& parts) {
  auto options = eval_options(parts, Millis(0));
  options.deadline = parts.clock.steady_now() + kReviewTime;
  return options;
}

// What was sampled itself is whole from its retention on; before it there are copies, the finest of which counts.
void add_tier(Sight& sight, const store::TierReport& tier, UtcTime now) {
  if (!tier.oldest) return;
  sight.history_from = std::min(sight.history_from.value_or(*tier.oldest), *tier.oldest);
  if (tier.width <= Millis(0)) {
    sight.fine_from = std::max(*tier.oldest, now - tier.retention);
  } else if (sight.coarse == Millis(0) || tier.width < sight.coarse) {
    sight.coarse = tier.width;
  }
}

}  // namespace

net::TaskResult<std::vector<api::RuleGroupView>> View::rule_groups() {
  const auto rules = alerting_.rules();
  const auto alerts = alerting_.alerts();
  std::vector<api::RuleGroupView> out;
  for (std::size_t g = 0; g < rules->groups.size(); ++g) {
    const auto& group = rules->groups[g];
    const auto run = alerting_.last_run(g);
    api::RuleGroupView shown{group.name, group.file, group.interval, group.limit, {}, {}, {}};
    if (run) {
      shown.last_evaluation = run->at;
      shown.evaluation_time = run->took;
    }
    for (std::size_t i = 0; i < group.rules.size(); ++i) {
      const auto& loaded = group.rules[i];
      const auto& rule = loaded.compiled.rule;
      api::RuleView one{rule, promql::format(*loaded.expr), run ? "ok" : "unknown", "", {}, {}};
      if (run) one.evaluation_time = run->rules[i];
      for (const auto& alert : alerts) {
        if (place_of(group, alert) != i) continue;
        if (alert.state == AlertState::pending || alert.state == AlertState::firing) one.alerts.push_back(alert);
      }
      const Labels of_rule{{"rule", rule.name}, {"group", loaded.compiled.group}};
      if (const auto health = alerting_.health(of_rule); health != "ok") one.health = health;
      one.last_error = alerting_.why_unhealthy(of_rule);
      shown.rules.push_back(std::move(one));
    }
    out.push_back(std::move(shown));
  }
  co_return out;
}

net::TaskResult<std::vector<LintFinding>> View::lint_rules(std::vector<api::RuleText> files, Millis since) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  const UtcTime now = parts_.clock.now();
  const UtcTime from = std::max(now - since, parts_.history.stats().oldest.value_or(now));
  const Millis interval = parts_.config->rules.evaluation_interval;
  // A look at a whole window is no evaluation of a rule: it is bounded by what it may hold, not by a rule's time.
  auto options = eval_options(parts_, Millis(0));
  options.deadline.reset();
  auto job = [files = std::move(files), loaded = alerting_.rules(), defs = collecting_.metrics(), now, from, interval,
              options,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<std::vector<LintFinding>> {
    auto rules = loaded;
    if (!files.empty()) {
      auto texts = load_texts(files, interval);
      if (!texts) return fail(std::move(texts.error()));
      rules = std::move(*texts);
    }
    RuleFacts facts(*reader, {from, now}, defs, *rules);
    return engine::lint_rules(*rules, facts, options);
  };
  auto found = co_await parts_.compute(job);
  co_return found;
}

net::TaskResult<std::vector<ExplainedRule>> View::explain_rule(std::string rule, std::string expr) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  const UtcTime now = parts_.clock.now();
  auto job = [rule, expr, rules = alerting_.rules(), now, options = review_options(parts_),
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<std::vector<ExplainedRule>> {
    std::vector<ExplainedRule> out;
    if (!expr.empty()) {
      const auto parsed = promql::parse(expr);
      if (!parsed) return fail(parsed.error());
      out.push_back({"", "", "", 0, explain_expression(**parsed, *reader, now, options)});
      return out;
    }
    std::vector<std::string> names;
    for (const auto& group : rules->groups)
      for (const auto& loaded : group.rules) {
        const auto& written = loaded.compiled.rule;
        names.push_back(written.name);
        if (written.name != rule) continue;
        out.push_back({group.name, written.name, written.file, written.line,
                       explain_expression(*loaded.expr, *reader, now - group.query_offset, options)});
      }
    if (out.empty()) {
      const auto close = nearest(rule, names);
      return fail(Errc::not_found, "no loaded rule is called " + rule +
                                       (close ? "; did you mean " + *close + "?" : "") +
                                       "; an expression that is not loaded yet is explained by --expr 'EXPRESSION'");
    }
    return out;
  };
  auto explained = co_await parts_.compute(job);
  co_return explained;
}

net::TaskResult<BacktestReport> View::backtest_rules(api::BacktestRequest request) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  const UtcTime now = parts_.clock.now();
  BacktestOptions options;
  options.range = {now - request.since, now};
  options.step = request.step;
  options.rule = request.rule;
  options.sweep = request.sweep;
  options.outage_tolerance = parts_.config->rules.outage_tolerance;
  options.eval = review_options(parts_);
  options.dispatch = dispatch_rules(parts_.config->alerting);
  options.external_labels = parts_.config->rules.external_labels;
  options.alert_labels = instance_labels(*parts_.config);
  options.computes_records = !request.files.empty();
  options.instance = parts_.config->instance.name;
  options.external_url = parts_.config->alerting.external_url;
  options.first = request.first;
  options.sight.collectors = collecting_.collectors_by_metric();
  auto kept = co_await history_report();
  if (!kept) co_return fail(std::move(kept.error()));
  for (const auto& tier : kept->tiers) add_tier(options.sight, tier, now);
  const Millis interval = parts_.config->rules.evaluation_interval;
  auto job = [request = std::move(request), loaded = alerting_.rules(), options, interval,
              reader = std::shared_ptr<HistoryReader>(std::move(*reader))]() -> Result<BacktestReport> {
    auto rules = loaded;
    if (!request.files.empty()) {
      auto texts = load_texts(request.files, interval);
      if (!texts) return fail(std::move(texts.error()));
      rules = std::move(*texts);
    }
    auto old = load_texts(request.against, interval);
    if (!old) return fail(std::move(old.error()));
    return engine::backtest_rules(*rules, request.against.empty() ? nullptr : old->get(), *reader, options);
  };
  auto report = co_await parts_.compute(job);
  co_return report;
}

}  // namespace pgtend::engine
