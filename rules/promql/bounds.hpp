#pragma once

#include <limits>

#include "rules/promql/ast.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::promql {

// Between which numbers the values of an expression lie, as far as its form tells; NaN may come besides.
struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool from_now = false;  // both are seconds from the moment of evaluation: timestamp(x) lies in [-300, 0]
};

// `options`: only how far back selectors look. A tree in any thread.
[[nodiscard]] Bounds bounds_of(const Expr& expr, const EvalOptions& options);

// Whether a filtering comparison, or two of one expression joined by `and`, can never hold, whatever is stored.
[[nodiscard]] bool never_holds(const Binary& comparison, const EvalOptions& options);

}  // namespace pgtend::promql
