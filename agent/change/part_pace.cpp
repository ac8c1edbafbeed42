#include "agent/change/part_pace.hpp"

#include <algorithm>

namespace pgtend::change {
namespace {

// Source: ours. At 16 µs a row on a busy machine the first part takes 8 ms; the smallest is catalog work and nothing
// else.
constexpr std::int64_t kFirst = 500, kFewest = 16;
// A part within a third of the limit may be twice as large, one beyond two thirds is halved.
constexpr int kThird = 3;
constexpr int kSlowest = 3;  // parts of the fewest rows that were cut off, one after the other

}  // namespace

PartPace::PartPace(Millis limit, std::int64_t most)
    : limit_(limit), most_(std::max<std::int64_t>(1, most)), rows_(std::min(kFirst, most_)) {}

void PartPace::moved(Millis locked) {
  slow_ = 0;
  if (locked * kThird <= limit_)
    rows_ = std::min(most_, rows_ * 2);
  else if (locked * kThird >= limit_ * 2)
    rows_ = std::max(std::min(kFewest, most_), rows_ / 2);
}

bool PartPace::cut_off() {
  if (rows_ <= kFewest && ++slow_ >= kSlowest) return false;
  rows_ = std::max(std::min(kFewest, most_), rows_ / 2);
  return true;
}

}  // namespace pgtend::change
