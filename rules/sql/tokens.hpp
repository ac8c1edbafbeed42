#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "rules/sql/tree.hpp"

// Inside rules/sql only: the server's own scanner. Kinds are read from the text and the keyword class, because the
// token numbers change with every major version of the grammar.
namespace pgtend::sql {

struct Token {
  enum class Kind { word, keyword, parameter, number, string, comment, other };
  Kind kind = Kind::other;
  std::size_t start = 0, end = 0;  // bytes, half open
  std::string text;                // as written; lower case for unquoted words and keywords
  int parameter = 0;               // n of $n
};

// Errors: parse, resource_exhausted (over `max_bytes`); not retryable.
[[nodiscard]] Result<std::vector<Token>> scan(std::string_view text, std::size_t max_bytes = kMaxTextBytes);

[[nodiscard]] int highest_parameter(const std::vector<Token>& tokens);

}  // namespace pgtend::sql
