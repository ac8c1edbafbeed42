#include <map>

#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Ticks of three series at uneven distances, some without a sample, some ended; blocks, packed memory and open columns.
UtcTime fill(History& history, std::mt19937_64& random) {
  const auto chance = [&](int one_in) { return random() % static_cast<std::uint64_t>(one_in) == 0; };
  UtcTime at = history.clock.now();
  for (int i = 0; i < 700; ++i) {
    std::vector<SeriesSample> samples;
    for (const auto* s : {"a", "b", "c"})
      if (!chance(10))
        samples.push_back(
            counter("n_total", Labels{{"s", s}}, static_cast<double>(random() % 1'000), random() % 40 / 39));
    history.append(snapshot("c", at, std::move(samples)));
    if (i % 20 == 0) history.commit();
    if (i == 300) history.seal();
    const Millis step(static_cast<std::int64_t>(1 + random() % 15'000));
    history.clock.advance(step);
    at += step;
  }
  history.commit();
  return at;
}

const Sample* last_up_to(const SeriesData& data, UtcTime moment) {
  const Sample* last = nullptr;
  for (const auto& sample : data.samples)
    if (sample.time <= moment) last = &sample;
  return last;
}

}  // namespace

TEST_CASE("who wants the last sample up to each moment gets it, and little else") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937_64 random(seed);
  TempDir dir;
  History history(dir.file("history.db"));
  const UtcTime begin = history.clock.now(), end = fill(history, random);
  for (int round = 0; round < 20; ++round) {
    const TimeRange range{begin + Millis(static_cast<std::int64_t>(random() % 1'000'000)), end};
    ReadHints hints;
    hints.every = Millis(static_cast<std::int64_t>(1 + random() % (round % 2 == 0 ? 60'000 : 2'000'000)));
    hints.first = range.from + Millis(static_cast<std::int64_t>(random() % 600'000));
    const auto all = history.select({named("n_total")}, range), few = history.select({named("n_total")}, range, hints);
    REQUIRE(few.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      REQUIRE(few[i].key == all[i].key);
      std::size_t moments = 0;
      for (UtcTime at = hints.first; at <= range.to; at += hints.every, ++moments) {
        const auto *want = last_up_to(all[i], at), *got = last_up_to(few[i], at);
        REQUIRE((want == nullptr) == (got == nullptr));
        if (want == nullptr) continue;
        REQUIRE(got->time == want->time);
        REQUIRE(bits(got->value) == bits(want->value));
      }
      // What lies behind the last moment counts as one more, and so does the seam between the file and memory.
      CHECK(few[i].samples.size() <= std::min(moments + 2, all[i].samples.size()));
      for (const auto start : few[i].epoch_starts) CHECK(start < few[i].samples.size());
    }
  }
}

TEST_CASE("asking which series there are holds one sample of each") {
  TempDir dir;
  History history(dir.file("history.db"));
  std::mt19937_64 random(1);
  const UtcTime begin = history.clock.now(), end = fill(history, random);
  auto reader = history.file->reader();
  REQUIRE(reader);
  const auto keys = (*reader)->series({named("n_total")}, {begin, end});
  REQUIRE(keys);
  CHECK(keys->size() == 3);
  // What was hinted before holds again.
  const auto found = (*reader)->select({named("n_total")}, {begin, end}, 1'000'000);
  REQUIRE(found);
  CHECK((*found)[0].samples.size() > 500);
}
