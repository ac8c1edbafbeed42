#include <sys/stat.h>

#include <fstream>

#include "agent/store/files.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Random values do not compress, so that the file grows as fast as it can.
std::vector<SeriesSample> noise(std::mt19937& random, int series) {
  std::vector<SeriesSample> out;
  for (int s = 0; s < series; ++s)
    out.push_back(gauge("noise", {{"s", std::to_string(s)}}, static_cast<double>(random()) / 7.0));
  return out;
}

}  // namespace

TEST_CASE("the file, its log and the ballast stay within the cap while the newest samples are kept") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  TempDir dir;
  constexpr std::int64_t kCap = store::kMinHistoryBytes;
  History history(dir.file("history.db"), kCap);
  std::int64_t deleted = 0, largest = 0;
  auto now = history.clock.now();
  constexpr int kTicks = 1'200, kSeries = 500;
  for (int tick = 0; tick < kTicks; ++tick) {
    now += Millis(10'000);
    history.clock.advance(Millis(10'000));
    history.append(snapshot("c", now, noise(random, kSeries)));
    if (tick % 4 != 3) continue;
    const auto report = history.commit();
    deleted += report.deleted_samples;
    largest = std::max({largest, report.bytes, store::bytes_on_disk(dir.file("history.db"))});
  }
  REQUIRE(largest <= kCap);
  REQUIRE(largest >= kCap / 2);
  REQUIRE(deleted > 0);
  const auto stats = history.file->stats();
  REQUIRE(stats.deleted_by_cap == deleted);
  REQUIRE(stats.cap_decides);
  REQUIRE(stats.samples == kTicks * kSeries - deleted);
  REQUIRE(stats.newest == now);
  const auto reader = history.file->reader();
  // Coarser copies reach farther back than raw samples; here only those count.
  const auto found = (*reader)->select({named("noise")}, {now - Millis(10'000 * 100), now}, 10'000'000);
  REQUIRE(found);
  REQUIRE(found->size() == kSeries);
  for (const auto& series : *found) {
    REQUIRE(series.samples.size() == 101);
    REQUIRE(series.samples.back().time == now);
  }
  history.file.reset();
  REQUIRE(RawDatabase(dir.file("history.db")).value("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a batch larger than the cap is written in parts, and its newest samples are there") {
  // With the second one it is a block that meets the cap, and nothing else waits then.
  const std::int64_t cap = store::kMinHistoryBytes + GENERATE(0, 23) * 16'384;
  std::mt19937 random(1);
  TempDir dir;
  History history(dir.file("history.db"), cap);
  auto now = history.clock.now();
  for (int tick = 0; tick < 40; ++tick) history.append(snapshot("c", now += Millis(10'000), noise(random, 12'000)));
  REQUIRE(history.commit().snapshots == 40);
  REQUIRE(store::bytes_on_disk(dir.file("history.db")) <= cap);
  const auto found = history.select({named("noise")}, {now - Millis(10'000), now});
  REQUIRE(found.size() == 12'000);
  REQUIRE(found[0].samples.size() == 2);
  REQUIRE(found[0].samples.back().time == now);
  REQUIRE(history.file->stats().dropped_snapshots == 0);
  REQUIRE(std::none_of(found.begin(), found.end(), [](const auto& s) { return !s.epoch_starts.empty(); }));
}

TEST_CASE("a batch that no file takes is in memory all the same") {
  std::mt19937 random(1);
  TempDir dir;
  History history(dir.file("history.db"));
  store::HistoryOptions options{dir.file("history.db"), Millis(3'600'000), store::kMinHistoryBytes};
  // As on a disk that is full.
  options.min_free_bytes = INT64_MAX;
  history.open(options);
  auto now = history.clock.now();
  for (int tick = 0; tick < 40; ++tick) history.append(snapshot("c", now += Millis(10'000), noise(random, 2'000)));
  const auto refused = history.file->commit();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::resource_exhausted);
  const auto found = history.select({named("noise")}, {now - Millis(10'000), now});
  REQUIRE(found.size() == 2'000);
  CHECK(found[0].samples.back().time == now);
}

TEST_CASE("a file that was allowed to be larger is shrunk at the next start") {
  std::mt19937 random(1);
  TempDir dir;
  History history(dir.file("history.db"), 32 << 20);
  for (int tick = 0; tick < 1'000; ++tick) {
    history.clock.advance(Millis(10'000));
    history.append(snapshot("c", history.clock.now(), noise(random, 600)));
    if (tick % 100 == 99) history.commit();
  }
  REQUIRE(store::bytes_of(dir.file("history.db")) > store::kMinHistoryBytes);
  history.open({dir.file("history.db"), Millis(7LL * 24 * 3600 * 1000), store::kMinHistoryBytes, 10});
  CHECK(history.file->stats().cap_decides);
  CHECK(history.file->stats().deleted_by_cap > 0);
  history.commit();
  REQUIRE(store::bytes_on_disk(dir.file("history.db")) <= store::kMinHistoryBytes);
  REQUIRE(history.file->stats().newest == history.clock.now());
  REQUIRE(history.file->stats().samples > 0);
}

TEST_CASE("samples, series, epochs and gaps older than the retention go") {
  TempDir dir;
  const Millis hour(3'600'000);
  store::HistoryOptions options{dir.file("history.db"), hour};
  options.retention_five_minutes = options.retention_one_hour = hour;
  History history(options.path);
  history.open(options);
  const auto t0 = history.clock.now();
  history.append(snapshot("c", t0, {gauge("old", {}, 1), counter("n_total", {}, 1, 1)}));
  history.append(snapshot("broken", t0, {}, CollectStatus::timeout));
  history.append(snapshot("broken", t0 + Millis(1), {}, CollectStatus::ok));
  history.commit();
  for (int i = 1; i <= 40; ++i) {
    history.clock.advance(hour / 10);
    history.append(snapshot("c", history.clock.now(), {counter("n_total", {}, i, i < 3 ? 1 : 2)}));
    history.commit();
  }
  const auto found = history.select({}, kAlways);
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].key.name == "n_total");
  // A block goes as a whole; it spans a quarter of the retention.
  REQUIRE(found[0].samples.front().time >= history.clock.now() - hour - hour / 2);
  REQUIRE(found[0].samples.front().time <= history.clock.now() - hour + hour / 10);
  REQUIRE(history.gaps().empty());
  REQUIRE(history.file->stats().series == 1);
  // The epoch outlives the samples that began it: the same one continues after a restart.
  history.open(options);
  history.append(snapshot("c", history.clock.now() + Millis(1), {counter("n_total", {}, 99, 2)}));
  history.commit();
  REQUIRE(history.select({}, kAlways)[0].epoch_starts.empty());
  // A series that comes back is a new one for the file.
  history.append(snapshot("c", history.clock.now() + Millis(2), {gauge("old", {}, 2)}));
  REQUIRE(history.commit().new_series == 1);
  REQUIRE(history.select({named("old")}, kAlways)[0].samples.size() == 1);
}

TEST_CASE("a file nearly full of series does without the collectors that can be spared") {
  TempDir dir;
  History history(dir.file("history.db"), store::kMinHistoryBytes);
  history.file->set_expendable({"heavy"});
  const auto store = [&](const std::string& collector, std::vector<SeriesSample> samples) {
    history.clock.advance(Millis(10'000));
    history.append(snapshot(collector, history.clock.now(), std::move(samples)));
    history.commit();
  };
  store("heavy", {gauge("heavy", {}, 1)});
  REQUIRE(history.file->stats().trouble.empty());
  // Names cannot be deleted while their series are active.
  std::vector<SeriesSample> many;
  while (history.file->stats().trouble.empty()) {
    REQUIRE(many.size() < 20'000);
    for (int i = 0; i < 50; ++i)
      many.push_back(gauge("many", {{"s", std::to_string(many.size()) + std::string(300, 'x')}}, 1));
    store("light", many);
  }
  CHECK(history.file->stats().trouble.find("nearly full") != std::string::npos);
  const auto dropped = history.file->stats().dropped_snapshots;
  store("heavy", {gauge("heavy", {}, 2)});
  store("light", {gauge("light", {}, 2)});
  CHECK(history.file->stats().dropped_snapshots == dropped + 1);
  CHECK(history.select({named("heavy")}, kAlways).at(0).samples.size() == 1);
  CHECK(history.select({named("light")}, kAlways).at(0).samples.size() == 1);
}

TEST_CASE("a clock that jumps ahead does not delete history until it has held") {
  TempDir dir;
  const Millis hour(3'600'000);
  History history(dir.file("history.db"), 64 << 20, hour);
  history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 1)}));
  history.commit();
  history.clock.step(Millis(365LL * 24 * 3'600'000));
  REQUIRE(history.commit().deleted_samples == 0);
  history.clock.advance(hour - Millis(1));
  REQUIRE(history.commit().deleted_samples == 0);
  history.clock.advance(Millis(1));
  REQUIRE(history.commit().deleted_samples == 1);
}

TEST_CASE("a clock that is set forward leaves a gap, and one that is set back none") {
  TempDir dir;
  const Millis hour(3'600'000);
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  history.append(snapshot("c", t0, {gauge("g", {}, 1)}));
  history.commit();
  history.clock.advance(Millis(10'000));
  history.clock.step(hour);
  history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 2)}));
  history.commit();
  history.commit();
  const auto gaps = history.gaps();
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].collector == "*");
  CHECK(gaps[0].reason == "clock_step");
  CHECK(gaps[0].range.from == t0);
  CHECK(gaps[0].range.to == t0 + hour);
  history.clock.step(-2 * hour);
  history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 3)}));
  history.commit();
  CHECK(history.gaps().size() == 1);
}

TEST_CASE("a file that is no database is moved aside, named, and a new one started") {
  TempDir dir;
  const std::string garbage(100'000, 'x');
  std::ofstream(dir.file("history.db")) << garbage;
  History history(dir.file("history.db"));
  const auto aside = history.file->moved_aside();
  REQUIRE(aside);
  std::ifstream kept(*aside);
  REQUIRE(std::string(std::istreambuf_iterator<char>(kept), {}) == garbage);
  history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 1)}));
  history.commit();
  REQUIRE(history.select({named("g")}, kAlways).size() == 1);
}

TEST_CASE("a file whose pages were overwritten is moved aside at start") {
  TempDir dir;
  History history(dir.file("history.db"));
  std::mt19937 random(1);
  for (int i = 0; i < 20; ++i) history.append(snapshot("c", history.clock.now() + Millis(i), noise(random, 500)));
  history.commit();
  history.file.reset();
  {
    std::fstream file(dir.file("history.db"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(0, std::ios::end);
    const auto size = file.tellp();
    for (std::streamoff at = 4096; at < size; at += 4096) {
      file.seekp(at);
      file << std::string(512, '\x5a');
    }
  }
  history.open({dir.file("history.db")});
  REQUIRE(history.file->moved_aside());
  REQUIRE(std::filesystem::exists(*history.file->moved_aside()));
  REQUIRE(history.file->stats().samples == 0);
}

TEST_CASE("another program's database is not touched") {
  TempDir dir;
  RawDatabase(dir.file("history.db")).exec("CREATE TABLE t (a)");
  FakeClock clock;
  const auto opened = store::HistoryFile::open({dir.file("history.db")}, run_inline(), clock);
  REQUIRE_FALSE(opened);
  REQUIRE(opened.error().code == Errc::conflict);
  REQUIRE(RawDatabase(dir.file("history.db")).value("SELECT name FROM sqlite_schema") == "t");
}

TEST_CASE("a batch that cannot be written stays queued and is written later") {
  TempDir dir;
  History history(dir.file("history.db"), 64 << 20, Millis(3'600'000), 2);
  history.append(snapshot("c", history.clock.now(), {gauge("g", {{"s", "a"}}, 1)}));
  history.commit();
  {
    // Somebody else holds the write lock.
    const RawDatabase other(dir.file("history.db"));
    other.exec("BEGIN IMMEDIATE");
    history.append(snapshot("c", history.clock.now() + Millis(1), {gauge("g", {{"s", "b"}}, 2)}));
    const auto report = history.file->commit();
    REQUIRE_FALSE(report);
    REQUIRE(report.error().code == Errc::io);
    REQUIRE(report.error().retryable);
    // What could not be written is served from memory, and what comes is taken up to the bound of the queue.
    REQUIRE(history.select({named("g")}, kAlways).size() == 2);
    REQUIRE_FALSE(history.file->stats().trouble.empty());
    for (int i = 2; i < 4; ++i)
      history.append(snapshot("c", history.clock.now() + Millis(i), {gauge("g", {{"s", "b"}}, i)}));
    const auto full = history.file->append(snapshot("c", history.clock.now() + Millis(4), {}));
    REQUIRE_FALSE(full);
    REQUIRE(full.error().code == Errc::unavailable);
    other.exec("ROLLBACK");
  }
  const auto report = history.commit();
  REQUIRE(report.snapshots == 2);
  REQUIRE(history.file->stats().trouble.empty());
  REQUIRE(history.select({named("g")}, kAlways).size() == 2);
  history.open({dir.file("history.db")});
  const auto found = history.select({named("g")}, kAlways);
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].samples.size() == 2);  // with its stale marker
  REQUIRE(found[1].samples.size() == 3);
}

TEST_CASE("a pipe or a device that is named as a file is refused and keeps its mode") {
  TempDir dir;
  const std::string pipe = dir.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0644) == 0);
  const auto made = store::create_private(pipe);
  REQUIRE_FALSE(made);
  CHECK(made.error().message == pipe + " is not a regular file; name a file of its own");
  CHECK_FALSE(store::FileLock::take(pipe));
  CHECK_FALSE(std::filesystem::exists(pipe + ".lock"));
  struct stat found{};
  REQUIRE(::stat(pipe.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0644);
}

TEST_CASE("the log is brought into the file once it is full again, not at every commit after it was") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file, 4 << 20);
  double value = 0;
  const auto tick = [&] {
    history.clock.advance(Millis(10'000));
    std::vector<SeriesSample> samples;
    for (int i = 0; i < 100; ++i) samples.push_back(gauge("g", {{"of", std::to_string(i)}}, value += 0.37));
    history.append(snapshot("c", history.clock.now(), std::move(samples)));
    history.commit();
  };
  const auto content = [&] {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  constexpr std::int64_t kLog = 128 << 10;
  for (int i = 0; i < 1'000 && store::bytes_of(file + "-wal") < kLog / 8 * 7; ++i) tick();
  REQUIRE(store::bytes_of(file + "-wal") >= kLog / 8 * 7);
  int written = 0;
  for (int i = 0; i < 20; ++i) {
    const auto before = content();
    tick();
    written += content() != before ? 1 : 0;
    CHECK(store::bytes_of(file + "-wal") <= 2 * kLog);
  }
  CHECK(written > 0);
  CHECK(written <= 5);
}
