#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "rules/promql/ast.hpp"

namespace pgtend::promql {

// Errc::parse with "LINE:COLUMN: parse error: MESSAGE", pointing at the span's start.
[[nodiscard]] Error parse_error(std::string_view text, Span span, std::string_view message);

// Checks argument counts and the types of all operands, from the leaves up. Errors: parse, positioned in `text`.
[[nodiscard]] Result<void> check_types(std::string_view text, const Expr& expr);

}  // namespace pgtend::promql
