#include "agent/engine/rule_lint.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "alerts/shipped.hpp"
#include "rules/promql/bounds.hpp"
#include "rules/promql/evaluator.hpp"
#include "rules/promql/function.hpp"

namespace pgtend::engine {

namespace {

using promql::Expr;
using promql::unwrap;

// A rate needs two samples; a missed one or a late one must not silence it. Source: reference rule of four intervals.
constexpr int kIntervals = 4;
// Moments at which an alert is looked at over the window to see whether it ever resolves. Source: fine enough for
// anything that lasts a half percent of the window.
constexpr int kLooks = 200;
// A rule that was true this long at every look latches, milliseconds. Source: longer than any incident is left alone.
constexpr Millis kLatched{24LL * 3'600'000};

// Settings whose 0 means "no limit". Source: pgbouncer.ini(5), redis.conf, PostgreSQL's documentation.
constexpr std::array kZeroIsUnlimited{"pgbouncer_config_max_user_connections",
                                      "pgbouncer_config_max_db_connections",
                                      "pgbouncer_databases_max_connections",
                                      "redis_memory_max_bytes",
                                      "redis_config_maxmemory",
                                      "pg_settings_temp_file_limit_bytes"};

std::optional<std::string> name_of(const promql::VectorSelector& selector) {
  if (!selector.name.empty()) return selector.name;
  for (const auto& matcher : selector.matchers)
    if (matcher.label() == "__name__" && matcher.op() == MatchOp::equal) return matcher.value();
  return std::nullopt;
}

bool takes_counter(std::string_view function) {
  return function == "rate" || function == "increase" || function == "irate" || function == "resets";
}
bool takes_gauge(std::string_view function) {
  return function == "delta" || function == "idelta" || function == "deriv" || function == "predict_linear" ||
         function == "holt_winters";
}

// Where an action of a text reads the alert's value; npos: nowhere.
std::size_t value_in(const std::string& text) {
  for (auto open = text.find("{{"); open != std::string::npos; open = text.find("{{", open + 2)) {
    const auto close = text.find("}}", open);
    for (const std::string_view word : {"$value", ".Value"}) {
      const auto at = text.find(word, open);
      if (at < close) return at;
    }
  }
  return std::string::npos;
}

class Linter {
 public:
  Linter(const LoadedGroup& group, const LoadedRule& rule, RuleFacts& facts, const promql::EvalOptions& options,
         std::vector<LintFinding>& out)
      : group_(group), rule_(rule), facts_(facts), options_(options), out_(out), first_(out.size()) {}

  Result<void> run() {
    // The shipped rules name what comes and goes (slots, standbys, neighbours); their tests show that they fire.
    const bool shipped = group_.file.starts_with(embedded::kShippedRules);
    if (auto walked = walk(*rule_.expr, shipped); !walked) return walked;
    if (rule_.compiled.rule.kind != RuleKind::alert) return {};
    compared(*rule_.expr);
    check_bool(*rule_.expr);
    check_labels();
    return latches();
  }

 private:
  // Once per rule: an expression may name the same metric several times.
  void found(LintSeverity severity, std::string check, std::string message) {
    const auto& rule = rule_.compiled.rule;
    for (std::size_t i = first_; i < out_.size(); ++i)
      if (out_[i].check == check && out_[i].message == message) return;
    out_.push_back({severity, std::move(check), group_.name, rule.name, rule.file, rule.line, std::move(message)});
  }

  // `may_be_missing`: the expression asks whether something is there, so that nothing is an answer.
  Result<void> walk(const Expr& expr, bool may_be_missing) {
    if (const auto* selector = std::get_if<promql::VectorSelector>(&expr.node))
      return check_selector(*selector, may_be_missing);
    if (const auto* call = std::get_if<promql::Call>(&expr.node)) {
      check_call(*call);
      may_be_missing = may_be_missing || call->function->name.starts_with("absent");
    }
    if (const auto* binary = std::get_if<promql::Binary>(&expr.node)) {
      check_binary(*binary, expr);
      if (auto left = walk(*binary->lhs, may_be_missing); !left) return left;
      const bool set = binary->op == promql::BinaryOp::lor || binary->op == promql::BinaryOp::lunless;
      return walk(*binary->rhs, may_be_missing || set);
    }
    for (const Expr* child : promql::children(expr))
      if (auto walked = walk(*child, may_be_missing); !walked) return walked;
    return {};
  }

  Result<void> check_selector(const promql::VectorSelector& selector, bool may_be_missing) {
    selects_ = true;
    const auto name = name_of(selector);
    if (name) {
      const auto& facts = facts_.of(*name);
      if (!facts.stored && !facts.made) {
        const auto close = facts_.nearest_name(*name);
        found(LintSeverity::error, "unknown-metric",
              "nothing makes the metric " + *name + (close ? "; did you mean " + *close + "?" : ""));
        return {};
      }
      if (!facts.stored) {
        if (!may_be_missing)
          found(LintSeverity::info, "no-samples", "history has no sample of " + *name + " in the window looked at");
        return {};
      }
    }
    if (may_be_missing) return {};
    const auto any = facts_.matches(selector.matchers);
    if (!any) return fail(any.error());
    if (!*any)
      found(LintSeverity::warning, "never-matches",
            "no stored series matches the labels asked of " + name.value_or("the selector"));
    return {};
  }

  void check_call(const promql::Call& call) {
    for (const auto& arg : call.args) {
      const auto* matrix = std::get_if<promql::MatrixSelector>(&unwrap(*arg).node);
      if (matrix == nullptr) continue;
      const auto name = name_of(std::get<promql::VectorSelector>(matrix->selector->node));
      if (!name) continue;
      const auto& facts = facts_.of(*name);
      const std::string function(call.function->name);
      if (takes_counter(function) && facts.kind == MetricKind::gauge)
        found(LintSeverity::error, "gauge-in-rate",
              function + "() of " + *name +
                  ", which is a gauge: every fall counts as a reset, so the result means nothing");
      if (takes_gauge(function) && facts.kind == MetricKind::counter)
        found(LintSeverity::warning, "counter-in-delta",
              function + "() of the counter " + *name + " falls when it is reset; take rate() or increase()");
      if (facts.interval && matrix->range < kIntervals * *facts.interval)
        found(LintSeverity::warning, "short-window",
              "the window " + format_duration(matrix->range) + " of " + function + "() is under four intervals of " +
                  *name + " (" + format_duration(*facts.interval) +
                  "): one late sample leaves it empty; take at least " + format_duration(kIntervals * *facts.interval));
    }
  }

  void check_binary(const promql::Binary& binary, const Expr& expr) {
    if (promql::never_holds(binary, options_))
      found(LintSeverity::error, "cannot-fire",
            "this condition never holds, whatever is stored: " + promql::format(expr));
    if (binary.op == promql::BinaryOp::div) check_divisor(*binary.rhs);
  }

  void check_divisor(const Expr& expr) {
    const Expr* divisor = &unwrap(expr);
    bool clamped = false;
    if (const auto* call = std::get_if<promql::Call>(&divisor->node);
        call != nullptr && call->function->name == "clamp_min") {
      divisor = &unwrap(*call->args[0]);
      clamped = true;
    }
    const auto* selector = std::get_if<promql::VectorSelector>(&divisor->node);
    const auto name = selector == nullptr ? std::nullopt : name_of(*selector);
    if (!name) return;
    const bool unlimited = std::find(kZeroIsUnlimited.begin(), kZeroIsUnlimited.end(), *name) != kZeroIsUnlimited.end();
    const bool setting = unlimited || name->find("_settings_") != std::string::npos ||
                         name->find("_config_") != std::string::npos || name->find("max_") != std::string::npos;
    const auto& facts = facts_.of(*name);
    const bool was_zero = facts.least && *facts.least <= 0;
    if (!setting || !(was_zero || unlimited)) return;
    found(LintSeverity::error, "zero-setting",
          "divides by the setting " + *name + ", " + (was_zero ? "which has been 0" : "whose 0 means no limit") +
              (clamped ? ": clamp_min() then makes a limit of nothing look like a limit of 1"
                       : ": the ratio is +Inf or NaN then") +
              "; add `and " + *name + " > 0`");
  }

  // The compared value of an alert, down to the selectors that it passes through unchanged.
  void compared(const Expr& expr) {
    const auto* binary = std::get_if<promql::Binary>(&unwrap(expr).node);
    if (binary == nullptr) return;
    if (promql::is_set_operator(binary->op)) {
      compared(*binary->lhs);
      if (binary->op == promql::BinaryOp::lor) compared(*binary->rhs);
      return;
    }
    const bool upward = binary->op == promql::BinaryOp::gt || binary->op == promql::BinaryOp::ge;
    const bool constant = binary->rhs->type == promql::ValueType::scalar;
    if (upward && constant && !binary->return_bool) raw_counters(*binary->lhs);
  }

  // An alert fires for every value, 0 too.
  void check_bool(const Expr& expr) {
    const auto* binary = std::get_if<promql::Binary>(&unwrap(expr).node);
    if (binary == nullptr) return;
    if (promql::is_set_operator(binary->op)) {
      check_bool(*binary->lhs);
      if (binary->op == promql::BinaryOp::lor) check_bool(*binary->rhs);
    } else if (binary->return_bool) {
      found(LintSeverity::error, "always-fires",
            "with `bool` this gives 0 where it does not hold, and an alert fires for 0 too: " + promql::format(expr) +
                "; leave `bool` out");
    }
  }

  // An alert with other labels is another alert.
  void check_labels() {
    const auto& rule = rule_.compiled.rule;
    if (rule.hold <= Millis(0)) return;
    for (const auto& [name, text] : rule.labels)
      if (const auto at = value_in(text); at != std::string::npos)
        found(LintSeverity::warning, "value-in-label",
              "the label " + name + " reads the value (character " + std::to_string(at + 1) +
                  " of its text): where that changes the label, another alert begins and waits " +
                  format_duration(rule.hold) +
                  " anew, so it may never fire; say the value in an annotation, or take one rule per severity");
  }

  void raw_counters(const Expr& expr) {
    const Expr& inner = unwrap(expr);
    if (const auto* selector = std::get_if<promql::VectorSelector>(&inner.node)) {
      const auto name = name_of(*selector);
      if (!name || facts_.of(*name).kind != MetricKind::counter) return;
      found(LintSeverity::error, "counter-without-rate",
            "compares the counter " + *name +
                " itself, which never falls: once true, the alert latches; take increase() or rate()");
    } else if (const auto* aggregate = std::get_if<promql::Aggregate>(&inner.node)) {
      raw_counters(*aggregate->expr);
    } else if (const auto* binary = std::get_if<promql::Binary>(&inner.node)) {
      // A ratio or difference of counters is no counter.
      const bool grows = binary->op == promql::BinaryOp::add || binary->op == promql::BinaryOp::mul;
      if (!grows) return;
      raw_counters(*binary->lhs);
      raw_counters(*binary->rhs);
    }
  }

  // Looks at the rule over the window: one that was never false for a day says nothing to anybody. One that looks at
  // nothing, like a watchdog's vector(1), is meant to.
  Result<void> latches() {
    if (!selects_) return {};
    const auto window = facts_.window();
    if (window.to - window.from < kLatched) return {};
    const Millis step = (window.to - window.from) / kLooks;
    const auto seen = promql::evaluate_range(*rule_.expr, facts_.history(), window.from, window.to, step, options_);
    // A rule that cannot be evaluated over so long is not judged by its past.
    if (!seen) return {};
    for (const auto& series : *seen) {
      std::size_t last = 0;
      for (std::size_t i = 1; i < series.samples.size(); ++i)
        if (series.samples[i].time - series.samples[i - 1].time > step) last = i;
      const Millis lasted = series.samples.back().time - series.samples[last].time;
      if (lasted < kLatched || series.samples.back().time + step <= window.to) continue;
      found(LintSeverity::warning, "latches",
            "true at every look for the last " + format_duration(std::chrono::floor<std::chrono::hours>(lasted)) +
                " for " + promql::metric_text(series.labels) + ": nobody can act on an alert that never ends");
      return {};
    }
    return {};
  }

  const LoadedGroup& group_;
  const LoadedRule& rule_;
  RuleFacts& facts_;
  const promql::EvalOptions& options_;
  std::vector<LintFinding>& out_;
  std::size_t first_;     // of this rule's findings
  bool selects_ = false;  // any series at all
};

}  // namespace

Result<std::vector<LintFinding>> lint_rules(const RuleSet& rules, RuleFacts& facts,
                                            const promql::EvalOptions& options) {
  std::vector<LintFinding> out;
  for (const auto& group : rules.groups)
    for (const auto& rule : group.rules)
      if (auto ran = Linter(group, rule, facts, options, out).run(); !ran) return fail(ran.error());
  return out;
}

}  // namespace pgtend::engine
