#include "agent/net/backoff.hpp"

#include <algorithm>

namespace pgtend::net {
namespace {

// SplitMix64: small, and the same on every platform, so that a seed gives the same steps in every test.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

constexpr int kMaxDoublings = 30;

}  // namespace

Backoff::Backoff(BackoffLimits limits, const Clock& clock, std::uint64_t seed)
    : limits_(limits), clock_(clock), state_(seed) {}

Millis Backoff::ceiling() const {
  const bool calm = failures_ > 0 && clock_.steady_now() - first_failure_ >= limits_.calm_after;
  const std::int64_t cap = (calm ? limits_.calm_cap : limits_.cap).count();
  const std::int64_t step = limits_.base.count() << std::min(failures_, kMaxDoublings);
  return Millis(std::min(cap, step));
}

Millis Backoff::next() {
  const auto bound = static_cast<std::uint64_t>(ceiling().count());
  if (failures_++ == 0) first_failure_ = clock_.steady_now();
  return Millis(static_cast<std::int64_t>(next_random(state_) % (bound + 1)));
}

void Backoff::reset() {
  failures_ = 0;
}

}  // namespace pgtend::net
