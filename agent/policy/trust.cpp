#include "agent/policy/trust.hpp"

#include <cmath>

#include "agent/base/units.hpp"

namespace pgtend::policy {

namespace {

// The normal quantile of 0.9. Source: reference/tuning.md section 6, R9 ("Wilson 90 %"); one-sided, because only a
// precision that is too low does harm. Two-sided, ten right of ten (0.787) could never reach 0.8.
constexpr double kQuantile = 1.2815515655446004;

std::string count(int number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

}  // namespace

bool needs_record(ActionClass action) {
  switch (action) {
    case ActionClass::create_index:
    case ActionClass::drop_index:
    case ActionClass::role_setting:
    case ActionClass::system_setting:
      return true;
    default:
      return false;
  }
}

double wilson_lower_bound(int right, int all) {
  if (all <= 0) return 0;
  const double n = all, p = right / n, z2 = kQuantile * kQuantile;
  const double spread = kQuantile * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return std::max(0.0, (p + z2 / (2 * n) - spread) / (1 + z2 / n));
}

std::string missing_trust(ActionClass action, const PolicyTrust& trust, const PolicyPast& past) {
  if (!needs_record(action) || trust.verdicts == 0) return {};
  const auto found = past.records.find(action);
  const TrackRecord record = found == past.records.end() ? TrackRecord{} : found->second;
  const std::string name(to_string(action));
  if (record.verdicts < trust.verdicts)
    return "Class " + name + " has " + count(record.verdicts, "verdict", "verdicts") + " of the " +
           std::to_string(trust.verdicts) + " that it needs before it may act by itself.";
  const double low = wilson_lower_bound(record.right, record.verdicts);
  if (low >= trust.precision) return {};
  return "Of class " + name + " " + std::to_string(record.right) + " of " + std::to_string(record.verdicts) +
         " predictions came true: a precision of at least " + format_number(low) + ", and it needs " +
         format_number(trust.precision) + " to act by itself.";
}

}  // namespace pgtend::policy
