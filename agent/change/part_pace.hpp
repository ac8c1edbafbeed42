#pragma once

#include <cstdint>

#include "agent/base/clock.hpp"

namespace pgtend::change {

// How many rows the next part of a step moves, so that its lock ends within a limit: few at first, twice as many while
// there is much time left, half as many when there is little. Pure.
class PartPace {
 public:
  // `limit`: longest time that others may wait for a part. `most`: rows of one part.
  PartPace(Millis limit, std::int64_t most);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  // A part was moved and held its lock that long.
  void moved(Millis locked);
  // A part was cut off at the limit. False: smaller ones do not help, because the smallest were cut off too.
  [[nodiscard]] bool cut_off();

 private:
  Millis limit_;
  std::int64_t most_, rows_;
  int slow_ = 0;
};

}  // namespace pgtend::change
