#include <algorithm>
#include <random>

#include "tests/fault/history/trace.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kSeries = 30;
constexpr int kTicksEach = 245;  // so that blocks are sealed on both sides of a step

struct Written {
  UtcTime at;
  std::int64_t tick;
};

// Every tick that was written is there under its own time; of two at one time, one is.
std::int64_t missing_ticks(const FaultStore& store, const std::vector<Written>& written) {
  std::map<UtcTime, std::vector<std::int64_t>> by_time;
  for (const auto& each : written) by_time[each.at].push_back(each.tick);
  auto reader = store.file->reader();
  REQUIRE(reader);
  auto found = (*reader)->select({named("trace")}, {from_ms(0), from_ms(4'000'000'000'000)}, 100'000'000);
  INFO((found ? std::string() : found.error().describe()));
  REQUIRE(found);
  std::int64_t missing = 0;
  for (const auto& series : *found) {
    const int s = std::stoi(std::string(series.key.labels.get("s")));
    std::map<UtcTime, double> there;
    for (const auto& sample : series.samples) there[sample.time] = sample.value;
    for (const auto& [at, ticks] : by_time) {
      const auto value = there.find(at);
      const bool right = value != there.end() && std::any_of(ticks.begin(), ticks.end(), [&](std::int64_t tick) {
                           return bits(value->second) == bits(Trace::value(s, tick));
                         });
      missing += right ? 0 : 1;
    }
  }
  return missing + (kSeries - static_cast<std::int64_t>(found->size())) * static_cast<std::int64_t>(by_time.size());
}

}  // namespace

TEST_CASE("time: steps of the wall clock lose no tick and purge nothing") {
  using std::chrono::days;
  using std::chrono::years;
  const auto seed = fault_seed();
  INFO("PGTEND_SEED=" << seed);
  std::vector<std::pair<const char*, Millis>> steps{
      {"-1 d", -days(1)}, {"+1 d", days(1)}, {"+10 y", std::chrono::duration_cast<Millis>(years(10))}};
  // The slice takes one of them.
  std::shuffle(steps.begin(), steps.end(), std::mt19937(seed));
  steps.resize(static_cast<std::size_t>(fault_rounds(1, 3)));
  std::int64_t lost = 0;
  for (const auto& [name, step] : steps) {
    CAPTURE(name);
    TempDir dir;
    FakeClock clock;
    FaultStore store;
    REQUIRE(store.open(FaultStore::options(dir.file("history.db")), clock));
    std::vector<Written> written;
    const Trace trace(kSeries, clock.now());
    std::int64_t tick = 0;
    const auto run = [&](int ticks) {
      for (int i = 0; i < ticks; ++i, ++tick) {
        clock.advance(Millis(10'000));
        REQUIRE(store.write(trace.snapshot_at(tick, clock.now())));
        written.push_back({clock.now(), tick});
      }
    };
    run(kTicksEach);
    clock.step(step);
    run(kTicksEach);
    CHECK(missing_ticks(store, written) == 0);
    // And back to the right time, which is a step too.
    clock.step(-step);
    run(kTicksEach);
    CHECK(missing_ticks(store, written) == 0);
    // A restart in the middle of it changes nothing.
    REQUIRE(store.open(FaultStore::options(dir.file("history.db")), clock));
    const auto missing = missing_ticks(store, written);
    CHECK(missing == 0);
    lost += missing;
  }
  report_row("P25", "clock -1 d, +1 d, +10 y: samples lost or purged", std::to_string(lost), "0", lost == 0);
}
