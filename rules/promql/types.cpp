#include <algorithm>
#include <string>

#include "rules/promql/function.hpp"
#include "rules/promql/lexer.hpp"
#include "rules/promql/parse_error.hpp"

namespace pgtend::promql {

Error parse_error(std::string_view text, Span span, std::string_view message) {
  const std::string_view before = text.substr(0, std::min(span.start, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  const std::size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  Error error;
  error.code = Errc::parse;
  error.message = std::to_string(line) + ":" + std::to_string(column) + ": parse error: " + std::string(message);
  return error;
}

namespace {

class TypeChecker {
 public:
  explicit TypeChecker(std::string_view text) : text_(text) {}

  Result<void> check(const Expr& expr) {
    for (const Expr* child : children(expr)) {
      if (auto checked = check(*child); !checked) return checked;
    }
    return std::visit([&](const auto& node) { return node_types(expr, node); }, expr.node);
  }

 private:
  Result<void> error(Span span, std::string_view message) { return fail(parse_error(text_, span, message)); }

  Result<void> expect(const Expr& expr, ValueType wanted, const std::string& context) {
    if (expr.type == wanted) return {};
    return error(expr.span, "expected type " + std::string(to_string(wanted)) + " in " + context + ", got " +
                                std::string(to_string(expr.type)));
  }

  template <class Node>
  Result<void> node_types(const Expr&, const Node&) {
    return {};
  }

  Result<void> node_types(const Expr& expr, const Subquery& node) {
    if (node.expr->type == ValueType::vector) return {};
    return error(expr.span, "subquery is only allowed on instant vector, got " +
                                std::string(to_string(node.expr->type)) + " instead");
  }

  Result<void> node_types(const Expr& expr, const Unary& node) {
    if (node.expr->type == ValueType::scalar || node.expr->type == ValueType::vector) return {};
    return error(expr.span, "unary expression only allowed on expressions of type scalar or instant vector, got \"" +
                                std::string(to_string(node.expr->type)) + "\"");
  }

  Result<void> node_types(const Expr& expr, const Aggregate& node) {
    if (auto checked = expect(*node.expr, ValueType::vector, "aggregation expression"); !checked) return checked;
    if (!node.param) return {};
    (void)expr;
    const ValueType wanted = node.op == AggregateOp::count_values ? ValueType::string : ValueType::scalar;
    return expect(*node.param, wanted, "aggregation parameter");
  }

  Result<void> node_types(const Expr& expr, const Binary& node) {
    for (const Expr* side : {node.lhs.get(), node.rhs.get()}) {
      if (side->type != ValueType::scalar && side->type != ValueType::vector) {
        return error(side->span, "binary expression must contain only scalar and instant vector types");
      }
    }
    const bool scalars = node.lhs->type == ValueType::scalar && node.rhs->type == ValueType::scalar;
    const bool vectors = node.lhs->type == ValueType::vector && node.rhs->type == ValueType::vector;
    if (scalars && is_comparison(node.op) && !node.return_bool) {
      return error(node.op_span, "comparisons between scalars must use BOOL modifier");
    }
    if (vectors) return {};
    if (is_set_operator(node.op)) {
      return error(expr.span, "set operator " + quote(to_string(node.op)) + " not allowed in binary scalar expression");
    }
    // As Prometheus: on() and ignoring() without a label say nothing.
    if (!node.matching.labels.empty()) {
      return error(expr.span, "vector matching only allowed between instant vectors");
    }
    return {};
  }

  Result<void> node_types(const Expr& expr, const Call& node) {
    const Function& function = *node.function;
    const std::size_t most = function.args.size();
    const std::size_t least = most - function.optional;
    const std::string name = quote(function.name);
    const std::string got = ", got " + std::to_string(node.args.size());
    const auto wrong = [&](std::string_view how, std::size_t count) {
      return error(expr.span,
                   "expected " + std::string(how) + std::to_string(count) + " argument(s) in call to " + name + got);
    };
    if (node.args.size() < least) return wrong(function.optional > 0 || function.variadic ? "at least " : "", least);
    if (!function.variadic && node.args.size() > most) return wrong(function.optional > 0 ? "at most " : "", most);
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      const ValueType wanted = function.args[std::min(i, most - 1)];
      if (auto checked = expect(*node.args[i], wanted, "call to function " + name); !checked) return checked;
    }
    return {};
  }

  std::string_view text_;
};

}  // namespace

Result<void> check_types(std::string_view text, const Expr& expr) {
  return TypeChecker(text).check(expr);
}

}  // namespace pgtend::promql
