#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace pgtend::test {

// How often a seeded case runs: `slice` in the suite, more where the environment asks for it (./dev fault).
inline int seeded_runs(int slice) {
  const char* text = std::getenv("PGTEND_FAULT_RUNS");
  return text == nullptr ? slice : std::atoi(text);
}

// The first seed of a case; PGTEND_SEED repeats one run that failed.
inline std::uint64_t first_seed() {
  const char* text = std::getenv("PGTEND_SEED");
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

// Choices out of one seed.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  // True in so many of a hundred cases.
  bool chance(int percent) { return below(100) < percent; }
  int below(int bound) { return static_cast<int>(random_() % static_cast<std::uint64_t>(bound)); }
  int between(int low, int high) { return low + below(high - low + 1); }

 private:
  std::mt19937_64 random_;
};

}  // namespace pgtend::test
