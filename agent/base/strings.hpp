#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgtend {

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string join(std::span<const std::string> parts, std::string_view separator);

// Shell-style match over the whole of `text`: `*` any run, `?` one character; case-sensitive.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text);

// The candidate with the smallest edit distance, when it is close enough to be a slip of the keyboard.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// The one function that quotes an SQL identifier: always in double quotes, embedded quotes doubled.
[[nodiscard]] std::string quote_identifier(std::string_view name);
// "schema"."name"; the schema is left out when empty.
[[nodiscard]] std::string quote_qualified(std::string_view schema, std::string_view name);
// For the statements that take no parameters (ALTER SYSTEM SET): standard_conforming_strings form, quotes doubled, E''
// when it holds a backslash.
[[nodiscard]] std::string quote_literal(std::string_view value);

// Shortest text that reads back as the same double; "NaN", "+Inf", "-Inf" as Prometheus prints them.
[[nodiscard]] std::string format_double(double value);

}  // namespace pgtend
