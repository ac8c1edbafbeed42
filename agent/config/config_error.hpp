#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

namespace pgtend::config {

// 1-based; 0 when unknown.
struct Position {
  int line = 0, column = 0;
};

// Where a value of the merged configuration was written.
struct Origin {
  std::string file;
  Position at;
  bool broken = false;  // what stands there was refused: the value is the default, and says nothing about the file
};

// By path: "policy.rules[2].mode".
using Origins = std::map<std::string, Origin>;

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
// The same with "warning: " before the message.
[[nodiscard]] std::string format_warnings(std::span<const ConfigError> warnings);

// Those of one file by position; equal ones once.
void order_errors(std::vector<ConfigError>& errors);

}  // namespace pgtend::config
