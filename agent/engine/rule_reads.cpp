#include "agent/engine/rule_reads.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "rules/promql/function.hpp"

namespace pgtend::engine {

namespace {

void add(std::vector<std::string>& to, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (std::ranges::find(to, name) == to.end()) to.push_back(name);
}

void walk(const promql::Expr& expr, bool denied, RuleReads& out) {
  if (std::holds_alternative<promql::VectorSelector>(expr.node))
    return add(denied ? out.denied : out.shown, promql::metric_names(expr));
  if (const auto* binary = std::get_if<promql::Binary>(&expr.node); binary && binary->op == promql::BinaryOp::lunless) {
    walk(*binary->lhs, denied, out);
    return walk(*binary->rhs, !denied, out);
  }
  const auto* call = std::get_if<promql::Call>(&expr.node);
  const bool absent = call != nullptr && call->function->name.starts_with("absent");
  for (const auto* child : promql::children(expr)) walk(*child, absent ? !denied : denied, out);
}

}  // namespace

RuleReads reads_of(const promql::Expr& expr) {
  RuleReads out;
  walk(expr, false, out);
  return out;
}

void add_sources(RuleSet& rules) {
  std::map<std::string, std::vector<std::string>> recorded;
  for (const auto& group : rules.groups)
    for (const auto& rule : group.rules)
      if (rule.compiled.rule.kind == RuleKind::record) add(recorded[rule.compiled.rule.name], rule.metrics);
  const auto expand = [&](std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (const auto found = recorded.find(names[i]); found != recorded.end()) add(names, found->second);
  };
  for (auto& group : rules.groups)
    for (auto& rule : group.rules) {
      expand(rule.shown);
      expand(rule.denied);
    }
}

}  // namespace pgtend::engine
