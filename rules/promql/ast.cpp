#include "rules/promql/ast.hpp"

namespace pgtend::promql {

std::string_view to_string(ValueType type) {
  switch (type) {
    case ValueType::scalar:
      return "scalar";
    case ValueType::vector:
      return "instant vector";
    case ValueType::matrix:
      return "range vector";
    case ValueType::string:
      return "string";
  }
  return "";
}

std::string_view to_string(BinaryOp op) {
  switch (op) {
    case BinaryOp::add:
      return "+";
    case BinaryOp::sub:
      return "-";
    case BinaryOp::mul:
      return "*";
    case BinaryOp::div:
      return "/";
    case BinaryOp::mod:
      return "%";
    case BinaryOp::pow:
      return "^";
    case BinaryOp::atan2:
      return "atan2";
    case BinaryOp::eq:
      return "==";
    case BinaryOp::ne:
      return "!=";
    case BinaryOp::lt:
      return "<";
    case BinaryOp::le:
      return "<=";
    case BinaryOp::gt:
      return ">";
    case BinaryOp::ge:
      return ">=";
    case BinaryOp::land:
      return "and";
    case BinaryOp::lor:
      return "or";
    case BinaryOp::lunless:
      return "unless";
  }
  return "";
}

bool is_comparison(BinaryOp op) {
  return op >= BinaryOp::eq && op <= BinaryOp::ge;
}

bool is_set_operator(BinaryOp op) {
  return op >= BinaryOp::land;
}

std::string_view to_string(AggregateOp op) {
  switch (op) {
    case AggregateOp::sum:
      return "sum";
    case AggregateOp::avg:
      return "avg";
    case AggregateOp::min:
      return "min";
    case AggregateOp::max:
      return "max";
    case AggregateOp::count:
      return "count";
    case AggregateOp::group:
      return "group";
    case AggregateOp::stddev:
      return "stddev";
    case AggregateOp::stdvar:
      return "stdvar";
    case AggregateOp::topk:
      return "topk";
    case AggregateOp::bottomk:
      return "bottomk";
    case AggregateOp::quantile:
      return "quantile";
    case AggregateOp::count_values:
      return "count_values";
  }
  return "";
}

namespace {

struct ChildrenOf {
  std::vector<const Expr*> out;
  void add(const ExprPtr& expr) {
    if (expr) out.push_back(expr.get());
  }
  void operator()(const NumberLiteral&) {}
  void operator()(const StringLiteral&) {}
  void operator()(const VectorSelector&) {}
  void operator()(const MatrixSelector& node) { add(node.selector); }
  void operator()(const Subquery& node) { add(node.expr); }
  void operator()(const Call& node) {
    for (const auto& arg : node.args) add(arg);
  }
  void operator()(const Unary& node) { add(node.expr); }
  void operator()(const Binary& node) {
    add(node.lhs);
    add(node.rhs);
  }
  void operator()(const Aggregate& node) {
    add(node.param);
    add(node.expr);
  }
  void operator()(const Paren& node) { add(node.expr); }
};

}  // namespace

std::vector<const Expr*> children(const Expr& expr) {
  ChildrenOf visitor;
  std::visit(visitor, expr.node);
  return std::move(visitor.out);
}

const Expr& unwrap(const Expr& expr) {
  const Expr* inner = &expr;
  while (const auto* paren = std::get_if<Paren>(&inner->node)) inner = paren->expr.get();
  return *inner;
}

}  // namespace pgtend::promql
