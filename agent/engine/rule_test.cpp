#include "agent/engine/rule_test.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/config/files.hpp"
#include "agent/engine/past_history.hpp"
#include "agent/engine/rule_set.hpp"
#include "agent/engine/text_queries.hpp"
#include "rules/promql/evaluator.hpp"
#include "rules/promql/memory_history.hpp"
#include "rules/promql/test_series.hpp"

namespace pgtend::engine {

namespace {

// promtool compares samples exactly; the last bits of a sum may differ by the order of addition.
constexpr double kRelative = 1e-9;

bool equal(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::fabs(a - b) <= kRelative * std::max(std::fabs(a), std::fabs(b));
}

std::string text_of(const Labels& labels, const std::map<std::string, std::string>& annotations) {
  std::string out = to_string(labels);
  for (const auto& [name, value] : annotations) out += "\n      " + name + ": " + value;
  return out;
}

class Case {
 public:
  Case(const config::DecodedRuleTest& file, std::size_t index, const RuleSets& rules,
       const promql::EvalOptions& options, RuleTestReport& report)
      : test_(file.test.tests[index]),
        external_url_(file.external_urls[index]),
        interval_(file.test.evaluation_interval),
        options_(options),
        file_(file.test.file),
        report_(report) {
    for (const auto& set : rules)
      for (const auto& group : set->groups) groups_.push_back(&group);
    // As promtool sorts them: a group that is not listed counts as the first of the list.
    const auto place = [&order = file.group_eval_order](const LoadedGroup* group) {
      const auto at = std::find(order.begin(), order.end(), group->name);
      return at == order.end() ? 0 : at - order.begin();
    };
    std::stable_sort(groups_.begin(), groups_.end(), [&](const auto* a, const auto* b) { return place(a) < place(b); });
  }

  Result<void> run() {
    auto history = promql::load_test_series(test_.input, test_.interval);
    if (!history) return fail(std::move(history.error()), file_ + ": test " + test_.name);
    history_ = std::move(*history);
    Millis last{0};
    for (const auto& check : test_.alert_tests) last = std::max(last, check.eval_time);
    for (const auto& check : test_.expr_tests) last = std::max(last, check.eval_time);
    for (Millis at{0}; at <= last; at += interval_) {
      evaluate_groups(at);
      for (const auto& check : test_.alert_tests)
        if (check.eval_time >= at && check.eval_time < at + interval_) check_alerts(check);
    }
    // As promtool: samples after the last evaluation are not there.
    PastHistory past(history_, UtcTime(last / interval_ * interval_));
    for (const auto& check : test_.expr_tests) check_expression(check, past);
    tell_rule_problems();
    return {};
  }

 private:
  void evaluate_groups(Millis at) {
    const UtcTime now{at};
    for (const auto* group : groups_) {
      // As promtool: every group at every evaluation_interval, whatever its own interval.
      for (const auto& rule : group->rules) evaluate_rule(*group, rule, now);
    }
  }

  void evaluate_rule(const LoadedGroup& group, const LoadedRule& rule, UtcTime now) {
    alerts::Evaluation evaluation;
    evaluation.external_url = external_url_;
    PastHistory past(history_, now);
    auto value = promql::evaluate(*rule.expr, past, now, options_);
    if (!value) {
      cannot(rule, evaluation, value.error().describe(), now);
    } else if (const auto* vector = std::get_if<promql::Vector>(&*value)) {
      for (const auto& element : *vector) evaluation.firing.push_back({element.labels, element.value});
    } else if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) {
      evaluation.firing.push_back({Labels{}, scalar->value});
    }
    if (const auto over = over_limit(group, evaluation.firing.size()); !over.empty())
      cannot(rule, evaluation, over, now);
    if (rule.compiled.rule.kind == RuleKind::record) {
      record(rule, evaluation, now);
      return;
    }
    answer_texts(rule.compiled, evaluation, test_.external_labels, past, now, options_);
    auto stepped = alerts::step(rule.compiled, evaluation, state_[&rule], now, test_.external_labels);
    if (!stepped) rule_problem(rule, stepped.error().describe(), now);
    std::vector<SeriesSample> series;
    for (const auto& [id, alert] : state_[&rule]) alerts::add_series(alert, series);
    std::map<SeriesKey, double> now_there;
    for (const auto& sample : series) now_there.emplace(*sample.key, sample.value);
    put(rule, std::move(now_there), now);
  }

  void cannot(const LoadedRule& rule, alerts::Evaluation& evaluation, const std::string& why, UtcTime now) {
    evaluation.firing.clear();
    evaluation.known = false;
    evaluation.why_unknown = why;
    rule_problem(rule, why, now);
  }

  void rule_problem(const LoadedRule& rule, const std::string& why, UtcTime now) {
    const auto known = std::find_if(rule_problems_.begin(), rule_problems_.end(),
                                    [&](const RuleProblem& one) { return one.rule == &rule && one.why == why; });
    if (known == rule_problems_.end()) {
      rule_problems_.push_back({&rule, why, now, 0});
    } else {
      ++known->more;
    }
  }

  // Once each, however many evaluations had it.
  void tell_rule_problems() {
    for (const auto& [rule, why, first, more] : rule_problems_) {
      const auto& written = rule->compiled.rule;
      report_.failures.push_back(file_ + ": test " + test_.name + ": " + written.file + ":" +
                                 std::to_string(written.line) + ": rule " + written.name + ": " + why + " (at " +
                                 format_duration(first.time_since_epoch()) +
                                 (more > 0 ? ", and " + std::to_string(more) + " times later)" : ")"));
    }
  }

  void record(const LoadedRule& rule, alerts::Evaluation& evaluation, UtcTime now) {
    if (!evaluation.known) return;
    std::map<SeriesKey, double> now_there;
    for (const auto& element : evaluation.firing) {
      if (!now_there.emplace(recorded_key(rule.compiled.rule, element.labels), element.value).second)
        return cannot(rule, evaluation, kRecordsAlike, now);
    }
    put(rule, std::move(now_there), now);
  }

  // What the rule makes now; what it made before and does not any more has ended.
  void put(const LoadedRule& rule, std::map<SeriesKey, double> now_there, UtcTime now) {
    const auto add = [&](const SeriesKey& key, double value) {
      if (auto added = history_.add(key, {{now, value}}); !added)
        rule_problem(rule, "recorded series: " + added.error().describe(), now);
    };
    for (const auto& [key, value] : now_there) add(key, value);
    for (const auto& [key, value] : made_[&rule])
      if (!now_there.contains(key)) add(key, stale_marker());
    made_[&rule] = std::move(now_there);
  }

  void check_alerts(const AlertRuleTest& check) {
    ++report_.checks;
    std::vector<std::string> expected, got;
    for (const auto& alert : check.expected) {
      Labels labels = alert.labels;
      labels.set("alertname", check.alertname);
      expected.push_back(text_of(labels, alert.annotations));
    }
    for (const auto& [rule, alerts] : state_)
      for (const auto& [id, alert] : alerts)
        if (alert.rule == check.alertname && alert.state == AlertState::firing)
          got.push_back(text_of(alert.labels, alert.annotations));
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    if (expected == got) return;
    problem(check.line, "alertname " + check.alertname + ", time " + format_duration(check.eval_time) +
                            ",\n    expected: [" + join(expected, ", ") + "]\n    got:      [" + join(got, ", ") + "]");
  }

  void check_expression(const PromqlExprTest& check, HistoryReader& history) {
    ++report_.checks;
    auto expr = promql::parse(check.expr);
    auto value = expr ? promql::evaluate(**expr, history, UtcTime(check.eval_time), options_)
                      : Result<promql::Value>(fail(std::move(expr.error())));
    if (!value) {
      problem(check.line, check.expr + ": " + value.error().describe());
      return;
    }
    promql::Vector got;
    if (auto* vector = std::get_if<promql::Vector>(&*value)) {
      got = std::move(*vector);
    } else if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) {
      got.push_back({{}, scalar->time, scalar->value});
    } else {
      problem(check.line, check.expr + ": the answer is neither an instant vector nor a scalar");
      return;
    }
    std::map<std::string, double> samples;
    for (const auto& sample : got) samples[promql::metric_text(sample.labels)] = sample.value;
    bool same = samples.size() == check.expected.size();
    for (const auto& want : check.expected) {
      auto labels = want.labels.empty() ? Result<Labels>(Labels()) : promql::parse_metric(want.labels);
      const auto it = labels ? samples.find(promql::metric_text(*labels)) : samples.end();
      same = same && it != samples.end() && equal(it->second, want.value);
    }
    if (same) return;
    std::string shown;
    for (const auto& [labels, number] : samples) shown += "\n      " + labels + " " + format_double(number);
    problem(check.line, check.expr + ", time " + format_duration(check.eval_time) + ", got:" + shown);
  }

  void problem(int line, const std::string& what) {
    report_.failures.push_back(file_ + ":" + std::to_string(line) + ": test " + test_.name + ": " + what);
  }

  const RuleTestCase& test_;
  const std::string& external_url_;
  std::vector<const LoadedGroup*> groups_;  // in the order of their evaluation
  Millis interval_;
  const promql::EvalOptions& options_;
  const std::string& file_;
  RuleTestReport& report_;
  promql::MemoryHistory history_;
  std::map<const LoadedRule*, std::map<SeriesKey, double>> made_;
  struct RuleProblem {
    const LoadedRule* rule;
    std::string why;
    UtcTime first;
    std::size_t more;  // evaluations that had it after the first
  };
  std::vector<RuleProblem> rule_problems_;                 // in the order in which they came
  std::map<const LoadedRule*, alerts::RuleAlerts> state_;  // a warning and a critical rule may have one name
};

Error config_error(const std::vector<config::ConfigError>& errors) {
  Error error;
  error.code = Errc::config;
  error.message = config::format_errors(errors);
  return error;
}

}  // namespace

Result<RuleTestReport> run_rule_tests(const config::DecodedRuleTest& file, const RuleSets& rules,
                                      const promql::EvalOptions& options) {
  RuleTestReport report;
  for (std::size_t i = 0; i < file.test.tests.size(); ++i)
    if (auto ran = Case(file, i, rules, options, report).run(); !ran) return fail(std::move(ran.error()));
  return report;
}

Result<RuleTestReport> run_rule_tests(const std::string& file, bool left_open) {
  const auto text = config::read_text(file);
  if (!text) return fail(text.error(), file);
  const auto decoded = config::decode_rule_test(*text, file);
  if (!decoded.errors.empty()) return fail(config_error(decoded.errors));
  RuleSets rules;
  const auto directory = std::filesystem::path(file).parent_path();
  for (const auto& name : decoded.test.rule_files) {
    const auto matched = config::expand_glob((directory / name).string());
    if (!matched) return fail(matched.error(), name);
    for (const auto& path : *matched) {
      const auto rule_text = config::read_text(path);
      if (!rule_text) return fail(rule_text.error(), path);
      const auto loaded = load_rule_text(*rule_text, path, decoded.test.evaluation_interval);
      if (!loaded.errors.empty()) return fail(config_error(loaded.errors));
      rules.push_back(loaded.rules);
    }
  }
  promql::EvalOptions options;
  options.left_open = left_open;
  return run_rule_tests(decoded, rules, options);
}

}  // namespace pgtend::engine
