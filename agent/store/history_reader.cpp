#include "agent/store/history_reader.hpp"

#include <algorithm>
#include <unordered_map>

#include "agent/store/codec/bytes.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/history_schema.hpp"
#include "agent/store/passes.hpp"

namespace pgtend::store {

struct FileReader::Reading {
  Database* db;
  std::optional<Transaction> tx;

  Reading(Database* of, std::optional<Transaction> in) : db(of), tx(std::move(in)) {}
  Reading(Reading&& other) noexcept : db(other.db), tx(std::move(other.tx)) { other.db = nullptr; }
  Reading& operator=(Reading&&) = delete;
  ~Reading() {
    if (db != nullptr) db->set_deadline(std::nullopt);
  }
};

Result<void> FileReader::refresh() {
  const auto view = shared_->view();
  if (!view.file) {
    db_.reset();
    return {};
  }
  if (db_ && view.generation == generation_) return {};
  db_.reset();
  open_blocks_.clear();
  auto db = open_history_reader(path_);
  if (!db) return fail(std::move(db).error());
  db_ = std::move(*db);
  generation_ = view.generation;
  return {};
}

// Without a file there is nothing to read, and that is no error.
Result<FileReader::Reading> FileReader::begin() {
  chunks_.clear();
  PGTEND_STORE_TRY(refresh());
  if (!db_) return Reading(nullptr, std::nullopt);
  db_->set_deadline(std::chrono::steady_clock::now() + kReadDeadline);
  auto tx = Transaction::begin(*db_, "BEGIN");
  if (!tx) return fail(std::move(tx).error());
  // The first read fixes the picture: it is newer than the memory that was looked at before.
  auto fixed = db_->number("SELECT 1 FROM sqlite_schema LIMIT 1");
  if (!fixed) return fail(std::move(fixed).error());
  return Reading(db_.get(), std::move(*tx));
}

std::vector<FileReader::GroupRead> FileReader::look(const std::vector<SeriesPtr>& wanted, TimeRange range) {
  std::map<GroupId, std::vector<SeriesPtr>> by_group;
  for (const auto& series : wanted) by_group[series->group()].push_back(series);
  std::vector<GroupRead> reads;
  for (auto& [group, series] : by_group) {
    GroupRead read{group, std::move(series), {}, {}, {}};
    read.samples.resize(read.wanted.size());
    read.open.resize(read.wanted.size());
    read.picture = head_->read(group, read.wanted, range, hints_, read.open);
    reads.push_back(std::move(read));
  }
  return reads;
}

Result<void> FileReader::count(const GroupRead& read, std::size_t max_samples) {
  std::size_t held = 0;
  for (const auto& one : read.samples) held += one.samples.size();
  for (const auto& one : read.open) held += one.samples.size();
  if (total_ + held <= max_samples) return {};
  return fail(Errc::resource_exhausted,
              "more than " + std::to_string(max_samples) + " samples; ask for fewer series or a shorter time");
}

namespace {

// Rows of series with the same name next to each other, older first.
std::vector<std::pair<SeriesPtr, TickedSamples*>> by_name(std::vector<std::pair<SeriesPtr, TickedSamples*>> rows) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    if (a.first->name->pairs != b.first->name->pairs) return a.first->name->pairs < b.first->name->pairs;
    return a.first->id < b.first->id;
  });
  return rows;
}

void append(TickedSamples& to, TickedSamples& from) {
  const auto offset = to.samples.size();
  if (offset == 0) {
    to = std::move(from);
    return;
  }
  if (!from.samples.empty()) to.join(from.samples.front());
  to.ascending = to.ascending && from.ascending;
  to.falls_told = to.falls_told && from.falls_told;
  for (const auto fall : from.falls) to.falls.push_back(fall + offset);
  for (const auto start : from.starts) to.starts.push_back(start + offset);
  to.samples.insert(to.samples.end(), from.samples.begin(), from.samples.end());
}

}  // namespace

// Whether memory holds all that these series have within the range. One that began after the file's last block has
// nothing in the file, however far back the question goes.
bool FileReader::is_in_memory(const GroupRead& read, TimeRange range) {
  return read.picture.from_ms <= to_ms(range.from) ||
         std::all_of(read.wanted.begin(), read.wanted.end(),
                     [&](const SeriesPtr& series) { return series->first_seq >= read.picture.before_seq; });
}

Result<std::vector<SeriesData>> FileReader::select(const std::vector<Matcher>& matchers, TimeRange range,
                                                   std::size_t max_samples) {
  const auto wanted = shared_->view().index->select(matchers);
  auto reads = look(wanted, range);
  total_ = 0;
  const bool in_memory = !hints_.every_pass && std::all_of(reads.begin(), reads.end(), [&](const GroupRead& read) {
    return is_in_memory(read, range);
  });
  {
    auto reading = in_memory ? Result<Reading>(Reading(nullptr, std::nullopt)) : begin();
    if (!reading) return fail(std::move(reading).error(), "history");
    for (auto& read : reads) {
      if (reading->db != nullptr && !is_in_memory(read, range)) {
        auto stretches = plan(read, range);
        if (!stretches) return fail(std::move(stretches).error(), "history");
        for (const auto& [tier, part] : *stretches) {
          auto done = tier == Tier::raw ? read_raw(read, part, max_samples) : read_tier(read, tier, part, max_samples);
          if (!done) return fail(std::move(done).error(), "history");
        }
      } else {
        if (reading->db != nullptr && hints_.every_pass)
          if (auto done = read_raw(read, range, max_samples); !done) return fail(std::move(done).error(), "history");
        if (!hints_.every_pass || reading->db == nullptr) read_memory(read, range);
      }
      for (std::size_t i = 0; i < read.wanted.size(); ++i) append(read.samples[i], read.open[i]);
      read.open.assign(read.wanted.size(), {});
      if (auto fits = count(read, max_samples); !fits) return fail(std::move(fits).error());
      for (const auto& one : read.samples) total_ += one.samples.size();
    }
  }
  std::vector<std::pair<SeriesPtr, TickedSamples*>> rows;
  for (auto& read : reads)
    for (std::size_t i = 0; i < read.wanted.size(); ++i)
      if (!read.samples[i].samples.empty()) rows.emplace_back(read.wanted[i], &read.samples[i]);
  std::vector<SeriesData> out;
  const auto sorted = by_name(std::move(rows));
  for (std::size_t i = 0; i < sorted.size();) {
    const auto& first = *sorted[i].first;
    auto all = std::move(*sorted[i].second);
    while (++i < sorted.size() && sorted[i].first->name->pairs == first.name->pairs) append(all, *sorted[i].second);
    // Where the wall clock went back, stale markers say what a later pass hides.
    if (!all.ascending && !std::exchange(hints_.stale_markers, true)) return select(matchers, range, max_samples);
    SeriesData data;
    data.key = first.name->key();
    order_by_time(std::move(all), first.kind == MetricKind::counter, hints_.every_pass, data);
    if (!data.samples.empty()) out.push_back(std::move(data));
  }
  std::sort(out.begin(), out.end(), [](const SeriesData& a, const SeriesData& b) { return a.key < b.key; });
  return out;
}

Result<std::vector<SeriesKey>> FileReader::series(const std::vector<Matcher>& matchers, TimeRange range) {
  // Whatever tier has a sample will do; one is enough.
  const auto asked = std::exchange(hints_, ReadHints{});
  hints_.every = range.to - range.from + Millis(1);
  hints_.first = range.from;
  auto found = select(matchers, range, SIZE_MAX);
  hints_ = asked;
  if (!found) return fail(std::move(found).error());
  std::vector<SeriesKey> keys;
  for (auto& series : *found) keys.push_back(std::move(series.key));
  return keys;
}

Result<std::vector<ResetEvent>> FileReader::resets(TimeRange range) {
  const auto index = shared_->view().index;
  auto reading = begin();
  if (!reading) return fail(std::move(reading).error(), "history");
  std::vector<ResetEvent> out;
  if (reading->db == nullptr) return out;
  std::unordered_map<std::int64_t, SeriesPtr> by_id;
  for (auto& series : index->select({})) by_id.emplace(series->id, series);
  auto query = db_->cached("SELECT ms, data FROM event WHERE kind='reset' AND ms BETWEEN ?1 AND ?2 ORDER BY ms, id");
  if (!query) return fail(std::move(query).error(), "history");
  (*query)->bind(1, range.from).bind(2, range.to);
  while (true) {
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error(), "history");
    if (!*row) return out;
    codec::ByteReader ids((*query)->blob(1));
    while (ids.left() > 0) {
      const auto it = by_id.find(static_cast<std::int64_t>(ids.varint()));
      if (ids.ok() && it != by_id.end()) out.push_back({it->second->name->key(), (*query)->time(0)});
    }
  }
}

Result<std::vector<Gap>> FileReader::gaps(TimeRange range) {
  auto reading = begin();
  if (!reading) return fail(std::move(reading).error(), "history");
  std::vector<Gap> out;
  if (reading->db == nullptr) return out;
  auto query = db_->cached(
      "SELECT collector, database, from_ms, to_ms, reason FROM gaps WHERE to_ms >= ?1 AND from_ms <= ?2"
      " ORDER BY from_ms, id");
  if (!query) return fail(std::move(query).error(), "history");
  (*query)->bind(1, range.from).bind(2, range.to);
  while (true) {
    auto row = (*query)->step();
    if (!row) return fail(std::move(row).error(), "history");
    if (!*row) return out;
    out.push_back({(*query)->text(0), (*query)->text(1), {(*query)->time(2), (*query)->time(3)}, (*query)->text(4)});
  }
}

}  // namespace pgtend::store
