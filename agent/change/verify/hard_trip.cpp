#include "agent/change/verify/hard_trip.hpp"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/base/units.hpp"

namespace pgtend::change {
namespace {

struct Field {
  const char* name;
  std::optional<double> Vitals::* member;
};
constexpr std::array kFields{Field{"replica_lag_seconds", &Vitals::replica_lag_seconds},
                             Field{"disk_free", &Vitals::disk_free}, Field{"lock_waiters", &Vitals::lock_waiters},
                             Field{"commits", &Vitals::commits}, Field{"rollbacks", &Vitals::rollbacks}};

// Beyond the limit now, and known not to be before.
bool crossed(const std::optional<double>& before, const std::optional<double>& now, double limit) {
  return before && now && *before <= limit && *now > limit;
}

std::string rollbacks(const Vitals& before, const Vitals& now, const VerifyOptions& options) {
  if (!before.commits || !before.rollbacks || !now.commits || !now.rollbacks) return {};
  const double ended = *now.commits + *now.rollbacks - *before.commits - *before.rollbacks;
  const double failed = *now.rollbacks - *before.rollbacks, all = *before.commits + *before.rollbacks;
  // Counters that were reset say nothing.
  if (failed < 0 || *now.commits < *before.commits || ended < options.trip_transactions || all <= 0) return {};
  const double share = failed / ended, was = *before.rollbacks / all;
  if (share < was + options.trip_rollbacks) return {};
  return format_quantity(share, "ratio") + " of " + format_number(ended) +
         " transactions since the change were rolled back, and " + format_quantity(was, "ratio") + " before";
}

}  // namespace

std::string hard_trip(const Vitals& before, const Vitals& now, const VerifyOptions& options) {
  const double lag = std::chrono::duration<double>(options.trip_replica_lag).count();
  if (crossed(before.replica_lag_seconds, now.replica_lag_seconds, lag))
    return "a standby is " + format_quantity(*now.replica_lag_seconds, "seconds") + " behind, and was " +
           format_quantity(*before.replica_lag_seconds, "seconds") + " before";
  if (before.disk_free && now.disk_free && *before.disk_free >= options.trip_disk_free &&
      *now.disk_free < options.trip_disk_free)
    return format_quantity(*now.disk_free, "ratio") + " of the disk is free, and " +
           format_quantity(*before.disk_free, "ratio") + " was before";
  if (crossed(before.lock_waiters, now.lock_waiters, options.trip_lock_waiters))
    return format_number(*now.lock_waiters) + " sessions wait for locks, and " + format_number(*before.lock_waiters) +
           " did before";
  return rollbacks(before, now, options);
}

std::string vitals_text(const Vitals& vitals) {
  auto out = nlohmann::json::object();
  for (const auto& field : kFields)
    if (const auto& value = vitals.*field.member; value && std::isfinite(*value)) out[field.name] = *value;
  return out.dump();
}

Vitals parse_vitals(const std::string& text) {
  Vitals out;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return out;
  for (const auto& field : kFields)
    if (const auto found = json.find(field.name); found != json.end() && found->is_number())
      out.*field.member = found->get<double>();
  return out;
}

}  // namespace pgtend::change
