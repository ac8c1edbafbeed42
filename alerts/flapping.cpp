#include "alerts/flapping.hpp"

#include <algorithm>

namespace pgtend::alerts {

namespace {

constexpr Millis kHour{3'600'000};

std::size_t within_hour(const FlapMemory& memory, UtcTime now) {
  return static_cast<std::size_t>(std::count_if(memory.transitions.begin(), memory.transitions.end(),
                                                [now](UtcTime at) { return at <= now && now - at < kHour; }));
}

}  // namespace

void note_transition(std::map<std::uint64_t, FlapMemory>& flaps, std::uint64_t fingerprint, const Alert& alert,
                     UtcTime now) {
  const bool firing = alert.state == AlertState::firing;
  const auto known = flaps.find(fingerprint);
  if (known == flaps.end() && (!firing || flaps.size() >= kFlapMemories)) return;
  auto& memory = flaps[fingerprint];
  const UtcTime fired_at = alert.fired_at.value_or(alert.active_at);
  if (memory.firing == firing && (!firing || memory.fired_at == fired_at)) return;
  memory.firing = firing;
  memory.fired_at = fired_at;
  memory.transitions.push_back(now);
  if (memory.transitions.size() > kTransitionsKept) memory.transitions.erase(memory.transitions.begin());
}

void forget_old_transitions(std::map<std::uint64_t, FlapMemory>& flaps, UtcTime now) {
  std::erase_if(flaps,
                [now](const auto& entry) { return !entry.second.firing && within_hour(entry.second, now) == 0; });
}

std::optional<Millis> resolve_hold(const std::map<std::uint64_t, FlapMemory>& flaps, std::uint64_t fingerprint,
                                   const FlapOptions& options, UtcTime now) {
  const auto memory = flaps.find(fingerprint);
  if (memory == flaps.end() || options.per_hour <= 0) return std::nullopt;
  const auto seen = within_hour(memory->second, now);
  const auto allowed = static_cast<std::size_t>(options.per_hour);
  if (seen <= allowed) return std::nullopt;
  Millis hold = kFirstHold;
  for (std::size_t i = allowed + 1; i < seen && hold < kLongestHold; ++i) hold = hold * 3 / 2;
  return std::min(hold, kLongestHold);
}

}  // namespace pgtend::alerts
