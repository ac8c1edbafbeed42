#pragma once

#include <string>

#include "rules/promql/ast.hpp"

// The pieces of an expression's text that one line and several lines share; private to this folder.
namespace pgtend::promql {

// "[1h:1m] @ 12.000 offset 5m".
[[nodiscard]] std::string subquery_suffix(const Subquery& node);
// "> bool on (a) group_left (b)".
[[nodiscard]] std::string operator_text(const Binary& node);
// "sum", "sum by (a) ".
[[nodiscard]] std::string aggregate_text(const Aggregate& node);

}  // namespace pgtend::promql
