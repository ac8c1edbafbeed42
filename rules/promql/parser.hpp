#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/matcher.hpp"
#include "rules/promql/ast.hpp"

namespace pgtend::promql {

// Height of an expression tree. Source: twice the deepest expression in 954 public rules is far below it, and the
// recursion of parser and evaluator stays inside a thread's stack under AddressSanitizer.
inline constexpr int kMaxDepth = 200;
// Bytes of one expression. Source: the longest public rule has under 4 kB.
inline constexpr std::size_t kMaxExpressionBytes = 256 * 1024;

// Parses and type-checks one PromQL expression.
// Errors: parse, with "LINE:COLUMN: parse error: ..." (1-based, columns in bytes); a function or feature that is not
// implemented is refused the same way, by name. Not retryable. Any thread.
[[nodiscard]] Result<ExprPtr> parse(std::string_view text);

// Parses a series description without values: name{label="value"}, as promtool's files hold them.
// Errors: as parse().
[[nodiscard]] Result<Labels> parse_metric(std::string_view text);

// Canonical text; parse(format(e)) gives an equal tree.
[[nodiscard]] std::string format(const Expr& expr);
// The same in lines, two blanks per level, of what would be longer than 100 bytes: the text that Prometheus's
// format_query answers.
[[nodiscard]] std::string format_lines(const Expr& expr);

// The matchers of every vector selector used, in source order, so that a caller can ask which collectors feed it.
[[nodiscard]] std::vector<std::vector<Matcher>> selectors(const Expr& expr);
// Metric names that are fixed by an equality matcher, sorted, each once.
[[nodiscard]] std::vector<std::string> metric_names(const Expr& expr);

// The left operand of the comparison on top of the tree (through parentheses and the left side of and/unless), whose
// value is what an alert compares; nullptr when the top is no filtering comparison. Lives as long as `expr`.
[[nodiscard]] const Expr* compared_value(const Expr& expr);

}  // namespace pgtend::promql
