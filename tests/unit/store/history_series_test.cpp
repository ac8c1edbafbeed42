#include <algorithm>
#include <cmath>
#include <random>

#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::vector<bool> stale_pattern(const SeriesData& series) {
  std::vector<bool> out;
  for (const auto& sample : series.samples) out.push_back(is_stale(sample.value));
  return out;
}

// Times, values and where epochs begin, without stale markers.
std::vector<std::tuple<UtcTime, std::uint64_t, bool>> unmarked(const SeriesData& series) {
  std::vector<std::tuple<UtcTime, std::uint64_t, bool>> out;
  bool starts = false;
  for (std::size_t i = 0; i < series.samples.size(); ++i) {
    const auto& edges = series.epoch_starts;
    starts = starts || std::find(edges.begin(), edges.end(), i) != edges.end();
    if (is_stale(series.samples[i].value)) continue;
    out.emplace_back(series.samples[i].time, bits(series.samples[i].value), !out.empty() && starts);
    starts = false;
  }
  return out;
}

SeriesData whole_of(History& history, const SeriesKey& key, TimeRange range) {
  for (auto& series : history.select({}, range))
    if (series.key == key) return series;
  return {};
}

}  // namespace

TEST_CASE("a series that is absent from the next ok snapshot of its collector gets one stale marker") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  const auto both = [&](int i) {
    return snapshot("c", t0 + Millis(i), {gauge("g", {{"s", "stays"}}, i), gauge("g", {{"s", "goes"}}, i)});
  };
  const auto one = [&](int i) { return snapshot("c", t0 + Millis(i), {gauge("g", {{"s", "stays"}}, i)}); };
  history.append(both(1));
  history.append(one(2));
  history.append(one(3));
  history.append(snapshot("other", t0 + Millis(4), {}));
  history.append(snapshot("c", t0 + Millis(5), {}, CollectStatus::ok, "another_database"));
  history.append(both(6));
  REQUIRE(history.commit().stale_markers == 1);
  const auto found = history.select({named("g")}, kAlways);
  REQUIRE(found.size() == 2);
  REQUIRE(stale_pattern(found[1]) == std::vector<bool>{false, false, false, false});
  REQUIRE(found[0].key.labels.get("s") == "goes");
  REQUIRE(stale_pattern(found[0]) == std::vector<bool>{false, true, false});
  REQUIRE(found[0].samples[1].time == t0 + Millis(2));
}

TEST_CASE("a collector that fails leaves a gap and no stale markers") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  const auto at = [&](int s) { return t0 + Millis(1'000 * s); };
  history.append(snapshot("c", at(0), {gauge("g", {}, 1)}));
  history.append(snapshot("c", at(10), {}, CollectStatus::timeout));
  history.append(snapshot("c", at(20), {}, CollectStatus::timeout));
  history.commit();
  auto gaps = history.gaps();
  REQUIRE(gaps.size() == 1);
  REQUIRE(gaps[0].range.to == at(30));  // nothing will be known before the next run is due
  history.append(snapshot("c", at(30), {}, CollectStatus::unavailable));
  history.append(snapshot("c", at(35), {gauge("g", {}, 2)}));
  REQUIRE(history.commit().stale_markers == 0);
  gaps = history.gaps();
  REQUIRE(gaps.size() == 2);
  REQUIRE(gaps[0].collector == "c");
  REQUIRE(gaps[0].reason == "timeout");
  REQUIRE(gaps[0].range.from == at(10));
  REQUIRE(gaps[0].range.to == at(30) - Millis(1));
  REQUIRE(gaps[1].reason == "unavailable");
  REQUIRE(gaps[1].range.from == at(30));
  REQUIRE(gaps[1].range.to == at(35) - Millis(1));
  REQUIRE(stale_pattern(history.select({named("g")}, kAlways)[0]) == std::vector<bool>{false, false});
}

TEST_CASE("a series that a run left out by its limit is not called gone until a whole run lacks it") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  const auto run = [&](int at, std::vector<SeriesSample> samples, std::size_t left_out) {
    auto one = std::make_shared<Snapshot>(*snapshot("tables", t0 + Millis(at), std::move(samples)));
    one->left_out = left_out;
    history.append(one);
    return history.commit().stale_markers;
  };
  REQUIRE(run(0, {gauge("g", {{"t", "a"}}, 1), gauge("g", {{"t", "b"}}, 1)}, 0) == 0);
  CHECK(run(1, {gauge("g", {{"t", "b"}}, 2)}, 1) == 0);
  CHECK(run(2, {}, 2) == 0);
  CHECK(run(3, {gauge("g", {{"t", "b"}}, 3)}, 0) == 1);
}

TEST_CASE("what a partly failed run brought is stored, and what it did not bring is not called gone") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  history.append(snapshot("sizes", t0, {gauge("g", {{"t", "a"}}, 1), gauge("g", {{"t", "b"}}, 1)}));
  history.append(snapshot("sizes", t0 + Millis(1), {gauge("g", {{"t", "a"}}, 2)}, CollectStatus::locked));
  REQUIRE(history.commit().stale_markers == 0);
  history.append(snapshot("sizes", t0 + Millis(2), {gauge("g", {{"t", "a"}}, 3)}));
  REQUIRE(history.commit().stale_markers == 1);
}

TEST_CASE("the time in which the agent was down is a gap, and what vanished meanwhile gets its stale marker") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  history.append(snapshot("c", t0, {gauge("g", {{"s", "a"}}, 1), gauge("g", {{"s", "b"}}, 1)}));
  history.append(snapshot("d", t0 + Millis(500), {}, CollectStatus::error));
  history.commit();
  history.clock.advance(Millis(60'000));
  history.open({dir.file("history.db")});
  auto gaps = history.gaps();
  REQUIRE(gaps.size() == 2);
  REQUIRE(gaps[1].collector == "*");
  REQUIRE(gaps[1].reason == "agent_down");
  REQUIRE(gaps[1].range.from == t0 + Millis(500));
  REQUIRE(gaps[1].range.to == t0 + Millis(60'000));
  history.append(snapshot("c", history.clock.now(), {gauge("g", {{"s", "a"}}, 1)}));
  history.append(snapshot("c", history.clock.now() + Millis(1), {gauge("g", {{"s", "a"}}, 1)}));
  history.append(snapshot("d", history.clock.now(), {}, CollectStatus::error));
  REQUIRE(history.commit().stale_markers == 1);
  REQUIRE(history.gaps().size() == 3);  // an open gap does not reach over the time the agent was down
}

TEST_CASE("a counter's new epoch starts where its statistics were reset, whatever the value does") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  const auto add = [&](int i, double value, std::uint64_t epoch) {
    history.append(
        snapshot("c", t0 + Millis(10'000 * i), {counter("n_total", {}, value, epoch), gauge("n", {}, value)}));
  };
  add(0, 100, 0xffffffffffffffffULL);
  add(1, 50, 0xffffffffffffffffULL);  // fell without a reset: eviction or crash is the reader's business
  add(2, 500, 8);                     // rose through a reset
  history.commit();
  history.open({dir.file("history.db")});
  add(3, 600, 8);  // the same epoch after the agent's restart
  add(4, 1, 9);
  history.commit();
  const auto found = history.select({named("n_total")}, kAlways);
  REQUIRE(found[0].samples.size() == 5);
  REQUIRE(found[0].epoch_starts == std::vector<std::size_t>{2, 4});
  REQUIRE(history.select({named("n")}, kAlways)[0].epoch_starts.empty());
  // A range that begins at a reset has no boundary inside.
  REQUIRE(history.select({named("n_total")}, {t0 + Millis(20'000), t0 + Millis(30'000)})[0].epoch_starts.empty());
  auto reader = history.file->reader();
  const auto resets = (*reader)->resets(kAlways);
  REQUIRE(resets);
  REQUIRE(resets->size() == 2);
  REQUIRE((*resets)[0].key.name == "n_total");
  REQUIRE((*resets)[0].at == t0 + Millis(20'000));
  REQUIRE((*reader)->resets({t0, t0 + Millis(19'999)})->empty());
}

TEST_CASE("after the clock went back no rate crosses from one pass to the other") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  const auto add = [&](int second, double value) {
    history.append(snapshot("c", t0 + Millis(1'000 * second), {counter("n_total", {}, value, 1)}));
  };
  add(0, 10);
  add(10, 20);
  add(20, 30);
  add(5, 40);  // the clock went back by fifteen seconds
  add(15, 50);
  add(25, 60);
  add(35, 70);
  history.commit();
  const auto found = history.select({named("n_total")}, kAlways);
  const auto values = [](const SeriesData& series) {
    std::vector<double> out;
    for (const auto& sample : series.samples) out.push_back(sample.value);
    return out;
  };
  // The newer pass wins where both are.
  REQUIRE(values(found[0]) == std::vector<double>{10, 40, 50, 60, 70});
  REQUIRE(found[0].epoch_starts == std::vector<std::size_t>{1});
  // Nothing is lost.
  ReadHints both;
  both.every_pass = true;
  const auto all = history.select({named("n_total")}, kAlways, both);
  REQUIRE(values(all[0]) == std::vector<double>{10, 40, 20, 50, 30, 60, 70});
  // Within an epoch a counter must rise.
  for (std::size_t i = 1; i < all[0].samples.size(); ++i) {
    CAPTURE(i);
    const bool starts = std::count(all[0].epoch_starts.begin(), all[0].epoch_starts.end(), i) == 1;
    REQUIRE((starts || all[0].samples[i].value > all[0].samples[i - 1].value));
  }
  history.seal();
  REQUIRE(values(history.select({named("n_total")}, kAlways)[0]) == std::vector<double>{10, 40, 50, 60, 70});
  REQUIRE(values(history.select({named("n_total")}, kAlways, both)[0]) == values(all[0]));
  auto reader = history.file->reader();
  REQUIRE((*reader)->resets(kAlways)->empty());
}

TEST_CASE("labels that are not UTF-8 are stored once, with the bad bytes replaced") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  for (int i = 0; i < 3; ++i) history.append(snapshot("c", t0 + Millis(i), {gauge("g", {{"db", "caf\xe9"}}, i)}));
  REQUIRE(history.commit().new_series == 1);
  REQUIRE(history.select({named("g")}, kAlways)[0].samples.size() == 3);
}

TEST_CASE("where samples fall is told as one who looks at each finds it, or not at all") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  const auto one_in = [&](int n) { return std::uniform_int_distribution<int>(1, n)(random) == 1; };
  TempDir dir;
  History history(dir.file("history.db"));
  constexpr int kSeries = 12, kTicks = 700;
  std::vector<double> value(kSeries, 0);
  std::vector<std::uint64_t> epoch(kSeries, 0);
  for (int tick = 0; tick < kTicks; ++tick) {
    history.clock.advance(Millis(10'000));
    // The clock goes back once: samples are then not in order of time.
    if (tick == 400) history.clock.step(Millis(-1'200'000));
    std::vector<SeriesSample> samples;
    for (int i = 0; i < kSeries; ++i) {
      const auto of = static_cast<std::size_t>(i);
      if (one_in(3)) value[of] += 1;
      if (one_in(40)) value[of] = 0;
      if (one_in(90)) ++epoch[of];
      // The first half of them is there at each tick.
      if (i >= kSeries / 2 && one_in(30)) continue;
      samples.push_back(counter("c", {{"of", std::to_string(i)}}, one_in(200) ? std::nan("") : value[of], epoch[of]));
    }
    history.append(snapshot("c", history.clock.now(), std::move(samples)));
    history.commit();
  }
  std::size_t told = 0, untold = 0;
  const auto end = history.clock.now();
  const auto look = [&] {
    for (int i = 0; i < 60; ++i) {
      const auto back = std::uniform_int_distribution<int>(1, kTicks * 10'000)(random);
      const auto length = std::uniform_int_distribution<int>(0, back)(random);
      const TimeRange range{end - Millis(back), end - Millis(back - length)};
      ReadHints hints;
      hints.stale_markers = one_in(2);
      for (const auto& series : history.select({}, range, hints)) {
        ++(series.falls ? told : untold);
        if (!hints.stale_markers) {
          const auto mine = unmarked(series), whole = unmarked(whole_of(history, series.key, range));
          const auto differ = std::mismatch(mine.begin(), mine.end(), whole.begin(), whole.end());
          CAPTURE(to_ms(range.from), to_ms(range.to), series.falls.has_value(), differ.first - mine.begin(),
                  mine.size(), whole.size());
          REQUIRE((differ.first == mine.end() && differ.second == whole.end()));
        }
        if (!series.falls) continue;
        std::vector<std::size_t> falls;
        for (std::size_t at = 0; at < series.samples.size(); ++at) {
          REQUIRE_FALSE(is_stale(series.samples[at].value));
          if (at == 0) continue;
          REQUIRE(series.samples[at].time > series.samples[at - 1].time);
          if (series.samples[at].value < series.samples[at - 1].value) falls.push_back(at);
        }
        REQUIRE(*series.falls == falls);
      }
    }
  };
  look();
  history.seal();
  look();
  CHECK(told > 100);
  CHECK(untold > 0);
}
