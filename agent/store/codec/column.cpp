#include "agent/store/codec/column.hpp"

#include <algorithm>

namespace pgtend::store::codec {

void Column::put(std::size_t tick, std::uint64_t bits) {
  if (tick != end_ || runs_.empty()) {
    if (!runs_.empty()) runs_.push_back(static_cast<std::uint8_t>(end_));
    runs_.push_back(static_cast<std::uint8_t>(tick));
  }
  end_ = tick + 1;
  // The last value stands beside the vectors: nearly all samples repeat it, and need not look into them.
  if (!at_.empty() && last_ == bits) return;
  last_ = bits;
  at_.push_back(static_cast<std::uint8_t>(tick));
  bits_.push_back(bits);
}

std::size_t Column::count() const {
  std::size_t total = 0;
  for (std::size_t run = 0; run < runs_.size(); run += 2)
    total += (run + 1 < runs_.size() ? runs_[run + 1] : end_) - runs_[run];
  return total;
}

Result<Column> Column::make(std::vector<std::uint8_t> runs, std::size_t end, std::vector<std::uint8_t> at,
                            std::vector<std::uint64_t> bits) {
  const auto ascending = [](const std::vector<std::uint8_t>& list) {
    return std::adjacent_find(list.begin(), list.end(), std::greater_equal<>()) == list.end();
  };
  const bool whole = runs.size() % 2 == 1 && end <= kBlockTicks && runs.back() < end && !at.empty() &&
                     at.size() == bits.size() && at.front() == runs.front() && at.back() < end;
  if (!whole || !ascending(runs) || !ascending(at)) return fail(Errc::corrupt, "a column's parts do not fit together");
  // Every change must lie on a tick with a sample.
  std::size_t run = 0;
  for (const auto tick : at) {
    while (run + 1 < runs.size() && tick >= runs[run + 1]) run += 2;
    if (run >= runs.size() || tick < runs[run]) return fail(Errc::corrupt, "a column changes where it has no sample");
  }
  Column column;
  column.runs_ = std::move(runs);
  column.at_ = std::move(at);
  column.bits_ = std::move(bits);
  column.end_ = end;
  column.last_ = column.bits_.back();
  return column;
}

}  // namespace pgtend::store::codec
