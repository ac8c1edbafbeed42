#include "agent/base/strings.hpp"
#include "rules/promql/format.hpp"
#include "rules/promql/function.hpp"
#include "rules/promql/parser.hpp"

namespace pgtend::promql {

namespace {

// Source: the width at which Prometheus's format_query breaks a line, measured with 2.42.
constexpr std::size_t kWidth = 100;

std::string indent(int level) {
  return std::string(static_cast<std::size_t>(level) * 2, ' ');
}

std::string lines(const Expr& expr, int level);

// A selector or a literal has no place to break at.
template <class Node>
std::string broken(const Expr& expr, const Node&, int level) {
  return indent(level) + format(expr);
}

std::string broken(const Expr&, const Subquery& node, int level) {
  return lines(*node.expr, level) + subquery_suffix(node);
}

std::string broken(const Expr&, const Unary& node, int level) {
  return indent(level) + (node.negative ? "-" : "+") + std::string(trim(lines(*node.expr, level)));
}

std::string broken(const Expr&, const Paren& node, int level) {
  return indent(level) + "(\n" + lines(*node.expr, level + 1) + "\n" + indent(level) + ")";
}

std::string broken(const Expr&, const Binary& node, int level) {
  return lines(*node.lhs, level + 1) + "\n" + indent(level) + operator_text(node) + "\n" + lines(*node.rhs, level + 1);
}

std::string broken(const Expr&, const Aggregate& node, int level) {
  return indent(level) + aggregate_text(node) + "(\n" +
         (node.param ? lines(*node.param, level + 1) + ",\n" : std::string()) + lines(*node.expr, level + 1) + "\n" +
         indent(level) + ")";
}

std::string broken(const Expr&, const Call& node, int level) {
  std::string out = indent(level) + std::string(node.function->name) + "(\n";
  for (std::size_t i = 0; i < node.args.size(); ++i) out += (i > 0 ? ",\n" : "") + lines(*node.args[i], level + 1);
  return out + "\n" + indent(level) + ")";
}

std::string lines(const Expr& expr, int level) {
  auto line = format(expr);
  // Source: 2.42 indents a subquery that fits not at all, measured.
  if (line.size() <= kWidth) return std::holds_alternative<Subquery>(expr.node) ? line : indent(level) + line;
  return std::visit([&](const auto& node) { return broken(expr, node, level); }, expr.node);
}

}  // namespace

std::string format_lines(const Expr& expr) {
  return lines(expr, 0);
}

}  // namespace pgtend::promql
