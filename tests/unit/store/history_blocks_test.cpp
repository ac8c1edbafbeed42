#include <map>

#include "agent/store/integrity.hpp"
#include "agent/store/recovery.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("ticks become blocks, head rows go, and every sample is there before and after a restart") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  Ticks ticks(history);
  for (int round = 0; round < 4; ++round) {
    ticks.add(211);
    ticks.check();
    history.open({file});
    ticks.check();
    REQUIRE(history.file->stats().samples == 3LL * ticks.done);
  }
  REQUIRE(std::stoi(number_of(file, "block WHERE lane < 268435456")) >= 3);
  REQUIRE(std::stoi(number_of(file, "head")) <= 2 * 240 + 30);
  history.seal();
  ticks.check();
  REQUIRE(std::stoi(number_of(file, "head")) <= 30);
  history.open({file});
  ticks.check();
  ticks.add(5);
  ticks.check();
  REQUIRE(RawDatabase(file).value("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a wide question is answered from a coarser copy, a fine one from what was collected") {
  TempDir dir;
  History history(dir.file("history.db"));
  // At a full hour, so that buckets are full.
  history.clock.step(from_ms(1'700'002'800'000) - history.clock.now());
  Ticks ticks(history);
  ticks.add(360 * 12);
  history.seal();
  ReadHints wide;
  wide.resolution = Millis(300'000);
  const TimeRange all{ticks.time(0), ticks.time(ticks.done)};
  auto found = history.select({named("tick")}, all, wide);
  REQUIRE(found.size() == 1);
  // Thirty ticks a bucket; the last bucket comes from raw samples.
  REQUIRE(found[0].samples.size() < 12 * 12 + 40);
  REQUIRE(found[0].samples.size() >= 12 * 12 - 1);
  REQUIRE(found[0].samples[0].value == Approx(14.5));
  REQUIRE(found[0].samples[0].time == ticks.time(30) - Millis(1));
  wide.take = ReadHints::Take::greatest;
  REQUIRE(history.select({named("tick")}, all, wide)[0].samples[1].value == 59);
  wide.take = ReadHints::Take::least;
  REQUIRE(history.select({named("tick")}, all, wide)[0].samples[1].value == 30);
  REQUIRE(history.select({named("five")}, all, wide)[0].samples[1].value == 5);
  // A counter keeps its last value.
  REQUIRE(history.select({named("n_total")}, all, wide)[0].samples[0].value == 290);
  wide.resolution = Millis(3'600'000);
  wide.take = ReadHints::Take::mean;
  found = history.select({named("tick")}, all, wide);
  REQUIRE(found[0].samples[0].value == Approx(179.5));
  REQUIRE(found[0].samples[0].time == ticks.time(360) - Millis(1));
  ticks.check();
}

TEST_CASE("what is older than the finest tier is answered by coarser ones") {
  TempDir dir;
  const Millis hour(3'600'000);
  store::HistoryOptions options{dir.file("history.db"), hour};
  History history(options.path);
  history.open(options);
  history.clock.step(from_ms(1'700'002'800'000) - history.clock.now());
  Ticks ticks(history);
  ticks.add(360 * 6);
  const auto found = history.select({named("tick")}, {ticks.time(0), ticks.time(ticks.done)});
  REQUIRE(found.size() == 1);
  const auto& samples = found[0].samples;
  REQUIRE(samples.front().value == Approx(14.5));
  REQUIRE(samples.back().value == ticks.done - 1);
  REQUIRE(history.file->stats().deleted_by_cap == 0);
  REQUIRE(*history.file->stats().oldest >= history.clock.now() - hour - hour / 2);
  for (std::size_t i = 1; i < samples.size(); ++i) {
    REQUIRE(samples[i].time > samples[i - 1].time);
    REQUIRE(samples[i].value > samples[i - 1].value);
    REQUIRE(samples[i].time - samples[i - 1].time <= Millis(300'000));
  }
  // A coarser copy never crosses a reset either.
  const auto report = history.file->report();
  REQUIRE(report);
  REQUIRE(report->tiers.size() == 3);
  REQUIRE(report->tiers[1].values > 0);
  REQUIRE(*report->tiers[1].oldest <= ticks.time(0));
  REQUIRE(*report->tiers[0].oldest > ticks.time(100));
}

TEST_CASE("resets stay where they were in blocks and in coarser copies") {
  TempDir dir;
  History history(dir.file("history.db"));
  history.clock.step(from_ms(1'700'002'800'000) - history.clock.now());
  const auto t0 = history.clock.now();
  for (int i = 0; i < 600; ++i) {
    // It rises through the reset at 300, so that only the epoch tells.
    history.append(snapshot("c", t0 + Millis(10'000) * i, {counter("n_total", {}, i * 2.0, i < 300 ? 1 : 2)}));
    if (i % 30 == 0) history.commit();
  }
  history.commit();
  history.seal();
  auto found = history.select({named("n_total")}, kAlways);
  REQUIRE(found[0].epoch_starts == std::vector<std::size_t>{300});
  ReadHints wide;
  wide.resolution = Millis(300'000);
  found = history.select({named("n_total")}, kAlways, wide);
  REQUIRE(found[0].epoch_starts == std::vector<std::size_t>{10});
  auto reader = history.file->reader();
  REQUIRE((*reader)->resets(kAlways)->size() == 1);
}

TEST_CASE("series that end give their place to others, and each keeps its own samples") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  std::map<std::string, std::map<UtcTime, double>> model;
  // Each query lives for a while; about 30 of 120 are there at a time. Minutes, so that idle ones end.
  for (int tick = 0; tick < 900; ++tick) {
    std::vector<SeriesSample> samples;
    for (int q = 0; q < 120; ++q) {
      const int phase = (tick + q * 37) % 480;
      if (phase > 120) continue;
      const auto name = std::to_string(q);
      const double value = tick + q / 1000.0;
      samples.push_back(gauge("query", {{"id", name}}, value));
      model[name][history.clock.now()] = value;
    }
    std::shuffle(samples.begin(), samples.end(), random);
    history.append(snapshot("c", history.clock.now(), std::move(samples)));
    if (tick % 10 == 9) history.commit();
    if (tick == 500) {
      history.commit();
      history.open({file});
    }
    history.clock.advance(Millis(60'000));
  }
  history.commit();
  REQUIRE(history.file->stats().active_series < 120);
  REQUIRE(std::stoi(RawDatabase(file).value("SELECT count(DISTINCT place) FROM series")) < 120);
  for (const auto& [name, expected] : model) {
    CAPTURE(name);
    const auto found = history.select({named("query"), *Matcher::make("id", MatchOp::equal, name)}, kAlways);
    REQUIRE(found.size() == 1);
    std::map<UtcTime, double> got;
    for (const auto& sample : found[0].samples)
      if (!is_stale(sample.value)) got[sample.time] = sample.value;
    REQUIRE(got == expected);
  }
}

TEST_CASE("counters above the quota are added up in one per metric, gauges are left out, and both are counted") {
  TempDir dir;
  store::HistoryOptions options{dir.file("history.db")};
  options.max_series_per_collector = 10;
  History history(options.path);
  history.open(options);
  for (int tick = 0; tick < 3; ++tick) {
    std::vector<SeriesSample> samples;
    for (int s = 0; s < 25; ++s) samples.push_back(counter("calls_total", {{"q", std::to_string(s)}}, 100 + tick, 1));
    history.append(snapshot("c", history.clock.now() + Millis(10'000) * tick, std::move(samples)));
  }
  history.commit();
  REQUIRE(history.select({named("calls_total")}, kAlways).size() == 11);
  const auto other =
      history.select({named("calls_total"), *Matcher::make("pgtend_series", MatchOp::equal, "other")}, kAlways);
  REQUIRE(other.size() == 1);
  REQUIRE(other[0].samples.size() == 3);
  REQUIRE(other[0].samples[1].value == 15 * 101);
  REQUIRE(other[0].epoch_starts.empty());
  REQUIRE(history.file->stats().over_quota == 45);
  // A sum of gauges is no value of any of them.
  std::vector<SeriesSample> levers;
  for (int s = 0; s < 25; ++s) levers.push_back(gauge("lever", {{"q", std::to_string(s)}}, 1));
  history.append(snapshot("levers", history.clock.now(), std::move(levers)));
  history.commit();
  const auto shown = history.select({named("lever")}, kAlways);
  REQUIRE(shown.size() == 10);
  for (const auto& series : shown) CHECK(series.samples.at(0).value == 1);
  REQUIRE(history.file->stats().over_quota == 60);
  // Another collector has its own quota.
  history.append(snapshot("d", history.clock.now(), {gauge("g", {}, 1)}));
  history.commit();
  REQUIRE(history.select({named("g")}, kAlways).size() == 1);
}

TEST_CASE("a damaged block is not served, is reported, and costs nothing else, and recovery keeps the rest") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  Ticks ticks(history);
  ticks.add(1'000);
  history.seal();
  ticks.add(30);
  {
    const RawDatabase raw(file);
    raw.exec(
        "UPDATE block SET data = substr(data, 1, 20) || x'5a' || substr(data, 22) WHERE id ="
        " (SELECT id FROM block WHERE lane < 268435456 ORDER BY id LIMIT 1 OFFSET 1)");
  }
  const auto found = history.select({named("tick")}, {ticks.time(0), ticks.time(ticks.done)});
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].samples.size() >= 700);
  REQUIRE(found[0].samples.size() < 1'030);
  for (const auto& sample : found[0].samples) REQUIRE(sample.time == ticks.time(static_cast<int>(sample.value)));
  history.commit();
  REQUIRE(history.file->stats().bad_blocks == 1);
  REQUIRE(number_of(file, "event WHERE kind='bad_block'") == "1");
  auto report = store::check_history(file);
  REQUIRE(report);
  REQUIRE_FALSE(report->sound);
  REQUIRE(report->bad_blocks == 1);
  REQUIRE(report->structure == "ok");
  REQUIRE(report->bad_from);

  const auto refused = store::recover_history(file, dir.file("new.db"));
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().code == Errc::conflict);
  history.file.reset();
  const auto recovered = store::recover_history(file, dir.file("new.db"));
  REQUIRE(recovered);
  REQUIRE(recovered->lost_rows == 1);
  REQUIRE(recovered->head_rows > 0);
  REQUIRE(std::to_string(recovered->head_rows) == RawDatabase(dir.file("new.db")).value("SELECT count(*) FROM head"));
  REQUIRE(store::check_history_offline(dir.file("new.db"))->sound);
  history.open({dir.file("new.db")});
  REQUIRE(history.select({named("tick")}, {ticks.time(0), ticks.time(ticks.done)})[0].samples.size() ==
          found[0].samples.size());
  REQUIRE(store::recover_history(file, dir.file("new.db")).error().code == Errc::conflict);
}

TEST_CASE("the scrub finds a damaged block that nobody reads") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  Ticks ticks(history);
  ticks.add(500);
  history.seal();
  RawDatabase(file).exec("UPDATE block SET crc = crc + 1 WHERE id = (SELECT max(id) FROM block)");
  for (int i = 0; i < 40 && history.file->stats().bad_blocks == 0; ++i) {
    history.clock.advance(Millis(1'000));
    history.commit();
  }
  REQUIRE(history.file->stats().bad_blocks == 1);
}

TEST_CASE("a damaged head row ends the run of rows it is in, and what follows the next full row is there") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  Ticks ticks(history);
  ticks.add(100);
  history.file.reset();
  RawDatabase(file).exec("UPDATE head SET data = x'00ff' WHERE seq = 40");
  history.open({file});
  REQUIRE_FALSE(history.file->moved_aside());
  const auto found = history.select({named("tick")}, kAlways);
  REQUIRE(found.size() == 1);
  // Full rows at 0, 30, 60 and 90: 40 to 59 are lost.
  REQUIRE(found[0].samples.size() == 80);
  for (const auto& sample : found[0].samples) REQUIRE(sample.time == ticks.time(static_cast<int>(sample.value)));
  history.commit();
  REQUIRE(history.file->stats().bad_blocks == 1);
}

TEST_CASE("one of two copies of the ticks' times is enough") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  Ticks ticks(history);
  ticks.add(800);
  history.seal();
  RawDatabase(file).exec("UPDATE tick SET data = x'00' WHERE id < 1000000000000000000");
  history.open({file});
  ticks.check();
}

TEST_CASE("what is kept as collected counts what is not packed yet") {
  TempDir dir;
  History history(dir.file("history.db"));
  Ticks ticks(history);
  ticks.add(30);
  const auto report = history.file->report();
  REQUIRE(report);
  CHECK(report->tiers[0].blocks == 0);
  CHECK(report->tiers[0].values == 90);
  CHECK(report->tiers[0].oldest == ticks.time(0));
  CHECK(report->tiers[0].newest == ticks.time(29));
}

TEST_CASE("memory answers what is recent without the file, sealed or not") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  Ticks ticks(history);
  ticks.add(700);
  auto reader = history.file->reader();
  REQUIRE(reader);
  // No question may reach the file: it would fail.
  const RawDatabase raw(file);
  raw.exec("ALTER TABLE block RENAME TO hidden");
  const auto found = (*reader)->select({named("tick")}, {ticks.time(600), ticks.time(700)}, 1'000);
  REQUIRE(found);
  REQUIRE((*found)[0].samples.size() == 100);
  REQUIRE_FALSE((*reader)->select({named("tick")}, {ticks.time(0), ticks.time(700)}, 1'000));
  raw.exec("ALTER TABLE hidden RENAME TO block");
}
