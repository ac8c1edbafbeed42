#include "agent/model/policy.hpp"

namespace pgtend {

std::string_view to_string(PolicyMode mode) {
  switch (mode) {
    case PolicyMode::never:
      return "never";
    case PolicyMode::recommend:
      return "recommend";
    case PolicyMode::approve:
      return "approve";
    case PolicyMode::automatic:
      return "auto";
  }
  return "recommend";
}

std::optional<PolicyMode> parse_policy_mode(std::string_view name) {
  for (const auto mode : {PolicyMode::never, PolicyMode::recommend, PolicyMode::approve, PolicyMode::automatic})
    if (to_string(mode) == name) return mode;
  return std::nullopt;
}

}  // namespace pgtend
