#include "agent/model/alert.hpp"

#include <cstdio>

namespace pgtend {

std::string_view to_string(AlertState state) {
  switch (state) {
    case AlertState::inactive:
      return "inactive";
    case AlertState::pending:
      return "pending";
    case AlertState::firing:
      return "firing";
    case AlertState::resolved:
      return "resolved";
  }
  return "inactive";
}

std::optional<AlertState> parse_alert_state(std::string_view name) {
  for (const auto state : {AlertState::inactive, AlertState::pending, AlertState::firing, AlertState::resolved})
    if (to_string(state) == name) return state;
  return std::nullopt;
}

std::string Alert::fingerprint_hex() const {
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(fingerprint(labels)));
  return out;
}

}  // namespace pgtend
