#include "agent/model/rule_review.hpp"

namespace pgtend {

std::string_view to_string(LintSeverity severity) {
  return severity == LintSeverity::error ? "error" : severity == LintSeverity::warning ? "warning" : "info";
}

}  // namespace pgtend
