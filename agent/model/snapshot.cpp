#include "agent/model/snapshot.hpp"

namespace pgtend {

namespace {

// Source: reference monitors.md section 2, row 19: series are dropped after three intervals.
constexpr int kStaleIntervals = 3;

}  // namespace

Millis stale_after(Millis interval, Millis duration) {
  return interval * kStaleIntervals + duration;
}

std::string_view to_string(ServerRole role) {
  switch (role) {
    case ServerRole::unknown:
      return "unknown";
    case ServerRole::primary:
      return "primary";
    case ServerRole::standby:
      return "standby";
  }
  return "unknown";
}

std::string_view to_string(CollectStatus status) {
  switch (status) {
    case CollectStatus::ok:
      return "ok";
    case CollectStatus::permission:
      return "permission";
    case CollectStatus::unsupported:
      return "unsupported";
    case CollectStatus::locked:
      return "locked";
    case CollectStatus::timeout:
      return "timeout";
    case CollectStatus::unavailable:
      return "unavailable";
    case CollectStatus::error:
      return "error";
  }
  return "error";
}

std::uint64_t epoch_hash(const ServerIdentity& identity, std::string_view stats_reset) {
  return fingerprint(Labels{{"a", identity.system_identifier},
                            {"b", std::to_string(identity.timeline)},
                            {"c", std::to_string(to_ms(identity.postmaster_start))},
                            {"d", std::string(stats_reset)}});
}

}  // namespace pgtend
