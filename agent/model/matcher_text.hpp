#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/matcher.hpp"

namespace pgtend {

// Parses matchers as Alertmanager writes them: `severity="critical"`, `team=~db|app`, or several in one text,
// `{a="b", c!~"d"}` with or without the braces. Quotes are optional; \" \\ and \n are understood inside a value.
// Errors: parse (not a matcher, an open quote, a bad regular expression), not retryable.
[[nodiscard]] Result<std::vector<Matcher>> parse_matchers(std::string_view text);

// `severity="critical"`, as parse_matchers reads it back.
[[nodiscard]] std::string to_string(const Matcher& matcher);
// `{a="b",c=~"d"}`.
[[nodiscard]] std::string to_string(const std::vector<Matcher>& matchers);

// Whether every matcher holds; an absent label counts as the empty value.
[[nodiscard]] bool match_all(const std::vector<Matcher>& matchers, const Labels& labels);

}  // namespace pgtend
