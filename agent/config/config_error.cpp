#include "agent/config/config_error.hpp"

#include <algorithm>
#include <tuple>

namespace pgtend::config {

namespace {

std::string format(std::span<const ConfigError> errors, const char* before) {
  std::string out;
  for (const auto& error : errors) {
    out += error.file;
    if (error.line > 0) out += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
    out += std::string(": ") + before + error.message;
    if (!error.hint.empty()) out += "; " + error.hint;
    out += '\n';
  }
  return out;
}

}  // namespace

std::string format_errors(std::span<const ConfigError> errors) {
  return format(errors, "");
}

std::string format_warnings(std::span<const ConfigError> warnings) {
  return format(warnings, "warning: ");
}

void order_errors(std::vector<ConfigError>& errors) {
  std::stable_sort(errors.begin(), errors.end(), [](const ConfigError& a, const ConfigError& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
}

}  // namespace pgtend::config
