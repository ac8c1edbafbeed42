#pragma once

#include <span>
#include <string>

namespace pgtend::config {

// One thing wrong in one file. line and column are 1-based; 0 when the error is about the whole file.
struct ConfigError {
  std::string file;
  int line = 0, column = 0;
  std::string message;
  std::string hint;  // the nearest valid key, or the cure; may be empty
  bool operator==(const ConfigError&) const = default;
};

// "file:line:column: message; hint", one per line, in the order of the files.
[[nodiscard]] std::string format_errors(std::span<const ConfigError> errors);

}  // namespace pgtend::config
