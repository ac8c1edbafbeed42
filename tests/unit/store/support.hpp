#pragma once

#include <sqlite3.h>

#include <bit>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/snapshot.hpp"
#include "agent/store/history_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

namespace pgtend::test {

// A directory of its own, removed at the end.
class TempDir {
 public:
  TempDir() {
    // In memory where there is such a place: the many flushes of these tests would wait for a busy disk.
    const std::filesystem::path memory = "/dev/shm";
    const auto root = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (root / "pgtend-store-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Looks at (or damages) a database behind the store's back.
class RawDatabase {
 public:
  explicit RawDatabase(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &db_) == SQLITE_OK); }
  ~RawDatabase() { sqlite3_close(db_); }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;
  [[nodiscard]] int try_exec(const std::string& sql) const {
    return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  }
  void exec(const std::string& sql) const {
    INFO(sql);
    const int code = try_exec(sql);
    INFO(sqlite3_errmsg(db_));
    REQUIRE(code == SQLITE_OK);
  }
  [[nodiscard]] std::string value(const std::string& sql) const {
    std::string out;
    const auto take = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) = values[0] != nullptr ? values[0] : "NULL";
      return 0;
    };
    INFO(sql);
    REQUIRE(sqlite3_exec(db_, sql.c_str(), take, &out, nullptr) == SQLITE_OK);
    return out;
  }

 private:
  sqlite3* db_ = nullptr;
};

// In these tests the store thread is the caller.
inline store::PostToStore run_inline() {
  return [](std::function<void()> job) { job(); };
}

inline SeriesSample gauge(std::string name, Labels labels, double value) {
  return {SeriesKey{std::move(name), std::move(labels)}, value, MetricKind::gauge, 0};
}

inline SeriesSample counter(std::string name, Labels labels, double value, std::uint64_t epoch) {
  return {SeriesKey{std::move(name), std::move(labels)}, value, MetricKind::counter, epoch};
}

inline SnapshotPtr snapshot(std::string collector, UtcTime at, std::vector<SeriesSample> samples,
                            CollectStatus status = CollectStatus::ok, std::string database = {}) {
  auto out = std::make_shared<Snapshot>();
  out->collector = std::move(collector);
  out->instance = "main";
  out->database = std::move(database);
  out->taken_at = at;
  out->interval = Millis(10'000);
  out->status = status;
  out->samples = std::move(samples);
  return out;
}

inline Matcher named(const std::string& name) {
  return *Matcher::make("__name__", MatchOp::equal, name);
}

inline std::uint64_t bits(double value) {
  return std::bit_cast<std::uint64_t>(value);
}

// A history with its clock, and readers of it.
struct History {
  explicit History(const std::string& path, std::int64_t max_bytes = 64 << 20,
                   Millis retention = Millis(7LL * 24 * 3600 * 1000), std::size_t queue = 1'000) {
    open({path, retention, max_bytes, queue});
  }
  void open(const store::HistoryOptions& options) {
    file.reset();
    auto opened = store::HistoryFile::open(options, run_inline(), clock);
    INFO((opened ? std::string() : opened.error().describe()));
    REQUIRE(opened);
    file = std::move(*opened);
  }
  void seal() {
    auto sealed = file->seal();
    INFO((sealed ? std::string() : sealed.error().describe()));
    REQUIRE(sealed);
  }
  void append(const SnapshotPtr& one) { REQUIRE(file->append(one)); }
  store::CommitReport commit() {
    auto report = file->commit();
    INFO((report ? std::string() : report.error().describe()));
    REQUIRE(report);
    return *report;
  }
  std::vector<SeriesData> select(const std::vector<Matcher>& matchers, TimeRange range, const ReadHints& hints = {}) {
    auto reader = file->reader();
    REQUIRE(reader);
    (*reader)->hint(hints);
    auto found = (*reader)->select(matchers, range, 10'000'000);
    INFO((found ? std::string() : found.error().describe()));
    REQUIRE(found);
    return *found;
  }
  std::vector<Gap> gaps() {
    auto reader = file->reader();
    REQUIRE(reader);
    auto found = (*reader)->gaps({from_ms(0), from_ms(4'000'000'000'000)});
    REQUIRE(found);
    return *found;
  }
  FakeClock clock;
  std::unique_ptr<store::HistoryFile> file;
};

// Ten-second ticks of a gauge that counts them, a counter and a constant.
struct Ticks {
  explicit Ticks(History& to) : history(to), start(to.clock.now()) {}
  void add(int count, int per_commit = 20) {
    for (int i = 0; i < count; ++i, ++done) {
      history.append(snapshot("c", time(done),
                              {gauge("tick", {}, done), counter("n_total", {}, done * 10.0, 1), gauge("five", {}, 5)}));
      if (done % per_commit == per_commit - 1) history.commit();
      history.clock.advance(Millis(10'000));
    }
    history.commit();
  }
  [[nodiscard]] UtcTime time(int tick) const { return start + Millis(10'000) * tick; }
  // The values of "tick" must be all of first..done-1.
  void check(int first = 0, const ReadHints& hints = {}) {
    const auto found = history.select({named("tick")}, {time(first), time(done)}, hints);
    REQUIRE(found.size() == 1);
    REQUIRE(found[0].samples.size() == static_cast<std::size_t>(done - first));
    for (int i = first; i < done; ++i) {
      REQUIRE(found[0].samples[static_cast<std::size_t>(i - first)].value == i);
      REQUIRE(found[0].samples[static_cast<std::size_t>(i - first)].time == time(i));
    }
  }
  History& history;
  UtcTime start;
  int done = 0;
};

inline std::string number_of(const std::string& file, const std::string& what) {
  return RawDatabase(file).value("SELECT count(*) FROM " + what);
}

inline const TimeRange kAlways{from_ms(0), from_ms(4'000'000'000'000)};

// Prints the seed of a property test when it fails; PGTEND_SEED repeats a run.
inline std::uint32_t test_seed() {
  if (const char* given = std::getenv("PGTEND_SEED"); given != nullptr)
    return static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
  return std::random_device{}();
}

}  // namespace pgtend::test
