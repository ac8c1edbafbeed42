#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/logs/entry.hpp"

namespace pgtend::logs {

// The head of a line of the plain text log: what stands before the message.
struct LineHead {
  std::string_view word;                // "ERROR", and "DETAIL" and its kin in further lines of an entry
  std::string_view sqlstate, query_id;  // empty when the prefix has none
  std::string_view rest;                // the message
};

// A log_line_prefix, made to find the head of a line. What users choose themselves (application names, users,
// databases) may hold spaces and signs of the prefix.
class LinePrefix {
 public:
  explicit LinePrefix(std::string_view prefix);
  // A line that the prefix does not fit, written before it was changed, is searched for a severity. nullopt: no entry
  // begins here.
  [[nodiscard]] std::optional<LineHead> match(std::string_view line) const;

 private:
  struct Part {
    char escape = 0;      // 0: literal
    std::string literal;  // never empty then
    bool padded = false;
  };
  struct Attempt;
  [[nodiscard]] bool fit(Attempt& attempt, std::size_t part, std::size_t at) const;
  [[nodiscard]] bool fit_escape(Attempt& attempt, std::size_t part, std::size_t at) const;

  std::vector<Part> parts_;
};

}  // namespace pgtend::logs
