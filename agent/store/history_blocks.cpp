#include <algorithm>
#include <bit>

#include "agent/store/codec/ticks.hpp"
#include "agent/store/history_reader.hpp"
#include "agent/store/history_schema.hpp"

// How a reader gets samples out of blocks.
namespace pgtend::store {

void FileReader::report_bad(std::int64_t id) {
  const std::lock_guard guard(faults_->mutex);
  if (faults_->known_bad.insert(id).second) faults_->fresh_bad.push_back(id);
}

// The block of a row (id, ticks, min_ms, max_ms, crc, data), opened now or before; null when it is damaged. The data of
// one that was opened before is not read: its check sum, over all of the row, is the same.
const codec::Block* FileReader::sound_block(Statement& row) {
  const auto id = row.integer(0), ticks = row.integer(1), min_ms = row.integer(2), crc = row.integer(4);
  if (const auto* known = open_blocks_.find(id, crc)) return known;
  const bool possible = ticks > 0 && ticks <= static_cast<std::int64_t>(codec::kBlockTicks) && min_ms >= -kLatestMs &&
                        min_ms <= kLatestMs;
  if (possible && crc == block_crc(id, ticks, min_ms, row.integer(3), row.blob(5))) {
    auto block = codec::Block::open(row.blob(5));
    if (block && static_cast<std::int64_t>(block->ticks()) == ticks)
      return &open_blocks_.keep(id, crc, std::move(*block));
  }
  report_bad(id);
  return nullptr;
}

template <class F>
Result<void> FileReader::each_block(Lane lane, TimeRange range, std::int64_t before_id, F&& f) {
  auto query = db_->cached(
      "SELECT id, ticks, min_ms, max_ms, crc, data FROM block WHERE lane=?1 AND max_ms >= ?2 AND min_ms <= ?3"
      " AND id < ?4 ORDER BY id");
  if (!query) return fail(std::move(query).error());
  (*query)->bind(1, lane).bind(2, range.from).bind(3, range.to).bind(4, before_id);
  while (true) {
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    const auto* block = sound_block(**query);
    if (block != nullptr) PGTEND_STORE_TRY(f((*query)->integer(0), (*query)->integer(2), *block));
  }
}

Result<const std::vector<std::int64_t>*> FileReader::chunk(std::uint32_t scope, std::int64_t number) {
  const auto [known, fresh] = chunks_.try_emplace({scope, number});
  if (!fresh) return &known->second;
  auto query = db_->cached("SELECT crc, data FROM tick WHERE id=?1");
  if (!query) return fail(std::move(query).error());
  for (std::int64_t copy = 0; copy < kTickCopies && known->second.empty(); ++copy) {
    const auto id = tick_id(copy, scope, number);
    (*query)->bind(1, id);
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error());
    if (*row && (*query)->integer(0) == row_crc(id, 0, (*query)->blob(1))) {
      if (auto times = codec::decode_ticks((*query)->blob(1), kChunkTicks)) known->second = std::move(*times);
    } else if (*row) {
      report_bad(-id - 1);
    }
    (*query)->reset();
  }
  return &known->second;
}

// Times of consecutive ticks; fewer than asked for when some are not known.
Result<std::vector<std::int64_t>> FileReader::times_of(const GroupRead& read, std::int64_t first_seq,
                                                       std::int64_t ticks) {
  std::vector<std::int64_t> times;
  const auto& known = read.picture;
  for (auto seq = first_seq; seq < first_seq + ticks; ++seq) {
    if (seq >= known.times_from && seq - known.times_from < static_cast<std::int64_t>(known.times.size())) {
      times.push_back(known.times[static_cast<std::size_t>(seq - known.times_from)]);
      continue;
    }
    auto found = chunk(read.group >> 12, seq / kChunkTicks);
    if (!found) return fail(std::move(found).error());
    const auto at = static_cast<std::size_t>(seq % kChunkTicks);
    if (at >= (*found)->size()) break;
    times.push_back((**found)[at]);
  }
  return times;
}

// How many samples a series of these blocks has at most, as far as room for them is worth being made before.
Result<std::size_t> FileReader::ticks_in(Lane lane, TimeRange range, std::int64_t before_id) {
  // Source: 64 kB; what grows beyond is copied a few times at most.
  constexpr std::int64_t kMost = 4096;
  if (hints_.every > Millis(0)) return std::size_t{0};
  auto query = db_->cached(
      "SELECT sum(min(max(ticks, 0), 240)) FROM block WHERE lane=?1 AND max_ms >= ?2 AND min_ms <= ?3 AND id < ?4");
  if (!query) return fail(std::move(query).error());
  (*query)->bind(1, lane).bind(2, range.from).bind(3, range.to).bind(4, before_id);
  auto row = (*query)->step();
  if (!row) return fail(std::move(row).error());
  const auto ticks = *row ? (*query)->integer(0) : 0;
  (*query)->reset();
  return static_cast<std::size_t>(std::clamp<std::int64_t>(ticks, 0, kMost));
}

Result<void> FileReader::read_raw(GroupRead& read, TimeRange range, std::size_t max_samples) {
  const auto lane = lane_of(Tier::raw, Part::main, read.group);
  const auto before =
      read.picture.before_seq == INT64_MAX ? block_id(lane + 1, 0) : block_id(lane, read.picture.before_seq);
  auto expected = ticks_in(lane, range, before);
  if (!expected) return fail(std::move(expected).error());
  PGTEND_STORE_TRY(
      each_block(lane, range, before, [&](std::int64_t id, std::int64_t, const codec::Block& block) -> Result<void> {
        const auto first = number_of_block(id);
        auto times = times_of(read, first, static_cast<std::int64_t>(block.ticks()));
        if (!times) return fail(std::move(times).error());
        if (times->size() != block.ticks()) {
          report_bad(id);
          return {};
        }
        const TickView ticks(*times, first, block.starts(), range, hints_);
        for (std::size_t i = 0; i < read.wanted.size(); ++i) {
          const auto& series = *read.wanted[i];
          if (!block.has(series.slot())) continue;
          auto column = block.column(series.slot());
          if (!column) {
            report_bad(id);
            continue;
          }
          if (read.samples[i].samples.empty()) read.samples[i].samples.reserve(*expected);
          ticks.add(*column, series, read.samples[i]);
        }
        return count(read, max_samples);
      }));
  read_memory(read, range);
  return {};
}

// The newest sealed block, which memory has. No row has an id below 0.
const codec::Block* FileReader::recent_block(GroupId group, const RecentBlock& recent) {
  const auto id = -block_id(lane_of(Tier::raw, Part::main, group), recent.first_seq);
  const auto crc = row_crc(id, 0, recent.data);
  if (const auto* known = open_blocks_.find(id, crc)) return known;
  auto block = codec::Block::open(recent.data);
  return block ? &open_blocks_.keep(id, crc, std::move(*block)) : nullptr;
}

void FileReader::read_memory(GroupRead& read, TimeRange range) {
  if (read.picture.recent) {
    const auto& recent = *read.picture.recent;
    if (const auto* block = recent_block(read.group, recent)) {
      const TickView ticks(recent.times, recent.first_seq, block->starts(), range, hints_);
      for (std::size_t i = 0; i < read.wanted.size(); ++i)
        if (auto column = block->column(read.wanted[i]->slot())) ticks.add(*column, *read.wanted[i], read.samples[i]);
    }
  }
  for (const auto& frozen : read.picture.frozen) {
    const TickView ticks(frozen->times, frozen->first_seq, frozen->starts, range, hints_);
    for (std::size_t i = 0; i < read.wanted.size(); ++i)
      if (read.wanted[i]->slot() < frozen->columns.size())
        ticks.add(frozen->columns[read.wanted[i]->slot()], *read.wanted[i], read.samples[i]);
  }
}

// From the first to the last moment of a lane's blocks; after the wall clock went back these are not in the first and
// the last of them.
Result<std::optional<TimeRange>> FileReader::span_of(Lane lane) {
  auto query = db_->cached("SELECT min(min_ms), max(max_ms) FROM block WHERE lane=?1");
  if (!query) return fail(std::move(query).error());
  (*query)->bind(1, lane);
  auto row = (*query)->step();
  if (!row) return fail(std::move(row).error());
  std::optional<TimeRange> span;
  const auto clamped = [&](int column) {
    return from_ms(std::clamp((*query)->integer(column), -kLatestMs, kLatestMs));
  };
  if (*row && !(*query)->is_null(0)) span = TimeRange{clamped(0), clamped(1)};
  (*query)->reset();
  return span;
}

// The coarsest tier that is fine enough answers as far as it reaches; what is older than it comes from the next coarser
// tier, what is newer from raw blocks.
Result<std::vector<FileReader::Stretch>> FileReader::plan(const GroupRead& read, TimeRange range) {
  auto raw = span_of(lane_of(Tier::raw, Part::main, read.group));
  auto five = span_of(lane_of(Tier::five_minutes, Part::main, read.group));
  auto hour = span_of(lane_of(Tier::one_hour, Part::main, read.group));
  for (const auto* span : {&raw, &five, &hour})
    if (!*span) return fail((*span).error());
  const auto raw_from = *raw ? (*raw)->from : from_ms(std::min(read.picture.from_ms, kLatestMs));
  std::vector<Stretch> stretches;
  auto end = range.to;
  const auto take = [&](Tier tier, UtcTime from) {
    const auto begin = std::max(from, range.from);
    if (begin <= end) stretches.push_back({tier, {begin, end}});
    end = std::min(end, begin - Millis(1));
  };
  const auto fine = [&](Tier tier) { return hints_.resolution >= width_of(tier); };
  const auto chosen = *hour && fine(Tier::one_hour)       ? Tier::one_hour
                      : *five && fine(Tier::five_minutes) ? Tier::five_minutes
                                                          : Tier::raw;
  if (chosen == Tier::raw) {
    take(Tier::raw, raw_from);
  } else {
    // The last bucket may still grow.
    const auto reach = chosen == Tier::one_hour ? (*hour)->to : (*five)->to;
    take(Tier::raw, reach + Millis(1) - width_of(chosen));
  }
  if (*five && chosen != Tier::one_hour) take(Tier::five_minutes, (*five)->from);
  if (*hour) take(Tier::one_hour, (*hour)->from);
  if (stretches.empty() || stretches.front().tier != Tier::raw) stretches.insert(stretches.begin(), {Tier::raw, range});
  // Oldest first.
  std::reverse(stretches.begin(), stretches.end());
  return stretches;
}

Result<void> FileReader::read_tier(GroupRead& read, Tier tier, TimeRange range, std::size_t max_samples) {
  const auto width = width_of(tier).count();
  // Mean = sum / count; least and greatest are stored only where they differ from the mean.
  const bool mean_only = hints_.take == ReadHints::Take::mean;
  const auto extreme = hints_.take == ReadHints::Take::least ? Part::least : Part::greatest;
  std::vector<std::map<std::int64_t, double>> counts(read.wanted.size()), extremes(read.wanted.size());
  const auto gather = [&](Part part, std::vector<std::map<std::int64_t, double>>& into) {
    const auto lane = lane_of(tier, part, read.group);
    return each_block(lane, range, block_id(lane + 1, 0),
                      [&](std::int64_t id, std::int64_t min_ms, const codec::Block& block) -> Result<void> {
                        for (std::size_t i = 0; i < read.wanted.size(); ++i) {
                          if (read.wanted[i]->kind == MetricKind::counter) continue;
                          auto column = block.column(read.wanted[i]->slot());
                          if (!column) {
                            report_bad(id);
                            continue;
                          }
                          column->each([&](std::size_t tick, std::uint64_t bits) {
                            into[i][min_ms + static_cast<std::int64_t>(tick) * width] = std::bit_cast<double>(bits);
                          });
                        }
                        return {};
                      });
  };
  PGTEND_STORE_TRY(gather(Part::count, counts));
  if (!mean_only) PGTEND_STORE_TRY(gather(extreme, extremes));
  const auto lane = lane_of(tier, Part::main, read.group);
  return each_block(lane, range, block_id(lane + 1, 0),
                    [&](std::int64_t id, std::int64_t min_ms, const codec::Block& block) -> Result<void> {
                      std::vector<std::int64_t> times;
                      for (std::size_t tick = 0; tick < block.ticks(); ++tick)
                        times.push_back(min_ms + static_cast<std::int64_t>(tick + 1) * width - 1);
                      for (std::size_t i = 0; i < read.wanted.size(); ++i) {
                        auto column = block.column(read.wanted[i]->slot());
                        if (!column) {
                          report_bad(id);
                          continue;
                        }
                        // A coarse block does not know ticks; times tell its series apart, since a place is another's
                        // only after an hour.
                        auto by_time = *read.wanted[i];
                        const TimeRange own{
                            std::max(range.from, from_ms(by_time.first_ms)),
                            by_time.last_ms > to_ms(range.to) - width ? range.to : from_ms(by_time.last_ms + width)};
                        by_time.first_seq = INT64_MIN;
                        by_time.last_seq = INT64_MAX;
                        const auto before = read.samples[i].samples.size();
                        TickView(times, 0, block.starts(), own, {}).add(*column, by_time, read.samples[i]);
                        if (by_time.kind == MetricKind::counter) continue;
                        // Their values change below.
                        read.samples[i].falls_told = false;
                        for (auto at = before; at < read.samples[i].samples.size(); ++at) {
                          auto& sample = read.samples[i].samples[at];
                          const auto bucket = to_ms(sample.time) + 1 - width;
                          if (const auto it = counts[i].find(bucket); it != counts[i].end() && it->second > 0)
                            sample.value /= it->second;
                          if (const auto it = extremes[i].find(bucket); it != extremes[i].end())
                            sample.value = it->second;
                        }
                      }
                      return count(read, max_samples);
                    });
}

}  // namespace pgtend::store
