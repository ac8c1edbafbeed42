#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "rules/promql/ast.hpp"

namespace pgtend::promql {

enum class TokenKind {
  end,
  bad,         // text that is no token; `text` holds the message
  identifier,  // also keywords: their meaning depends on the place
  metric,      // an identifier with a colon
  number,
  duration,
  string,
  left_paren,
  right_paren,
  left_brace,
  right_brace,
  left_bracket,
  right_bracket,
  comma,
  colon,
  at,
  op,     // arithmetic or comparison
  equal,  // = inside braces
  regex,  // =~
  not_regex,
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // as written; lives as long as the parsed text
  std::string message;    // of a bad token
  Span span;
};

// Splits the whole text; the last token is `end` or the first `bad` one.
[[nodiscard]] std::vector<Token> tokenize(std::string_view text);

// As error messages show it: `identifier "x"`, `<op:+>`, `end of input`.
[[nodiscard]] std::string describe(const Token& token);

// The value of a number token (decimal, hexadecimal, octal with a leading 0, Inf, NaN; _ between digits). Errors:
// parse.
[[nodiscard]] Result<double> number_value(std::string_view text);

// The content of a quoted string ('', "" with escapes, or `` raw). Errors: parse.
[[nodiscard]] Result<std::string> unquote(std::string_view quoted);

// The text in double quotes, escaped so that unquote() gives it back.
[[nodiscard]] std::string quote(std::string_view text);

// Whether the text can be the name of a label as Prometheus 2 has it: letters, digits and _.
[[nodiscard]] bool is_label_name(std::string_view text);
// The same of a metric: letters, digits, _ and colons.
[[nodiscard]] bool is_metric_name(std::string_view text);
// Whether the text can be a quoted name, as Prometheus 3 has it: not empty, valid UTF-8.
[[nodiscard]] bool is_utf8_name(std::string_view text);

// "sum", "by", "offset", … : the lower-case keyword, or empty when the word is none.
[[nodiscard]] std::string_view keyword_of(std::string_view word);

}  // namespace pgtend::promql
