#include "agent/engine/alert_facts.hpp"

#include <algorithm>

#include "agent/base/decimal.hpp"
#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/eval_options.hpp"
#include "alerts/message.hpp"

namespace pgtend::engine {

namespace {

// Of all alerts of one group together; what is not known by then is left out of the message.
constexpr std::chrono::seconds kFactsTime{2};
constexpr int kWeeks = 4, kWeeksNeeded = 2;
constexpr std::chrono::hours kWeek{7 * 24};
constexpr std::size_t kCauses = 3;
constexpr std::size_t kLongestRight = 60;  // bytes of the comparison's right side shown
constexpr const char* kCausesAnnotation = "pgtend_causes";
// The shipped rule whose cause is in the server's own words, and the lane that hears them.
constexpr std::string_view kServerDown = "PgDown", kProbeLane = "probe";

// The comparison whose left side is `left`.
const promql::Binary* comparison_with(const promql::Expr& expr, const promql::Expr* left) {
  if (const auto* binary = std::get_if<promql::Binary>(&expr.node); binary != nullptr && binary->lhs.get() == left)
    return binary;
  for (const auto* child : promql::children(expr))
    if (const auto* found = comparison_with(*child, left)) return found;
  return nullptr;
}

// Whether the element is the one that the alert is about: its labels are among the alert's.
bool belongs_to(const Labels& element, const Labels& alert) {
  return std::all_of(element.begin(), element.end(), [&](const Label& label) {
    return label.first == "__name__" || alert.get(label.first) == label.second;
  });
}

// Whether the labels that the rule fixes are the alert's.
bool fixes_labels_of(const alerts::CompiledRule& rule, const Alert& alert) {
  return std::all_of(rule.rule.labels.begin(), rule.rule.labels.end(), [&](const auto& label) {
    return label.second.find("{{") != std::string::npos || alert.labels.get(label.first) == label.second;
  });
}

std::string cause_text(const promql::VectorSample& element) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : element.labels)
    if (name != "__name__") parts.push_back(name + "=" + value);
  return (parts.empty() ? std::string("value") : join(parts, ", ")) + ": " + alerts::shown_number(element.value);
}

// What the compared side of a rule aggregates; nullptr: it has an element for each alert already.
const promql::Expr* aggregated(const promql::Expr& rule) {
  const auto* compared = promql::compared_value(rule);
  if (compared == nullptr) return nullptr;
  const auto* aggregate = std::get_if<promql::Aggregate>(&promql::unwrap(*compared).node);
  return aggregate == nullptr ? nullptr : aggregate->expr.get();
}

// Whether no label of the element says that it is about something else than the alert.
bool agrees(const Labels& element, const Labels& alert) {
  return std::all_of(element.begin(), element.end(), [&](const Label& label) {
    return label.first == "__name__" || !alert.has(label.first) || alert.get(label.first) == label.second;
  });
}

}  // namespace

std::optional<std::size_t> place_of(const LoadedGroup& group, const Alert& alert) {
  std::optional<std::size_t> best;
  int likeness = -1;
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const auto& rule = group.rules[i].compiled;
    if (rule.rule.kind != RuleKind::alert || rule.rule.name != alert.rule) continue;
    // Its labels may have been changed since; even then one of the rules of this name must let the alert end.
    const int like = (fixes_labels_of(rule, alert) ? 2 : 0) + (rule.group == alert.group ? 1 : 0);
    if (like <= likeness) continue;
    likeness = like;
    best = i;
  }
  return alert.group == group.id || alert.group.starts_with(group.id + "#") ? best : std::nullopt;
}

const LoadedRule* rule_of(const RuleSet& rules, const Alert& alert) {
  for (const auto& group : rules.groups)
    if (const auto place = place_of(group, alert)) return &group.rules[*place];
  return nullptr;
}

std::string comparison_of(const promql::Expr& expr) {
  const auto* left = promql::compared_value(expr);
  const auto* binary = left == nullptr ? nullptr : comparison_with(expr, left);
  if (binary == nullptr) return {};
  const auto* number = std::get_if<promql::NumberLiteral>(&binary->rhs->node);
  // Whoever reads it at night reads no exponents.
  const auto right = number != nullptr ? decimal_text(number->value) : promql::format(*binary->rhs);
  if (right.size() > kLongestRight) return {};
  return std::string(promql::to_string(binary->op)) + " " + right;
}

const promql::Expr& fired_side(const promql::Expr& expr, const Labels& labels, HistoryReader& history, UtcTime at,
                               const promql::EvalOptions& options) {
  const auto& whole = promql::unwrap(expr);
  const auto* binary = std::get_if<promql::Binary>(&whole.node);
  if (binary == nullptr || binary->op != promql::BinaryOp::lor) return expr;
  auto value = promql::evaluate(*binary->lhs, history, at, options);
  const auto* vector = value ? std::get_if<promql::Vector>(&*value) : nullptr;
  const bool left = vector != nullptr && std::any_of(vector->begin(), vector->end(), [&](const auto& element) {
                      return belongs_to(element.labels, labels);
                    });
  return fired_side(left ? *binary->lhs : *binary->rhs, labels, history, at, options);
}

std::optional<double> normal_value(const promql::Expr& expr, const Labels& labels, HistoryReader& history, UtcTime at,
                                   const promql::EvalOptions& options) {
  const auto* compared = promql::compared_value(expr);
  if (compared == nullptr) return std::nullopt;
  std::vector<double> seen;
  for (int week = 1; week <= kWeeks; ++week) {
    auto value = promql::evaluate(*compared, history, at - week * kWeek, options);
    if (!value) return std::nullopt;
    const auto* vector = std::get_if<promql::Vector>(&*value);
    if (vector == nullptr) return std::nullopt;
    for (const auto& element : *vector)
      if (belongs_to(element.labels, labels)) {
        seen.push_back(element.value);
        break;
      }
  }
  if (seen.size() < kWeeksNeeded) return std::nullopt;
  std::sort(seen.begin(), seen.end());
  const auto middle = seen.size() / 2;
  return seen.size() % 2 == 1 ? seen[middle] : (seen[middle - 1] + seen[middle]) / 2;
}

std::vector<std::string> likely_causes(const promql::Expr& rule, const Alert& alert, HistoryReader& history, UtcTime at,
                                       const promql::EvalOptions& options) {
  std::vector<std::string> out;
  const auto text = alert.annotations.find(kCausesAnnotation);
  const bool own = text != alert.annotations.end();
  auto written = own ? promql::parse(text->second) : Result<promql::ExprPtr>(nullptr);
  if (!written) return out;
  const auto* parts = own ? written->get() : aggregated(rule);
  if (parts == nullptr) return out;
  auto value = promql::evaluate(*parts, history, at, options);
  auto* vector = value ? std::get_if<promql::Vector>(&*value) : nullptr;
  if (vector == nullptr) return out;
  if (!own)
    std::erase_if(*vector, [&](const auto& each) { return each.value == 0 || !agrees(each.labels, alert.labels); });
  const bool less = !own && alert.facts.comparison.starts_with('<');
  std::sort(vector->begin(), vector->end(),
            [less](const auto& a, const auto& b) { return less ? a.value < b.value : a.value > b.value; });
  for (const auto& element : *vector) {
    if (out.size() == kCauses) break;
    out.push_back(cause_text(element));
  }
  return out;
}

// What `pgtend status` shows of the session that looks whether the server answers; empty: it has one.
std::string Alerting::server_error() const {
  for (const auto& lane : parts_.lanes.status())
    if (lane.name == kProbeLane && !lane.last_error.empty()) return alerts::one_line(lane.last_error);
  return {};
}

// For alerts that fire just now.
net::Task<void> Alerting::add_facts(std::vector<Alert>* changed, UtcTime now) {
  std::vector<Alert> fresh;
  for (const auto& alert : *changed)
    if (alert.state == AlertState::firing && alert.fired_at == now) fresh.push_back(alert);
  if (fresh.empty() || reader_ == nullptr) co_return;
  const auto options = eval_options(parts_, kFactsTime);
  auto gather = [fresh, rules = rules_, reader = reader_, now, options]() mutable {
    for (auto& alert : fresh) {
      const auto* rule = rule_of(*rules, alert);
      if (rule == nullptr) continue;
      alert.facts = {};
      const auto& side = fired_side(*rule->expr, alert.labels, *reader, now, options);
      alert.facts.comparison = comparison_of(side);
      alert.facts.normal = normal_value(side, alert.labels, *reader, now, options);
      alert.facts.causes = likely_causes(*rule->expr, alert, *reader, now, options);
    }
    return fresh;
  };
  auto known = co_await net::run_on(parts_.blocking, gather);
  for (auto& alert : *changed)
    for (auto& with_facts : known) {
      if (with_facts.labels != alert.labels || alert.state != AlertState::firing) continue;
      alert.facts = std::move(with_facts.facts);
      if (alert.rule == kServerDown)
        if (auto said = server_error(); !said.empty()) alert.facts.causes.push_back(std::move(said));
      for (const auto& change : expected_) {
        const auto& names = change.alertnames;
        if (std::find(names.begin(), names.end(), alert.rule) != names.end())
          alert.facts.acts.push_back("change " + change.change_id + " runs and may cause this");
      }
      break;
    }
}

}  // namespace pgtend::engine
