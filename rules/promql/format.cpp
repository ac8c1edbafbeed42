#include "rules/promql/format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "agent/base/decimal.hpp"
#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/promql/function.hpp"
#include "rules/promql/lexer.hpp"
#include "rules/promql/parser.hpp"

namespace pgtend::promql {

namespace {

std::string_view symbol(MatchOp op) {
  switch (op) {
    case MatchOp::equal:
      return "=";
    case MatchOp::not_equal:
      return "!=";
    case MatchOp::regex:
      return "=~";
    case MatchOp::not_regex:
      return "!~";
  }
  return "";
}

std::string label_text(const std::string& name) {
  return is_label_name(name) ? name : quote(name);
}

std::string list(const std::vector<std::string>& labels) {
  std::string out = "(";
  for (const auto& label : labels) out += (out.size() > 1 ? ", " : "") + label_text(label);
  return out + ")";
}

std::string at_text(const AtModifier& at) {
  switch (at.kind) {
    case AtModifier::Kind::none:
      return "";
    case AtModifier::Kind::start:
      return " @ start()";
    case AtModifier::Kind::end:
      return " @ end()";
    case AtModifier::Kind::time:
      break;
  }
  const std::int64_t ms = to_ms(at.time);
  const std::string thousandths = std::to_string(1000 + std::abs(ms % 1000)).substr(1);
  return std::string(" @ ") + (ms < 0 ? "-" : "") + std::to_string(std::abs(ms / 1000)) + "." + thousandths;
}

std::string offset_text(Millis offset) {
  if (offset.count() == 0) return "";
  return offset.count() < 0 ? " offset -" + format_duration(-offset) : " offset " + format_duration(offset);
}

// The selector without its modifiers, which a range comes before.
std::string bare(const VectorSelector& node) {
  const bool plain = node.name.empty() || is_metric_name(node.name);
  std::string inside = plain ? "" : quote(node.name);
  for (const auto& matcher : node.matchers) {
    if (!node.name.empty() && matcher.label() == "__name__") continue;
    if (!inside.empty()) inside += ",";
    inside += label_text(matcher.label()) + std::string(symbol(matcher.op())) + quote(matcher.value());
  }
  if (inside.empty() && !node.name.empty()) return node.name;
  return (plain ? node.name : std::string()) + "{" + inside + "}";
}

// Of numbers beyond these, Prometheus writes the exponent.
constexpr double kPlainFrom = 1e-4, kPlainBelow = 1e6;

std::string text(const Expr&, const NumberLiteral& node) {
  const double size = std::abs(node.value);
  if (size == 0 || (size >= kPlainFrom && size < kPlainBelow) || !std::isfinite(size)) return decimal_text(node.value);
  std::array<char, 32> out;
  const auto end = std::to_chars(out.begin(), out.end(), node.value, std::chars_format::scientific).ptr;
  return {out.begin(), end};
}
std::string text(const Expr&, const StringLiteral& node) {
  return quote(node.value);
}
std::string text(const Expr&, const VectorSelector& node) {
  return bare(node) + at_text(node.at) + offset_text(node.offset);
}
std::string text(const Expr&, const MatrixSelector& node) {
  const auto& selector = std::get<VectorSelector>(node.selector->node);
  return bare(selector) + "[" + format_duration(node.range) + "]" + at_text(selector.at) + offset_text(selector.offset);
}
std::string text(const Expr&, const Subquery& node) {
  return format(*node.expr) + subquery_suffix(node);
}
std::string text(const Expr&, const Call& node) {
  std::string out(node.function->name);
  out += '(';
  for (std::size_t i = 0; i < node.args.size(); ++i) out += (i > 0 ? ", " : "") + format(*node.args[i]);
  return out + ')';
}
std::string text(const Expr&, const Unary& node) {
  return (node.negative ? "-" : "+") + format(*node.expr);
}
std::string text(const Expr&, const Paren& node) {
  return "(" + format(*node.expr) + ")";
}

std::string text(const Expr&, const Binary& node) {
  auto left = format(*node.lhs);
  // A sign would be read as that of the whole power.
  if (node.op == BinaryOp::pow && left == "+Inf") left.erase(0, 1);
  return left + " " + operator_text(node) + " " + format(*node.rhs);
}

std::string text(const Expr&, const Aggregate& node) {
  return aggregate_text(node) + "(" + (node.param ? format(*node.param) + ", " : std::string()) + format(*node.expr) +
         ")";
}

void collect(const Expr& expr, std::vector<std::vector<Matcher>>& out) {
  if (const auto* selector = std::get_if<VectorSelector>(&expr.node)) out.push_back(selector->matchers);
  for (const Expr* child : children(expr)) collect(*child, out);
}

}  // namespace

std::string subquery_suffix(const Subquery& node) {
  return "[" + format_duration(node.range) + ":" + (node.step ? format_duration(*node.step) : std::string()) + "]" +
         at_text(node.at) + offset_text(node.offset);
}

std::string operator_text(const Binary& node) {
  std::string out(to_string(node.op));
  if (node.return_bool) out += " bool";
  const auto& matching = node.matching;
  if (matching.on || !matching.labels.empty() || matching.cardinality == Cardinality::many_to_one ||
      matching.cardinality == Cardinality::one_to_many) {
    out += (matching.on ? " on " : " ignoring ") + list(matching.labels);
    if (matching.cardinality == Cardinality::many_to_one) out += " group_left " + list(matching.include);
    if (matching.cardinality == Cardinality::one_to_many) out += " group_right " + list(matching.include);
  }
  return out;
}

std::string aggregate_text(const Aggregate& node) {
  std::string out(to_string(node.op));
  if (node.without) {
    out += " without " + list(node.grouping) + " ";
  } else if (!node.grouping.empty()) {
    out += " by " + list(node.grouping) + " ";
  }
  return out;
}

std::string format(const Expr& expr) {
  return std::visit([&](const auto& node) { return text(expr, node); }, expr.node);
}

std::vector<std::vector<Matcher>> selectors(const Expr& expr) {
  std::vector<std::vector<Matcher>> out;
  collect(expr, out);
  return out;
}

std::vector<std::string> metric_names(const Expr& expr) {
  std::vector<std::string> names;
  for (const auto& matchers : selectors(expr)) {
    for (const auto& matcher : matchers) {
      if (matcher.label() == "__name__" && matcher.op() == MatchOp::equal) names.push_back(matcher.value());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

const Expr* compared_value(const Expr& expr) {
  const auto* binary = std::get_if<Binary>(&unwrap(expr).node);
  if (binary == nullptr) return nullptr;
  if (binary->op == BinaryOp::land || binary->op == BinaryOp::lunless) return compared_value(*binary->lhs);
  if (!is_comparison(binary->op) || binary->return_bool) return nullptr;
  // Of a constant and a vector, the vector is what changes: `0 < up` compares `up`.
  return binary->lhs->type == ValueType::scalar ? binary->rhs.get() : binary->lhs.get();
}

}  // namespace pgtend::promql
