#include "agent/config/config_error.hpp"

namespace pgtend::config {

std::string format_errors(std::span<const ConfigError> errors) {
  std::string out;
  for (const auto& error : errors) {
    out += error.file;
    if (error.line > 0) out += ":" + std::to_string(error.line) + ":" + std::to_string(error.column);
    out += ": " + error.message;
    if (!error.hint.empty()) out += "; " + error.hint;
    out += '\n';
  }
  return out;
}

}  // namespace pgtend::config
