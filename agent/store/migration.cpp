#include "agent/store/migration.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <unordered_map>

namespace pgtend::store {

namespace {

struct OldSeries {
  SeriesKey key;
  MetricKind kind = MetricKind::gauge;
  std::string instance, collector, database;
  // Reset epochs by the time at which they begin, ms.
  std::map<std::int64_t, std::uint64_t> epochs;
};

Labels labels_of(std::string_view text) {
  const auto object = nlohmann::json::parse(text, nullptr, false);
  std::vector<Label> out;
  if (object.is_object())
    for (const auto& [name, value] : object.items())
      if (value.is_string()) out.emplace_back(name, value.get<std::string>());
  return Labels(std::move(out));
}

template <class F>
Result<void> rows(Database& db, const char* sql, F&& f) {
  auto query = db.prepare(sql);
  if (!query) return fail(std::move(query).error());
  while (true) {
    auto row = query->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    f(*query);
  }
}

}  // namespace

Result<void> read_version_1(Database& db, const std::function<Result<void>(const Snapshot&)>& take) {
  // Source: the width of that version's buckets.
  constexpr std::int64_t kBucketMs = 300'000;
  std::unordered_map<std::int64_t, OldSeries> series;
  PGTEND_STORE_TRY(
      rows(db, "SELECT id, name, labels, kind, instance, collector, database FROM series", [&](Statement& row) {
        OldSeries old{SeriesKey{row.text(1), labels_of(row.view(2))},
                      row.integer(3) == 0 ? MetricKind::gauge : MetricKind::counter,
                      row.text(4),
                      row.text(5),
                      row.text(6),
                      {}};
        series.emplace(row.integer(0), std::move(old));
      }));
  PGTEND_STORE_TRY(rows(db, "SELECT series_id, time_ms, epoch FROM epochs", [&](Statement& row) {
    if (const auto it = series.find(row.integer(0)); it != series.end())
      it->second.epochs[row.integer(1)] = static_cast<std::uint64_t>(row.integer(2));
  }));
  auto buckets = db.prepare("SELECT DISTINCT bucket FROM samples ORDER BY bucket");
  auto samples = db.prepare("SELECT series_id, offset_ms, value FROM samples WHERE bucket=?1");
  if (!buckets) return fail(std::move(buckets).error());
  if (!samples) return fail(std::move(samples).error());
  while (true) {
    auto bucket = buckets->step();
    if (!bucket) return fail(std::move(bucket).error());
    if (!*bucket) return {};
    // One bucket at a time in memory.
    std::map<std::tuple<std::int64_t, std::string, std::string, std::string>, Snapshot> moments;
    samples->bind(1, buckets->integer(0));
    while (true) {
      auto row = samples->step();
      if (!row) return fail(std::move(row).error());
      if (!*row) break;
      const auto it = series.find(samples->integer(0));
      if (it == series.end()) continue;
      const auto& old = it->second;
      const auto at = buckets->integer(0) * kBucketMs + samples->integer(1);
      auto& moment = moments[{at, old.instance, old.collector, old.database}];
      moment.instance = old.instance;
      moment.collector = old.collector;
      moment.database = old.database;
      moment.taken_at = from_ms(at);
      moment.status = CollectStatus::error;
      const auto epoch = old.epochs.upper_bound(at);
      moment.samples.push_back(
          {old.key, samples->exact(2), old.kind, epoch == old.epochs.begin() ? 0 : std::prev(epoch)->second});
    }
    for (const auto& [key, moment] : moments) PGTEND_STORE_TRY(take(moment));
  }
}

}  // namespace pgtend::store
