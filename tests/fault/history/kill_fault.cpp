#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <random>

#include "tests/fault/history/trace.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kSeries = 300;  // more than the 256 slots of one block
constexpr int kTicksBetweenKills = 14;

const Trace kTrace(kSeries, FakeClock().now());

// Writes ticks after `from` until it is killed; says each number once it is acknowledged.
[[noreturn]] void write_until_killed(const std::string& path, int from, int out) {
  FakeClock clock;
  clock.advance(kTrace.time(from) - clock.now());
  FaultStore store;
  if (!store.open(FaultStore::options(path), clock)) ::_exit(2);
  for (int tick = from + 1;; ++tick) {
    clock.advance(kTrace.time(tick) - clock.now());
    if (!store.write(kTrace.snapshot(tick))) ::_exit(3);
    if (::write(out, &tick, sizeof tick) != sizeof tick) ::_exit(4);
  }
}

// The last tick acknowledged before the kill; -1 when the writer ended by itself.
int run_and_kill(const std::string& path, int from, int after_ticks, int then_us) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) write_until_killed(path, from, ends[1]);
  ::close(ends[1]);
  int last = from, tick = 0;
  const auto take = [&](int timeout_ms) {
    pollfd ready{ends[0], POLLIN, 0};
    if (::poll(&ready, 1, timeout_ms) != 1) return false;
    if (::read(ends[0], &tick, sizeof tick) != sizeof tick) return false;
    last = tick;
    return true;
  };
  bool alive = true;
  for (int i = 0; i < after_ticks && alive; ++i) alive = take(60'000);
  // Somewhere inside the next round, which is what the test is about.
  ::usleep(static_cast<useconds_t>(then_us));
  ::kill(child, SIGKILL);
  while (take(1'000)) {
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ends[0]);
  return alive && WIFSIGNALED(status) ? last : -1;
}

}  // namespace

TEST_CASE("kill: no acknowledged tick is lost and the file is sound, whenever the writer is killed") {
  const auto seed = fault_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  TempDir dir;
  const auto path = dir.file("history.db");
  const int rounds = fault_rounds(4, 200);
  int from = -1;
  double slowest = 0;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round, from);
    const int said = run_and_kill(path, from, 1 + static_cast<int>(random() % kTicksBetweenKills),
                                  static_cast<int>(random() % 15'000));
    REQUIRE(said > from);
    FakeClock clock;
    clock.advance(kTrace.time(said) - clock.now());
    const auto began = std::chrono::steady_clock::now();
    FaultStore store;
    REQUIRE(store.open(FaultStore::options(path), clock));
    // Every tick since the last kill, and everything at the end.
    const auto recent = store.check(kTrace, std::max(0, from), said);
    slowest = std::max(slowest, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    REQUIRE(recent);
    CHECK(recent->missing == 0);
    CHECK(recent->wrong == 0);
    CHECK_FALSE(store.file->moved_aside());
    if (round + 1 == rounds) {
      const auto all = store.check(kTrace, 0, said);
      REQUIRE(all);
      CHECK(all->missing == 0);
      CHECK(all->wrong == 0);
    }
    // The tick in flight may be there although nobody was told, but whole or not at all.
    const auto in_flight = store.check(kTrace, said + 1, said + 1);
    REQUIRE(in_flight);
    CHECK((in_flight->missing == 0 || in_flight->missing == kSeries));
    from = in_flight->missing == 0 ? said + 1 : said;
    store.file.reset();
    REQUIRE(RawDatabase(path).value("PRAGMA integrity_check") == "ok");
  }
  CHECK(slowest <= 1.0);
  report_row("P20", "kill -9 x " + std::to_string(rounds) + ", slowest restart to serving",
             std::to_string(static_cast<int>(slowest * 1'000)) + " ms, 0 lost", "0 lost, <= 1 s", slowest <= 1.0);
}
