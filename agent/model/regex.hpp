#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"

namespace re2 {
class RE2;
}

namespace pgtend {

// A regular expression in RE2's dialect, anchored at both ends, with its groups.
class Regex {
 public:
  // Errors: parse (bad regular expression), not retryable.
  static Result<Regex> make(std::string_view pattern);

  // The replacement with $1, ${1}, $name and ${name} filled from the groups ($$ is a dollar; an unknown group is
  // empty); nullopt when the text does not match. What gets longer than `most` bytes is not finished.
  [[nodiscard]] std::optional<std::string> expand(std::string_view text, std::string_view replacement,
                                                  std::size_t most = std::string::npos) const;

 private:
  Regex() = default;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace pgtend
