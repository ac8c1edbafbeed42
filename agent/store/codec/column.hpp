#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "agent/base/result.hpp"

namespace pgtend::store::codec {

// Source: performance reference 5.2: 40 minutes at 10 s; positions fit in one byte.
inline constexpr std::size_t kBlockTicks = 240;
inline constexpr std::size_t kBlockSlots = 256;

// The samples of one series over the ticks of one block: where it is present and where its value changes. Values are
// the bits of doubles, so that every NaN keeps its payload.
class Column {
 public:
  // Adds the sample of `tick`. REQUIRES: tick < kBlockTicks and above that of the last call.
  void put(std::size_t tick, std::uint64_t bits);

  [[nodiscard]] bool empty() const { return at_.empty(); }
  // Samples in it.
  [[nodiscard]] std::size_t count() const;
  // One past the last tick with a sample, 0 when there is none.
  [[nodiscard]] std::size_t end() const { return end_; }
  // Heap bytes held.
  [[nodiscard]] std::size_t memory() const { return runs_.capacity() + at_.capacity() + 8 * bits_.capacity(); }

  // Calls f(tick, bits) for each sample, ascending.
  template <class F>
  void each(F&& f) const {
    std::size_t change = 0;
    std::uint64_t bits = 0;
    for (std::size_t run = 0; run < runs_.size(); run += 2) {
      const std::size_t until = run + 1 < runs_.size() ? runs_[run + 1] : end_;
      for (std::size_t tick = runs_[run]; tick < until; ++tick) {
        if (change < at_.size() && at_[change] == tick) bits = bits_[change++];
        f(tick, bits);
      }
    }
  }

  // Starts and ends of the runs of ticks with a sample, in turn; the end of the last one is left out.
  [[nodiscard]] std::span<const std::uint8_t> runs() const { return runs_; }
  // Ticks whose value differs from that of the sample before; the first sample is always one.
  [[nodiscard]] std::span<const std::uint8_t> at() const { return at_; }
  // The values at these ticks.
  [[nodiscard]] std::span<const std::uint64_t> bits() const { return bits_; }

  // Puts a column together from its parts. Errors: corrupt (the parts do not fit together). Not retryable.
  static Result<Column> make(std::vector<std::uint8_t> runs, std::size_t end, std::vector<std::uint8_t> at,
                             std::vector<std::uint64_t> bits);

 private:
  std::vector<std::uint8_t> runs_;
  std::vector<std::uint8_t> at_;
  std::vector<std::uint64_t> bits_;
  std::size_t end_ = 0;
  std::uint64_t last_ = 0;
};

// A new reset epoch of one slot's counter begins at this tick: no rate may cross it.
struct EpochStart {
  std::uint8_t slot = 0;
  std::uint8_t tick = 0;
  bool operator==(const EpochStart&) const = default;
};

}  // namespace pgtend::store::codec
