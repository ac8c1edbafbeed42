#include "agent/store/history_reader.hpp"

#include <algorithm>
#include <unordered_map>

#include "agent/store/history_file.hpp"
#include "agent/store/history_schema.hpp"

namespace pgtend::store {

namespace {

// Ids this close to each other are read in one pass of a bucket and filtered; series of one metric are usually
// neighbours.
constexpr std::int64_t kRunGap = 16;

struct Run {
  std::int64_t first, last;
};

std::vector<Run> runs_of(const std::vector<SeriesPtr>& ascending) {
  std::vector<Run> runs;
  for (const auto& series : ascending) {
    if (!runs.empty() && series->id - runs.back().last <= kRunGap) {
      runs.back().last = series->id;
    } else {
      runs.push_back({series->id, series->id});
    }
  }
  return runs;
}

}  // namespace

struct FileReader::Reading {
  Database* db;
  std::shared_ptr<const SeriesIndex> index;
  Transaction tx;

  Reading(Database* of, std::shared_ptr<const SeriesIndex> with, Transaction in)
      : db(of), index(std::move(with)), tx(std::move(in)) {}
  Reading(Reading&& other) noexcept : db(other.db), index(std::move(other.index)), tx(std::move(other.tx)) {
    other.db = nullptr;
  }
  Reading& operator=(Reading&&) = delete;
  ~Reading() {
    if (db != nullptr) db->set_deadline(std::nullopt);
  }
};

Result<void> FileReader::refresh() {
  const auto generation = shared_->view().generation;
  if (db_ && generation == generation_) return {};
  db_.reset();
  auto db = open_history_reader(path_);
  if (!db) return fail(std::move(db).error());
  db_ = std::move(*db);
  generation_ = generation;
  return {};
}

Result<FileReader::Reading> FileReader::begin() {
  PGTEND_STORE_TRY(refresh());
  db_->set_deadline(std::chrono::steady_clock::now() + kReadDeadline);
  auto tx = Transaction::begin(*db_, "BEGIN");
  if (!tx) return fail(std::move(tx).error());
  // The first read fixes the picture; an index taken after it knows at least every series in it.
  auto fixed = db_->number("SELECT 1 FROM sqlite_schema LIMIT 1");
  if (!fixed) return fail(std::move(fixed).error());
  return Reading(db_.get(), shared_->view().index, std::move(*tx));
}

Result<std::vector<std::int64_t>> FileReader::buckets(TimeRange range) {
  std::vector<std::int64_t> out;
  auto next = db_->cached("SELECT min(bucket) FROM samples WHERE bucket >= ?1");
  if (!next) return fail(std::move(next).error());
  const auto last = bucket_of(to_ms(range.to));
  for (auto from = bucket_of(to_ms(range.from)); from <= last;) {
    (*next)->bind(1, from);
    auto row = (*next)->step();
    if (!row) return fail(std::move(row).error());
    const bool none = !*row || (*next)->is_null(0);
    const auto found = none ? 0 : (*next)->integer(0);
    (*next)->reset();
    if (none || found > last) break;
    out.push_back(found);
    from = found + 1;
  }
  return out;
}

Result<void> FileReader::fill_epochs(SeriesData& data, std::int64_t id) {
  auto query = db_->cached("SELECT time_ms FROM epochs WHERE series_id=?1 AND time_ms > ?2 AND time_ms <= ?3");
  if (!query) return fail(std::move(query).error());
  (*query)->bind(1, id).bind(2, data.samples.front().time).bind(3, data.samples.back().time);
  while (true) {
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    const auto at = (*query)->time(0);
    const auto it = std::lower_bound(data.samples.begin(), data.samples.end(), at,
                                     [](const Sample& sample, UtcTime time) { return sample.time < time; });
    const auto index = static_cast<std::size_t>(it - data.samples.begin());
    if (data.epoch_starts.empty() || data.epoch_starts.back() != index) data.epoch_starts.push_back(index);
  }
}

Result<std::vector<SeriesData>> FileReader::select(const std::vector<Matcher>& matchers, TimeRange range,
                                                   std::size_t max_samples) {
  auto reading = begin();
  if (!reading) return fail(std::move(reading).error(), "history");
  const auto wanted = reading->index->select(matchers);
  std::unordered_map<std::int64_t, std::size_t> place;
  std::vector<SeriesData> found(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) place[wanted[i]->id] = i;

  auto in = buckets(range);
  if (!in) return fail(std::move(in).error(), "history");
  auto query =
      db_->cached("SELECT series_id, offset_ms, value FROM samples WHERE bucket=?1 AND series_id BETWEEN ?2 AND ?3");
  if (!query) return fail(std::move(query).error(), "history");
  std::size_t total = 0;
  for (const auto bucket : *in) {
    for (const auto& run : runs_of(wanted)) {
      (*query)->bind(1, bucket).bind(2, run.first).bind(3, run.last);
      while (true) {
        auto row = (*query)->step();
        if (!row) return fail(std::move(row).error(), "history");
        if (!*row) break;
        const auto it = place.find((*query)->integer(0));
        const auto at = from_ms(bucket * kBucketMs + (*query)->integer(1));
        if (it == place.end() || at < range.from || at > range.to) continue;
        if (++total > max_samples) {
          (*query)->reset();
          return fail(Errc::resource_exhausted,
                      "more than " + std::to_string(max_samples) + " samples; ask for fewer series or a shorter time");
        }
        found[it->second].samples.push_back({at, (*query)->exact(2)});
      }
    }
  }
  std::vector<SeriesData> out;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (found[i].samples.empty()) continue;
    found[i].key = wanted[i]->key;
    if (wanted[i]->kind == MetricKind::counter)
      if (auto filled = fill_epochs(found[i], wanted[i]->id); !filled)
        return fail(std::move(filled).error(), "history");
    out.push_back(std::move(found[i]));
  }
  return out;
}

Result<std::vector<SeriesKey>> FileReader::series(const std::vector<Matcher>& matchers, TimeRange range) {
  auto reading = begin();
  if (!reading) return fail(std::move(reading).error(), "history");
  auto left = reading->index->select(matchers);
  auto in = buckets(range);
  if (!in) return fail(std::move(in).error(), "history");
  std::reverse(in->begin(), in->end());
  std::vector<SeriesPtr> seen;
  auto query =
      db_->cached("SELECT 1 FROM samples WHERE bucket=?1 AND series_id=?2 AND offset_ms BETWEEN ?3 AND ?4 LIMIT 1");
  if (!query) return fail(std::move(query).error(), "history");
  for (const auto bucket : *in) {
    std::vector<SeriesPtr> missing;
    for (auto& series : left) {
      (*query)->bind(1, bucket).bind(2, series->id);
      (*query)->bind(3, to_ms(range.from) - bucket * kBucketMs).bind(4, to_ms(range.to) - bucket * kBucketMs);
      auto row = (*query)->step();
      if (!row) return fail(std::move(row).error(), "history");
      (*query)->reset();
      (*row ? seen : missing).push_back(std::move(series));
    }
    left = std::move(missing);
    if (left.empty()) break;
  }
  std::vector<SeriesKey> keys;
  for (const auto& series : seen) keys.push_back(series->key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<std::vector<ResetEvent>> FileReader::resets(TimeRange range) {
  auto reading = begin();
  if (!reading) return fail(std::move(reading).error(), "history");
  std::unordered_map<std::int64_t, SeriesPtr> by_id;
  for (auto& series : reading->index->select({})) by_id.emplace(series->id, series);
  auto query = db_->cached(
      "SELECT series_id, time_ms FROM epochs WHERE cause = 1 AND time_ms BETWEEN ?1 AND ?2 ORDER BY time_ms, "
      "series_id");
  if (!query) return fail(std::move(query).error(), "history");
  (*query)->bind(1, range.from).bind(2, range.to);
  std::vector<ResetEvent> out;
  while (true) {
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error(), "history");
    if (!*row) return out;
    if (const auto it = by_id.find((*query)->integer(0)); it != by_id.end())
      out.push_back({it->second->key, (*query)->time(1)});
  }
}

Result<std::vector<Gap>> FileReader::gaps(TimeRange range) {
  auto reading = begin();
  if (!reading) return fail(std::move(reading).error(), "history");
  auto query = db_->cached(
      "SELECT collector, database, from_ms, to_ms, reason FROM gaps WHERE to_ms >= ?1 AND from_ms <= ?2"
      " ORDER BY from_ms, id");
  if (!query) return fail(std::move(query).error(), "history");
  (*query)->bind(1, range.from).bind(2, range.to);
  std::vector<Gap> out;
  while (true) {
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error(), "history");
    if (!*row) return out;
    out.push_back({(*query)->text(0), (*query)->text(1), {(*query)->time(2), (*query)->time(3)}, (*query)->text(4)});
  }
}

}  // namespace pgtend::store
