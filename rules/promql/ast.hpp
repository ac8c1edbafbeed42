#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/matcher.hpp"

// The PromQL expression tree, as the parser leaves it: typed, positioned, immutable afterwards.
namespace pgtend::promql {

enum class ValueType { scalar, vector, matrix, string };
// As error messages spell it: "scalar", "instant vector", "range vector", "string".
[[nodiscard]] std::string_view to_string(ValueType type);

// Byte offsets into the parsed text: [start, end).
struct Span {
  std::size_t start = 0, end = 0;
  bool operator==(const Span&) const = default;
};

enum class BinaryOp { add, sub, mul, div, mod, pow, atan2, eq, ne, lt, le, gt, ge, land, lor, lunless };
[[nodiscard]] std::string_view to_string(BinaryOp op);
[[nodiscard]] bool is_comparison(BinaryOp op);
[[nodiscard]] bool is_set_operator(BinaryOp op);

enum class AggregateOp { sum, avg, min, max, count, group, stddev, stdvar, topk, bottomk, quantile, count_values };
[[nodiscard]] std::string_view to_string(AggregateOp op);

struct Function;  // rules/promql/function.hpp
struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

// What `@` fixes an evaluation to: a moment, or the first or last moment of the whole query.
struct AtModifier {
  enum class Kind { none, time, start, end };
  Kind kind = Kind::none;
  UtcTime time;  // of Kind::time
};

struct NumberLiteral {
  double value = 0;
};
struct StringLiteral {
  std::string value;
};
struct VectorSelector {
  std::string name;               // empty when the name is given by a matcher or not at all
  std::vector<Matcher> matchers;  // includes __name__ when `name` is set, as the last one
  Millis offset{0};               // negative: looks ahead
  AtModifier at;
  Span name_span;
};
struct MatrixSelector {
  ExprPtr selector;  // a VectorSelector, which also holds offset and @
  Millis range{0};
};
// The inner expression at every multiple of the step within the range; no step: the default evaluation interval.
struct Subquery {
  ExprPtr expr;
  Millis range{0};
  std::optional<Millis> step;
  Millis offset{0};
  AtModifier at;
};
struct Call {
  const Function* function = nullptr;
  std::vector<ExprPtr> args;
};
struct Unary {
  bool negative = false;
  ExprPtr expr;
};
enum class Cardinality { one_to_one, many_to_one, one_to_many, many_to_many };
struct VectorMatching {
  Cardinality cardinality = Cardinality::one_to_one;
  bool on = false;  // false: ignoring (with no labels: match on all)
  std::vector<std::string> labels;
  std::vector<std::string> include;  // labels of group_left / group_right
};
struct Binary {
  BinaryOp op = BinaryOp::add;
  ExprPtr lhs, rhs;
  bool return_bool = false;
  VectorMatching matching;  // meaningful between two instant vectors
  Span op_span;
};
struct Aggregate {
  AggregateOp op = AggregateOp::sum;
  ExprPtr expr, param;  // param: topk, bottomk, quantile (scalar), count_values (string)
  bool without = false;
  bool grouped = false;  // a by or without clause was written
  std::vector<std::string> grouping;
};
struct Paren {
  ExprPtr expr;
};

struct Expr {
  using Node = std::variant<NumberLiteral, StringLiteral, VectorSelector, MatrixSelector, Subquery, Call, Unary, Binary,
                            Aggregate, Paren>;
  Node node;
  ValueType type = ValueType::scalar;
  Span span;
  int depth = 1;  // height of this tree
};

// Direct children in source order.
[[nodiscard]] std::vector<const Expr*> children(const Expr& expr);
// The expression without enclosing parentheses.
[[nodiscard]] const Expr& unwrap(const Expr& expr);

}  // namespace pgtend::promql
