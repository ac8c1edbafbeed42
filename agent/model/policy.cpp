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

void count_verdict(TrackRecord& record, ActionClass action, VerdictKind verdict, bool undone) {
  if (verdict == VerdictKind::insufficient) return;
  // A drop promises that nothing gets slower, everything else that something gets faster.
  const bool harmless = action == ActionClass::drop_index && verdict == VerdictKind::no_effect;
  record.verdicts += 1;
  record.right += !undone && (verdict == VerdictKind::improved || harmless) ? 1 : 0;
  record.undone += undone ? 1 : 0;
}

}  // namespace pgtend
