#pragma once

#include <string>

#include "agent/base/result.hpp"

namespace pgtend::alerts::templates {

// Whether a pattern (RE2's dialect, as Go's) is found anywhere in a text. Errors: parse.
[[nodiscard]] Result<bool> found_in(const std::string& pattern, const std::string& text);

// The text with every place at which the pattern is found replaced; $1, ${1} and ${name} stand for its groups, the
// first nine of them by number. Errors: parse.
[[nodiscard]] Result<std::string> replace_all(const std::string& pattern, const std::string& with,
                                              const std::string& text);

}  // namespace pgtend::alerts::templates
