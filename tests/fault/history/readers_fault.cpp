#include <atomic>
#include <random>
#include <thread>

#include "agent/store/files.hpp"
#include "tests/fault/history/trace.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kReaders = 8;
constexpr int kSeries = 60;
constexpr std::int64_t kCap = 8LL << 20;
// Source: the log is checkpointed at 4 MB; a reader can hold that up for as long as one of its transactions.
constexpr std::int64_t kLargestLog = 16LL << 20;

// Only memory shared by value: assertions of the test framework belong to one thread.
struct Reading {
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> newest{-1}, reads{0}, wrong{0}, failed{0};
};

}  // namespace

TEST_CASE("readers: eight at once see only right values while blocks are sealed, deleted and checkpointed") {
  const auto seed = fault_seed();
  INFO("PGTEND_SEED=" << seed);
  TempDir dir;
  const auto path = dir.file("history.db");
  FakeClock clock;
  const Trace trace(kSeries, clock.now());
  FaultStore store;
  auto options = FaultStore::options(path, kCap);
  // Old enough samples go while this runs.
  options.retention = Millis(600'000);
  REQUIRE(store.open(options, clock));
  REQUIRE(store.write(trace.snapshot(0)));
  Reading reading;
  std::vector<std::thread> threads;
  for (int r = 0; r < kReaders; ++r) {
    auto opened = store.file->reader();
    REQUIRE(opened);
    threads.emplace_back([&trace, &reading, random = std::mt19937_64(seed + static_cast<unsigned>(r)),
                          reader = std::shared_ptr<HistoryReader>(std::move(*opened))]() mutable {
      while (!reading.stop) {
        const std::int64_t newest = reading.newest;
        // Within the retention: what is older comes from the five-minute copy, which has other times and values.
        const std::int64_t back = static_cast<std::int64_t>(random() % 50);
        const auto check = trace.check(*reader, std::max<std::int64_t>(0, newest - back), newest);
        if (!check) {
          ++reading.failed;
          continue;
        }
        ++reading.reads;
        reading.wrong += check->wrong;
      }
    });
  }
  const int ticks = fault_rounds(100, 3'000);
  std::int64_t largest_log = 0;
  bool written = true;
  for (int tick = 1; tick < ticks && written; ++tick) {
    clock.advance(trace.time(tick) - clock.now());
    written = store.write(trace.snapshot(tick)).has_value();
    reading.newest = tick;
    largest_log = std::max(largest_log, store::bytes_of(path + "-wal"));
  }
  reading.stop = true;
  for (auto& thread : threads) thread.join();
  REQUIRE(written);
  CAPTURE(reading.reads.load(), reading.failed.load(), largest_log);
  CHECK(reading.reads > kReaders);
  CHECK(reading.wrong == 0);
  CHECK(reading.failed == 0);
  CHECK(largest_log <= kLargestLog);
}
