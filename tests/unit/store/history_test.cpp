#include <limits>
#include <map>

#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("a reader sees what was committed, at once and in order of time") {
  TempDir dir;
  History history(dir.file("history.db"));
  auto reader = history.file->reader();
  REQUIRE(reader);
  const auto t0 = history.clock.now();
  for (int i = 0; i < 100; ++i)
    history.append(
        snapshot("c", t0 + Millis(10'000 * i), {gauge("load", {{"cpu", "0"}}, i), gauge("load", {{"cpu", "1"}}, -i)}));
  const auto report = history.commit();
  REQUIRE(report.samples == 200);
  REQUIRE(report.new_series == 2);
  auto found = (*reader)->select({named("load")}, {t0 + Millis(5'000), t0 + Millis(300'000)}, 1'000);
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  for (const auto& series : *found) {
    REQUIRE(series.samples.size() == 30);
    for (int i = 0; i < 30; ++i) {
      REQUIRE(series.samples[static_cast<std::size_t>(i)].time == t0 + Millis(10'000 * (i + 1)));
      REQUIRE(std::abs(series.samples[static_cast<std::size_t>(i)].value) == i + 1);
    }
  }
  REQUIRE(history.file->stats().samples == 200);
  REQUIRE(history.file->stats().series == 2);
  REQUIRE(history.file->stats().oldest == t0);
  REQUIRE(history.file->stats().newest == t0 + Millis(990'000));
}

TEST_CASE("every double comes back with its bits, NaN payloads and stale markers included") {
  TempDir dir;
  History history(dir.file("history.db"));
  const std::vector<double> values = {0.0,
                                      -0.0,
                                      1.5,
                                      1e308,
                                      -1e-308,
                                      5e-324,
                                      9007199254740993.0,
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN(),
                                      stale_marker(),
                                      std::bit_cast<double>(0x7ff8000000abcdefULL)};
  const auto t0 = history.clock.now();
  for (std::size_t i = 0; i < values.size(); ++i)
    history.append(snapshot("c", t0 + Millis(static_cast<int>(i)), {gauge("g", {}, values[i])}));
  history.commit();
  const auto found = history.select({named("g")}, kAlways);
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].samples.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    REQUIRE(bits(found[0].samples[i].value) == bits(values[i]));
  }
}

TEST_CASE("a second sample of the same moment replaces the first and is counted once") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  history.append(snapshot("c", t0, {gauge("g", {}, 1)}));
  history.append(snapshot("c", t0, {gauge("g", {}, 2)}));
  history.commit();
  const auto found = history.select({named("g")}, kAlways);
  REQUIRE(found[0].samples.size() == 1);
  REQUIRE(found[0].samples[0].value == 2);
  REQUIRE(history.file->stats().samples == 1);
}

TEST_CASE("all four matchers select by name and labels, an absent label being the empty value") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto t0 = history.clock.now();
  history.append(snapshot("c", t0,
                          {gauge("a_total", {{"db", "shop"}}, 1), gauge("a_total", {{"db", "crm"}}, 2),
                           gauge("b_total", {{"db", "shop"}, {"mode", "x"}}, 3), gauge("c", {}, 4)}));
  history.commit();
  const auto names = [&](std::vector<Matcher> matchers) {
    std::string out;
    auto reader = history.file->reader();
    auto keys = (*reader)->series(matchers, kAlways);
    REQUIRE(keys);
    for (const auto& key : *keys) out += to_string(key) + " ";
    return out;
  };
  const auto make = [](const char* label, MatchOp op, const char* value) { return *Matcher::make(label, op, value); };
  REQUIRE(names({named("a_total")}) == "a_total{db=\"crm\"} a_total{db=\"shop\"} ");
  REQUIRE(names({make("__name__", MatchOp::regex, ".*_total"), make("db", MatchOp::equal, "shop")}) ==
          "a_total{db=\"shop\"} b_total{db=\"shop\",mode=\"x\"} ");
  REQUIRE(names({make("mode", MatchOp::equal, ""), make("db", MatchOp::not_regex, "s.*")}) == "a_total{db=\"crm\"} c ");
  REQUIRE(names({make("db", MatchOp::not_equal, "shop")}) == "a_total{db=\"crm\"} c ");
  REQUIRE(names({named("nothing")}).empty());
  // Only series with a sample in the range.
  auto reader = history.file->reader();
  REQUIRE((*reader)->series({}, {t0 + Millis(1), t0 + Millis(9'000'000)})->empty());
}

TEST_CASE("a question for too many samples is refused instead of answered in part") {
  TempDir dir;
  History history(dir.file("history.db"));
  for (int i = 0; i < 11; ++i) history.append(snapshot("c", history.clock.now() + Millis(i), {gauge("g", {}, i)}));
  history.commit();
  auto reader = history.file->reader();
  REQUIRE((*reader)->select({named("g")}, kAlways, 11));
  auto refused = (*reader)->select({named("g")}, kAlways, 10);
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().code == Errc::resource_exhausted);
  REQUIRE((*reader)->select({named("g")}, kAlways, 11));
}

TEST_CASE("a full queue drops the snapshot, counts it, and never loses what it holds") {
  TempDir dir;
  History history(dir.file("history.db"), 64 << 20, Millis(3'600'000), 3);
  for (int i = 0; i < 5; ++i) {
    const auto taken = history.file->append(snapshot("c", history.clock.now() + Millis(i), {gauge("g", {}, i)}));
    REQUIRE(static_cast<bool>(taken) == (i < 3));
    if (!taken) REQUIRE(taken.error().code == Errc::resource_exhausted);
  }
  REQUIRE(history.file->stats().dropped_snapshots == 2);
  REQUIRE(history.commit().snapshots == 3);
  REQUIRE(history.file->append(snapshot("c", history.clock.now() + Millis(9), {gauge("g", {}, 9)})));
}

TEST_CASE("what is absorbed is read before it is written, and the next commit counts and writes it") {
  TempDir dir;
  const auto path = dir.file("history.db");
  const auto count = [](store::HistoryFile& file) {
    auto found = (*file.reader())->select({named("g")}, kAlways, 100);
    REQUIRE(found);
    return found->empty() ? std::size_t{0} : found->front().samples.size();
  };
  {
    History history(path);
    history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 1)}));
    CHECK(count(*history.file) == 0);
    history.file->absorb();
    CHECK(count(*history.file) == 1);
    CHECK(history.file->has_new());
    history.append(snapshot("c", history.clock.now() + Millis(1), {gauge("g", {}, 2)}));
    const auto report = history.commit();
    CHECK_FALSE(history.file->has_new());
    CHECK(report.snapshots == 2);
    CHECK(report.samples == 2);
    CHECK(report.new_series == 1);
    CHECK(history.commit().samples == 0);
  }
  History again(path);
  CHECK(count(*again.file) == 2);
}

TEST_CASE("at no tick is less read than was appended, whatever is sealed, committed or begun anew around it") {
  TempDir dir;
  const std::vector<std::string> collectors{"a", "b", "c", "d", "e"};  // each seals its blocks at another tick
  std::size_t ticks = 0;
  for (int life = 0; life < 6; ++life) {
    History history(dir.file("history.db"));
    const auto reader = history.file->reader();
    REQUIRE(reader);
    // No life ends with a whole chunk of ticks, and most chunks are committed later than they are whole.
    for (int i = 0; i < 130; ++i, ++ticks) {
      INFO("life " << life << ", tick " << ticks);
      const auto at = history.clock.now() + Millis(1'000 * static_cast<std::int64_t>(ticks));
      for (const auto& name : collectors) history.append(snapshot(name, at, {gauge("g", {{"c", name}}, 1)}));
      if (ticks % 7 == 3) {
        (void)history.commit();
      } else {
        history.file->absorb();
      }
      auto found = (*reader)->select({named("g")}, kAlways, 10'000);
      REQUIRE(found);
      REQUIRE(found->size() == collectors.size());
      for (const auto& series : *found) REQUIRE(series.samples.size() == ticks + 1);
    }
    if (life == 3) history.seal();
    (void)history.commit();
    REQUIRE(history.file->stats().bad_blocks == 0);
  }
}

TEST_CASE("flush commits what was appended") {
  TempDir dir;
  History history(dir.file("history.db"));
  history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 1)}));
  REQUIRE(history.file->flush());
  REQUIRE(history.select({named("g")}, kAlways).size() == 1);
}

TEST_CASE("a flush whose job is thrown away says that the store thread has ended") {
  TempDir dir;
  FakeClock clock;
  auto file = store::HistoryFile::open({dir.file("history.db")}, [](std::function<void()>) {}, clock);
  REQUIRE(file);
  const auto flushed = (*file)->flush();
  REQUIRE_FALSE(flushed);
  REQUIRE(flushed.error().code == Errc::unavailable);
}

TEST_CASE("one commit of 2000 samples is one transaction of a few statements, and one row that holds what changed") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto tick = [&](int i, int changed) {
    std::vector<SeriesSample> samples;
    for (int s = 0; s < 2'000; ++s)
      samples.push_back(counter("m", {{"id", std::to_string(s)}}, s < changed ? i + s : s, 7));
    history.append(snapshot("c", history.clock.now() + Millis(10'000 * i), std::move(samples)));
    return history.commit();
  };
  tick(0, 2'000);
  const auto report = tick(1, 2'000);
  REQUIRE(report.samples == 2'000);
  REQUIRE(report.statements <= 20);
  tick(2, 50);
  tick(3, 50);
  const RawDatabase raw(dir.file("history.db"));
  REQUIRE(raw.value("SELECT count(*) FROM head") == "4");
  REQUIRE(std::stoi(raw.value("SELECT length(data) FROM head ORDER BY id DESC LIMIT 1")) < 200);
}

TEST_CASE("history written at random is read back as a model says") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  TempDir dir;
  const store::HistoryOptions options{dir.file("history.db"), Millis(7LL * 24 * 3600 * 1000), 64 << 20, 1'000};
  History history(options.path);
  std::map<std::string, std::map<UtcTime, std::uint64_t>> model;
  auto now = history.clock.now();
  for (int step = 0; step < 300; ++step) {
    now += Millis(1 + pick(40'000));
    std::vector<SeriesSample> samples;
    for (int s = 0; s < 8; ++s) {
      if (pick(10) == 0) continue;
      // Status is not ok, so that no stale markers disturb the model.
      const double value = pick(5) == 0 ? std::bit_cast<double>(0x7ff8000000000000ULL + random()) : pick(1'000) / 8.0;
      samples.push_back(gauge("g", {{"s", std::to_string(s)}}, value));
      model["g{s=\"" + std::to_string(s) + "\"}"][now] = bits(value);
    }
    history.append(snapshot("c", now, std::move(samples), CollectStatus::timeout));
    if (pick(4) == 0) history.commit();
    if (pick(60) == 0) {
      history.commit();
      history.open(options);
    }
  }
  history.commit();
  for (int question = 0; question < 20; ++question) {
    auto from = history.clock.now() + Millis(pick(3'000'000));
    auto to = from + Millis(pick(3'000'000));
    std::map<std::string, std::map<UtcTime, std::uint64_t>> expected, got;
    for (const auto& [key, samples] : model)
      for (const auto& [at, value] : samples)
        if (at >= from && at <= to) expected[key][at] = value;
    for (const auto& series : history.select({named("g")}, {from, to}))
      for (const auto& sample : series.samples) got[to_string(series.key)][sample.time] = bits(sample.value);
    REQUIRE(got == expected);
  }
}
