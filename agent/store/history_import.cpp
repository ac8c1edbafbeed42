#include "agent/store/history_import.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <filesystem>
#include <unordered_map>

#include "agent/store/files.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/history_schema.hpp"
#include "agent/store/names.hpp"
#include "agent/store/sqlite.hpp"

namespace pgtend::store {

namespace {

// Series that were sampled together lie in blocks together. Who sampled them is not said, so those are taken together
// whose first samples are of the moments of one series, which stands for its group.
constexpr std::size_t kMostGroups = 64;
// Moments remembered per group. Source: a week of 10 s is 60,480.
constexpr std::size_t kMostMoments = 100'000;
// All series of an import may be new at once.
constexpr std::size_t kMostSeries = 1'000'000;

// The time of what is imported, so that nothing counts as too old.
class PastClock final : public Clock {
 public:
  void set(UtcTime now) { ms_ = to_ms(now); }
  [[nodiscard]] UtcTime now() const override { return from_ms(ms_); }
  [[nodiscard]] Deadline steady_now() const override { return Deadline(std::chrono::milliseconds(ms_.load())); }

 private:
  std::atomic<std::int64_t> ms_{0};
};

struct Known {
  SharedKey key;
  MetricKind kind = MetricKind::gauge;
  std::size_t group = 0;
};

// All samples, in a file of their own until they are in order of time.
class Sorter {
 public:
  static Result<Sorter> make(const std::string& path) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    PGTEND_STORE_TRY(create_private(path));
    auto db = Database::open(path, OpenMode::read_write);
    if (!db) return fail(std::move(db).error());
    PGTEND_STORE_TRY((*db)->exec(
        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE; PRAGMA cache_size=-8192; BEGIN;"
        "CREATE TABLE sample (ms INTEGER NOT NULL, series INTEGER NOT NULL, epoch INTEGER NOT NULL, bits INTEGER NOT "
        "NULL)"));
    return Sorter(path, std::move(*db));
  }
  Sorter(Sorter&&) = default;
  ~Sorter() {
    db_.reset();
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
  }

  Result<void> add(const PastSeries& piece, ImportReport& report) {
    const auto [at, fresh] = by_key_.try_emplace(piece.key, known_.size());
    if (fresh) {
      known_.push_back({piece.key, piece.kind, group_of(piece)});
      epochs_.push_back(0);
    }
    auto resets = piece.resets;
    std::sort(resets.begin(), resets.end());
    std::size_t passed = 0;
    auto& epoch = epochs_[at->second];
    auto insert = db_->cached("INSERT INTO sample VALUES (?1, ?2, ?3, ?4)");
    if (!insert) return fail(std::move(insert).error());
    for (const auto& sample : piece.samples) {
      for (; passed < resets.size() && resets[passed] <= sample.time; ++passed) ++epoch;
      (*insert)->bind(1, to_ms(sample.time));
      (*insert)->bind(2, static_cast<std::int64_t>(at->second));
      (*insert)->bind(3, epoch);
      (*insert)->bind(4, std::bit_cast<std::int64_t>(sample.value));
      PGTEND_STORE_TRY((*insert)->run());
      report.from = report.from ? std::min(*report.from, sample.time) : sample.time;
      report.to = report.to ? std::max(*report.to, sample.time) : sample.time;
    }
    return {};
  }

  // Calls f(ms, series, epoch, value) in order of time.
  template <class F>
  Result<void> each(F f) {
    auto query = db_->prepare("SELECT ms, series, epoch, bits FROM sample ORDER BY ms, series, rowid");
    if (!query) return fail(std::move(query).error());
    while (true) {
      auto row = query->step();
      if (!row) return fail(std::move(row).error());
      if (!*row) return {};
      PGTEND_STORE_TRY(f(query->integer(0), static_cast<std::size_t>(query->integer(1)), query->integer(2),
                         std::bit_cast<double>(query->integer(3))));
    }
  }

  [[nodiscard]] const std::vector<Known>& known() const { return known_; }
  [[nodiscard]] std::size_t groups() const { return groups_.size(); }

 private:
  Sorter(std::string path, std::unique_ptr<Database> db) : path_(std::move(path)), db_(std::move(db)) {}

  std::size_t group_of(const PastSeries& piece) {
    std::vector<std::int64_t> moments;
    for (const auto& sample : piece.samples) {
      if (moments.size() >= kMostMoments) break;
      moments.push_back(to_ms(sample.time));
    }
    const auto asked = std::min<std::size_t>(moments.size(), 2);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      const auto& of = groups_[i];
      if (std::all_of(moments.begin(), moments.begin() + static_cast<std::ptrdiff_t>(asked),
                      [&](std::int64_t ms) { return std::binary_search(of.begin(), of.end(), ms); }))
        return i;
    }
    if (groups_.size() == kMostGroups) return kMostGroups - 1;
    std::sort(moments.begin(), moments.end());
    groups_.push_back(std::move(moments));
    return groups_.size() - 1;
  }

  std::string path_;
  std::unique_ptr<Database> db_;
  std::unordered_map<SeriesKey, std::size_t, SeriesKeyHash> by_key_;
  std::vector<Known> known_;
  std::vector<std::int64_t> epochs_;
  std::vector<std::vector<std::int64_t>> groups_;
};

// Makes snapshots of sorted samples, one per moment and group, and gives them to the file.
class Replay {
 public:
  Replay(HistoryFile& file, PastClock& clock, std::size_t groups) : file_(file), clock_(clock), open_(groups) {}

  Result<void> add(const Known& series, std::int64_t ms, std::int64_t epoch, double value) {
    if (ms != ms_) PGTEND_STORE_TRY(close());
    ms_ = ms;
    auto& snapshot = open_[series.group];
    if (!snapshot) {
      snapshot = std::make_shared<Snapshot>();
      snapshot->collector = "import " + std::to_string(series.group);
      snapshot->taken_at = from_ms(ms);
      // No absence is read into it: stale markers are samples of their own here.
      snapshot->status = CollectStatus::unavailable;
    }
    snapshot->samples.push_back({series.key, value, series.kind, static_cast<std::uint64_t>(epoch)});
    return {};
  }

  Result<void> close() {
    for (auto& snapshot : open_) {
      if (!snapshot) continue;
      clock_.set(snapshot->taken_at);
      PGTEND_STORE_TRY(file_.add_past(*snapshot));
      snapshot.reset();
    }
    return {};
  }

 private:
  HistoryFile& file_;
  PastClock& clock_;
  std::vector<std::shared_ptr<Snapshot>> open_;  // by group
  std::int64_t ms_ = INT64_MIN;
};

Result<void> read_all(const NextPast& next, Sorter& sorter, ImportReport& report) {
  while (true) {
    auto piece = next();
    if (!piece) return fail(std::move(piece).error());
    if (!*piece) return {};
    PGTEND_STORE_TRY(sorter.add(**piece, report));
  }
}

}  // namespace

Result<ImportReport> import_history(const std::string& to, std::int64_t max_bytes, const NextPast& next) {
  ImportReport report;
  auto sorter = Sorter::make(to + ".import");
  if (!sorter) return fail(std::move(sorter).error());
  PGTEND_STORE_TRY(read_all(next, *sorter, report));
  if (!report.from) return fail(Errc::invalid_argument, "there is no sample to import");
  PastClock clock;
  clock.set(*report.from);
  HistoryOptions options;
  options.path = to;
  options.max_bytes = max_bytes;
  options.retention = options.retention_five_minutes = options.retention_one_hour = Millis(kLatestMs);
  options.max_series_per_collector = kMostSeries;
  auto file = HistoryFile::open(options, [](std::function<void()> job) { job(); }, clock);
  if (!file) return fail(std::move(file).error());
  const auto before = (*file)->stats();
  if (!before.trouble.empty()) return fail(Errc::unavailable, before.trouble);
  if (before.newest && *before.newest >= *report.from)
    return fail(Errc::conflict, to + " has samples up to " + to_rfc3339(*before.newest) +
                                    ", and the first to import is of " + to_rfc3339(*report.from) +
                                    "; import into a new file, or only what is later");
  Replay replay(**file, clock, sorter->groups());
  std::int64_t last_ms = INT64_MIN;
  std::size_t last_series = 0;
  PGTEND_STORE_TRY(
      sorter->each([&](std::int64_t ms, std::size_t series, std::int64_t epoch, double value) -> Result<void> {
        if (ms == last_ms && series == last_series) {
          ++report.repeated;
          return {};
        }
        last_ms = ms;
        last_series = series;
        ++report.samples;
        return replay.add(sorter->known()[series], ms, epoch, value);
      }));
  PGTEND_STORE_TRY(replay.close());
  PGTEND_STORE_TRY((*file)->seal());
  report.series = static_cast<std::int64_t>(sorter->known().size());
  report.bytes = bytes_of(to);
  return report;
}

}  // namespace pgtend::store
