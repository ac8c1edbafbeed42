#include <algorithm>
#include <random>

#include "tests/fault/history/power_vfs.hpp"
#include "tests/fault/history/trace.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Long enough for blocks to be sealed (at 240 ticks) and the log to be checkpointed.
constexpr int kTicks = 260;
constexpr int kSeries = 24;
const Trace kTrace(kSeries, FakeClock().now());

// Writes until the power goes; the last tick acknowledged, -1 when there was none.
int write_until_cut(const std::string& path) {
  FakeClock clock;
  FaultStore store;
  if (!store.open(FaultStore::options(path), clock)) return -1;
  int last = -1;
  for (int tick = 0; tick < kTicks; ++tick) {
    clock.advance(kTrace.time(tick) - clock.now());
    if (!store.write(kTrace.snapshot(tick))) break;
    last = tick;
  }
  return last;
}

std::int64_t operations_of_whole_run() {
  TempDir dir;
  PowerDisk disk;
  REQUIRE(write_until_cut(dir.file("history.db")) == kTicks - 1);
  return disk.operations();
}

struct AfterCut {
  int acknowledged = -1;
  TraceCheck check;
  bool moved_aside = false;
};

AfterCut cut_and_restart(std::int64_t operation, std::mt19937& random) {
  TempDir before, after;
  AfterCut out;
  {
    PowerDisk disk;
    disk.cut_before(operation);
    out.acknowledged = write_until_cut(before.file("history.db"));
    disk.restore_into(after.path().string(), random);
  }
  FakeClock clock;
  clock.advance(kTrace.time(std::max(out.acknowledged, 0)) - clock.now());
  FaultStore store;
  REQUIRE(store.open(FaultStore::options(after.file("history.db")), clock));
  out.moved_aside = store.file->moved_aside().has_value();
  if (out.acknowledged >= 0) {
    const auto check = store.check(kTrace, 0, out.acknowledged);
    REQUIRE(check);
    out.check = *check;
  }
  // What was in flight may be there or not, but never in part.
  const auto in_flight = store.check(kTrace, out.acknowledged + 1, out.acknowledged + 1);
  REQUIRE(in_flight);
  CHECK((in_flight->missing == 0 || in_flight->missing == kSeries));
  CHECK(in_flight->wrong == 0);
  // And the store goes on.
  clock.advance(Millis(60'000));
  REQUIRE(store.write(kTrace.snapshot(out.acknowledged + 6)));
  return out;
}

}  // namespace

TEST_CASE("power: a cut at any write loses nothing acknowledged and serves nothing torn") {
  const auto seed = fault_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  const auto operations = operations_of_whole_run();
  REQUIRE(operations > kTicks);
  const auto cuts = fault_rounds(5, static_cast<int>(operations));
  std::int64_t lost = 0, wrong = 0;
  for (int i = 0; i < cuts; ++i) {
    // Under ./dev fault history every write once; in the slice an arbitrary few.
    const auto operation =
        cuts == operations ? i + 1 : 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(operations));
    CAPTURE(operation, operations);
    const auto result = cut_and_restart(operation, random);
    CAPTURE(result.acknowledged, result.check.first_missing_tick);
    CHECK(result.check.missing == 0);
    CHECK(result.check.wrong == 0);
    // A file that was never acknowledged to hold anything may be found half made.
    if (result.acknowledged >= 0) CHECK_FALSE(result.moved_aside);
    lost += result.check.missing;
    wrong += result.check.wrong;
  }
  report_row("P21", "power cut at " + std::to_string(cuts) + " of " + std::to_string(operations) + " writes",
             std::to_string(lost) + " lost, " + std::to_string(wrong) + " torn", "0 lost, 0 torn",
             lost == 0 && wrong == 0);
}

TEST_CASE("power: the disk that the test uses does lose what was not synced") {
  TempDir before, after;
  std::mt19937 random(1);
  {
    PowerDisk disk;
    RawDatabase raw(before.file("loose.db"));
    raw.exec("PRAGMA journal_mode=WAL");
    raw.exec("PRAGMA synchronous=OFF");
    raw.exec("CREATE TABLE t(x)");
    for (int i = 0; i < 50; ++i) raw.exec("INSERT INTO t VALUES (randomblob(2000))");
    REQUIRE(raw.value("SELECT count(*) FROM t") == "50");
    disk.restore_into(after.path().string(), random);
  }
  RawDatabase raw(after.file("loose.db"));
  const bool reads = raw.try_exec("SELECT sum(length(x)) FROM t") == SQLITE_OK;
  CHECK_FALSE((reads && raw.value("SELECT count(*) FROM t") == "50"));
}
