#pragma once

#include <string_view>

#include "agent/base/result.hpp"
#include "alerts/template_ast.hpp"

namespace pgtend::alerts::templates {

// The tree of a text. Errors: parse, "template, position N: ..." with the byte that is wrong, counted from 1; not
// retryable.
[[nodiscard]] Result<ParsedText> parse_text(std::string_view text);

}  // namespace pgtend::alerts::templates
