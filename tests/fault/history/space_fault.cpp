#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "agent/store/files.hpp"
#include "tests/fault/history/power_vfs.hpp"
#include "tests/fault/history/trace.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kSeries = 200;
constexpr int kLongestWait = 2'000;  // ticks until a full disk is noticed
const Trace kTrace(kSeries, FakeClock().now());

std::int64_t all_bytes(const std::filesystem::path& folder) {
  std::int64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("history.db") && entry.is_regular_file())
      bytes += static_cast<std::int64_t>(entry.file_size());
  return bytes;
}

// Fills the place with the store's own file in it, frees it again, and looks at what is missing afterwards.
template <class Fill, class Free>
void run_full_disk(const std::string& path, const std::string& place, Fill fill, Free release) {
  FakeClock clock;
  FaultStore store;
  auto options = FaultStore::options(path);
  options.queue_snapshots = 20;
  REQUIRE(store.open(options, clock));
  int tick = 0, refused = 0;
  const auto write = [&] {
    clock.advance(kTrace.time(tick) - clock.now());
    const bool written = store.write(kTrace.snapshot(tick)).has_value();
    ++tick;
    return written;
  };
  for (int i = 0; i < 60; ++i) REQUIRE(write());
  const int last_before = tick - 1;
  fill();
  // A store that has put space aside goes on for a while; whoever fills the disk goes on, too.
  for (int i = 0; i < kLongestWait && refused < 20; ++i) {
    refused += write() ? 0 : 1;
    if (i % 10 == 0) fill();
  }
  CHECK(refused == 20);
  // Queries go on.
  const auto during = store.check(kTrace, 0, last_before);
  REQUIRE(during);
  CHECK(during->missing == 0);
  CHECK(during->wrong == 0);
  release();
  // It resumes by itself: no other call than those of every tick.
  int until_written = 0;
  while (!write() && until_written < 10) ++until_written;
  CHECK(until_written <= 2);
  const int first_after = tick - 1;
  for (int i = 0; i < 60; ++i) REQUIRE(write());
  const auto before = store.check(kTrace, 0, last_before), after = store.check(kTrace, first_after, tick - 1);
  REQUIRE(before);
  REQUIRE(after);
  CHECK(before->missing == 0);
  CHECK(after->missing == 0);
  const auto whole = store.check(kTrace, 0, tick - 1);
  REQUIRE(whole);
  CHECK(whole->wrong == 0);
  const bool met = before->missing + after->missing + whole->wrong == 0 && until_written <= 2;
  report_row("P22", "full " + place + ": samples missing outside the gap",
             std::to_string(before->missing + after->missing), "0, resumes alone", met);
}

}  // namespace

TEST_CASE("space: a disk that is full for a while costs only the time in which it was full") {
  TempDir dir;
  PowerDisk disk;
  run_full_disk(
      dir.file("history.db"), "disk (every growing write fails)", [&] { disk.set_capacity(1); },
      [&] { disk.set_capacity(0); });
}

TEST_CASE("space: the same on a small file system that is really full") {
  // Only root may mount one; the case above needs nobody's leave.
  if (::geteuid() != 0) {
    WARN("not root: no tmpfs of its own");
    return;
  }
  TempDir dir;
  const auto place = dir.path() / "small";
  std::filesystem::create_directory(place);
  if (::mount("tmpfs", place.c_str(), "tmpfs", 0, "size=32m") != 0) {
    WARN("this machine does not let us mount a tmpfs");
    return;
  }
  const auto filler = place / "filler";
  run_full_disk((place / "history.db").string(), "tmpfs",
                [&] {
                  std::ofstream out(filler, std::ios::binary);
                  const std::string block(4096, 'x');
                  while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
                  }
                },
                [&] { std::filesystem::remove(filler); });
  CHECK(::umount2(place.c_str(), MNT_DETACH) == 0);
}

TEST_CASE("space: five times more than the cap holds never exceeds it") {
  const auto seed = fault_seed();
  INFO("PGTEND_SEED=" << seed);
  TempDir dir;
  const auto path = dir.file("history.db");
  FakeClock clock;
  FaultStore store;
  // Random values take eight bytes each and a day of 10 s ticks is 8,640 of them.
  const int ticks = fault_rounds(80, 8'640);
  constexpr int kRandomSeries = 500;
  const std::int64_t cap =
      std::max<std::int64_t>(store::kMinHistoryBytes, static_cast<std::int64_t>(ticks) * kRandomSeries * 8 / 5);
  auto options = FaultStore::options(path, cap);
  REQUIRE(store.open(options, clock));
  std::mt19937_64 random(seed);
  std::int64_t largest = 0;
  for (int tick = 0; tick < ticks; ++tick) {
    clock.advance(Millis(10'000));
    std::vector<SeriesSample> samples;
    for (int s = 0; s < kRandomSeries; ++s)
      samples.push_back(
          gauge("noise", {{"s", std::to_string(s)}}, std::ldexp(static_cast<double>(random() >> 11), -53)));
    const auto written = store.write(snapshot("noise", clock.now(), std::move(samples)));
    INFO((written ? std::string() : written.error().describe()));
    REQUIRE(written);
    largest = std::max(largest, all_bytes(dir.path()));
  }
  CAPTURE(cap, largest);
  CHECK(largest <= cap);
  // The newest are still there.
  const auto stats = store.file->stats();
  REQUIRE(stats.newest);
  CHECK(*stats.newest == clock.now());
  // The slice writes less than the smallest cap, and shows only that the files stay below it.
  if (ticks * kRandomSeries * 8LL > cap) CHECK(stats.deleted_by_cap > 0);
  report_row("P24", std::to_string(ticks) + " ticks of 5 x the cap: largest size / cap",
             std::to_string(static_cast<double>(largest) / static_cast<double>(cap)).substr(0, 5), "<= 1 at any poll",
             largest <= cap);
}
