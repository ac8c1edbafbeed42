#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.hpp"

namespace pgtend::sql {

struct ExplainableText {
  std::string text;
  int parameters = 0;  // highest $n
};

// Makes pg_stat_statements' text acceptable to the server's parser again: `date $1` becomes `$1::date`,
// `EXTRACT($1 FROM x)` becomes `date_part($1, x)`, an operator between two parameters and `THEN $n` / `ELSE $n` get
// numeric casts. Works on the server's own tokens; comments are dropped.
// Errors: unsupported (utility statement), parse, resource_exhausted; not retryable.
[[nodiscard]] Result<ExplainableText> repair_parameters(std::string_view text);

}  // namespace pgtend::sql
