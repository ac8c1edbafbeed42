#include "agent/store/tiers.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "agent/store/codec/block.hpp"

namespace pgtend::store {

namespace {

struct Bucket {
  double main = 0;  // last value of a counter, sum of a gauge
  double count = 0, least = 0, greatest = 0;
  bool starts = false;  // an epoch begins in it
};
// By bucket since 1970.
using Buckets = std::map<std::int64_t, Bucket>;

void add(Bucket& bucket, double value, MetricKind kind) {
  if (kind == MetricKind::counter) {
    bucket.main = bucket.least = bucket.greatest = value;
    bucket.count = 1;
    return;
  }
  bucket.main += value;
  bucket.least = bucket.count == 0 ? value : std::min(bucket.least, value);
  bucket.greatest = bucket.count == 0 ? value : std::max(bucket.greatest, value);
  bucket.count += 1;
}

std::int64_t bucket_at(std::int64_t ms, std::int64_t width) {
  return ms >= 0 ? ms / width : (ms - width + 1) / width;
}

// Ticks of a frozen block between which the wall clock did not go back, as [first, last).
std::vector<std::pair<std::size_t, std::size_t>> passes_of(const std::vector<std::int64_t>& times, std::int64_t width) {
  std::vector<std::pair<std::size_t, std::size_t>> passes;
  std::size_t first = 0;
  for (std::size_t i = 1; i <= times.size(); ++i) {
    if (i < times.size() && bucket_at(times[i], width) >= bucket_at(times[i - 1], width)) continue;
    passes.emplace_back(first, i);
    first = i;
  }
  return passes;
}

class Growing {
 public:
  Growing(Tier tier, GroupId group, std::int64_t number, std::int64_t buckets)
      : tier_(tier), group_(group), number_(number), buckets_(buckets) {}

  // Takes over what the open block has.
  Result<void> read(const OpenTier& open) {
    first_ = open.first_bucket;
    for (std::size_t part = 0; part < kTierParts; ++part) {
      if (open.data[part].empty()) continue;
      auto block = codec::Block::open(open.data[part]);
      if (!block) return fail(std::move(block).error());
      slots_.resize(std::max(slots_.size(), block->slots()));
      for (std::size_t slot = 0; slot < block->slots(); ++slot) {
        auto column = block->column(slot);
        if (!column) return fail(std::move(column).error());
        column->each([&](std::size_t tick, std::uint64_t bits) {
          put_part(slots_[slot][first_ + static_cast<std::int64_t>(tick)], static_cast<Part>(part),
                   std::bit_cast<double>(bits));
        });
      }
      for (const auto& start : block->starts())
        if (start.slot < slots_.size()) slots_[start.slot][first_ + start.tick].starts = true;
    }
    for (const auto& buckets : slots_)
      if (!buckets.empty()) last_ = std::max(last_, buckets.rbegin()->first);
    return {};
  }

  [[nodiscard]] std::int64_t last() const { return last_; }
  [[nodiscard]] bool empty() const { return last_ == INT64_MIN; }
  [[nodiscard]] std::int64_t next_number() const { return number_; }

  void take(const Frozen& frozen, std::size_t from, std::size_t until) {
    const auto width = width_of(tier_).count();
    slots_.resize(std::max(slots_.size(), frozen.columns.size()));
    std::vector<std::int64_t> bucket_of;
    for (const auto time : frozen.times) bucket_of.push_back(bucket_at(time, width));
    for (std::size_t slot = 0; slot < frozen.columns.size(); ++slot) {
      const auto kind = slot < frozen.kinds.size() ? frozen.kinds[slot] : MetricKind::gauge;
      // Many ticks fall into one bucket.
      Bucket* open = nullptr;
      std::int64_t open_at = INT64_MIN;
      frozen.columns[slot].each([&](std::size_t tick, std::uint64_t bits) {
        const auto value = std::bit_cast<double>(bits);
        if (tick < from || tick >= until || std::isnan(value)) return;
        if (open == nullptr || bucket_of[tick] != open_at) {
          open_at = bucket_of[tick];
          open = &slots_[slot][open_at];
          last_ = std::max(last_, open_at);
          first_ = std::min(first_, open_at);
        }
        add(*open, value, kind);
      });
    }
    for (const auto& start : frozen.starts) {
      if (start.tick < from || start.tick >= until || start.slot >= slots_.size()) continue;
      // Only where a sample tells of it.
      const auto bucket = bucket_at(frozen.times[start.tick], width);
      if (const auto it = slots_[start.slot].find(bucket); it != slots_[start.slot].end()) it->second.starts = true;
    }
  }

  // One set of rows per stretch of kBlockTicks buckets that has any.
  void write(std::vector<BlockRow>& rows) {
    if (empty()) return;
    std::map<std::int64_t, bool> stretches;
    for (const auto& buckets : slots_)
      for (const auto& [at, bucket] : buckets) stretches[(at - first_) / buckets_] = true;
    for (const auto& [stretch, used] : stretches) write_stretch(first_ + stretch * buckets_, rows);
  }

 private:
  static void put_part(Bucket& bucket, Part part, double value) {
    switch (part) {
      case Part::main:
        bucket.main = value;
        // A counter's block has no counts; one value stands for all.
        if (bucket.count == 0) bucket.count = 1;
        bucket.least = bucket.greatest = value;
        break;
      case Part::count:
        bucket.count = value;
        bucket.least = bucket.greatest = bucket.main / std::max(value, 1.0);
        break;
      case Part::least:
        bucket.least = value;
        break;
      case Part::greatest:
        bucket.greatest = value;
        break;
    }
  }

  void write_stretch(std::int64_t first, std::vector<BlockRow>& rows) {
    std::array<std::vector<codec::Column>, kTierParts> parts;
    for (auto& part : parts) part.resize(slots_.size());
    std::vector<codec::EpochStart> starts;
    std::int64_t ticks = 0, values = 0;
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      const auto& buckets = slots_[slot];
      for (auto it = buckets.lower_bound(first); it != buckets.end() && it->first < first + buckets_; ++it) {
        const auto& bucket = it->second;
        const auto tick = static_cast<std::size_t>(it->first - first);
        const auto put = [&](Part part, double value) {
          parts[static_cast<std::size_t>(part)][slot].put(tick, std::bit_cast<std::uint64_t>(value));
        };
        put(Part::main, bucket.main);
        if (bucket.count > 1) put(Part::count, bucket.count);
        if (bucket.least < bucket.greatest) {
          put(Part::least, bucket.least);
          put(Part::greatest, bucket.greatest);
        }
        if (bucket.starts) starts.push_back({static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(tick)});
        ticks = std::max(ticks, static_cast<std::int64_t>(tick) + 1);
        ++values;
      }
    }
    std::sort(starts.begin(), starts.end(),
              [](const auto& a, const auto& b) { return a.tick != b.tick ? a.tick < b.tick : a.slot < b.slot; });
    const auto width = width_of(tier_).count();
    for (std::size_t part = 0; part < kTierParts; ++part) {
      if (std::all_of(parts[part].begin(), parts[part].end(), [](const auto& column) { return column.empty(); }))
        continue;
      BlockRow row;
      row.id = block_id(lane_of(tier_, static_cast<Part>(part), group_), number_);
      row.ticks = ticks;
      row.min_ms = first * width;
      row.max_ms = (first + ticks) * width - 1;
      row.samples = part == 0 ? values : 0;
      row.data = codec::encode_block(
          parts[part], part == 0 ? std::span<const codec::EpochStart>(starts) : std::span<const codec::EpochStart>(),
          static_cast<std::size_t>(ticks));
      rows.push_back(std::move(row));
    }
    ++number_;
  }

  Tier tier_;
  GroupId group_;
  std::int64_t number_;
  std::int64_t buckets_;
  std::int64_t first_ = INT64_MAX, last_ = INT64_MIN;
  std::vector<Buckets> slots_;
};

}  // namespace

std::vector<BlockRow> add_to_tier(Tier tier, const Frozen& frozen, const std::optional<OpenTier>& open,
                                  std::int64_t buckets) {
  std::vector<BlockRow> rows;
  const auto width = width_of(tier).count();
  const auto begin = [&](std::int64_t number) {
    return std::make_unique<Growing>(tier, frozen.group, number, buckets);
  };
  auto growing = begin(open ? open->number : 0);
  if (open && !growing->read(*open)) growing = begin(open->number + 1);
  for (const auto& [from, until] : passes_of(frozen.times, width)) {
    // After the clock went back the older pass keeps its block.
    if (!growing->empty() && bucket_at(frozen.times[from], width) < growing->last()) {
      growing->write(rows);
      growing = begin(growing->next_number());
    }
    growing->take(frozen, from, until);
  }
  growing->write(rows);
  return rows;
}

}  // namespace pgtend::store
