#include "agent/store/history_import.hpp"

#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;
using store::PastSeries;

namespace {

Result<store::ImportReport> import(const std::string& to, std::vector<PastSeries> pieces) {
  std::size_t at = 0;
  return store::import_history(to, 64 << 20, [&]() -> Result<std::optional<PastSeries>> {
    if (at == pieces.size()) return std::nullopt;
    return pieces[at++];
  });
}

// Series of two collectors that run at different times, and one that begins late; series by series, as an export has
// it.
std::vector<PastSeries> month(std::int64_t from_ms_, int ticks) {
  std::vector<PastSeries> out;
  for (int s = 0; s < 6; ++s) {
    const std::int64_t phase = s % 2 == 0 ? 0 : 3'333, step = s % 2 == 0 ? 10'000 : 60'000;
    PastSeries series{
        {"m_total", Labels{{"s", std::to_string(s)}}}, s < 4 ? MetricKind::counter : MetricKind::gauge, {}, {}};
    for (int i = s == 5 ? ticks / 2 : 0; i < ticks * 10'000 / step; ++i) {
      const auto at = from_ms(from_ms_ + phase + i * step);
      if (s == 0 && i == ticks / 3) series.resets.push_back(at);
      const double value = s == 0 && i >= ticks / 3 ? i - ticks / 3 : i * (s + 1) + 0.1;
      series.samples.push_back({at, i % 97 == 96 ? stale_marker() : value});
    }
    out.push_back(std::move(series));
  }
  return out;
}

void check_same(const std::vector<SeriesData>& found, const std::vector<PastSeries>& wanted) {
  for (const auto& series : wanted) {
    if (series.samples.empty()) continue;
    const auto at =
        std::find_if(found.begin(), found.end(), [&](const SeriesData& data) { return data.key == series.key; });
    INFO(to_string(series.key));
    REQUIRE(at != found.end());
    REQUIRE(at->samples.size() == series.samples.size());
    for (std::size_t i = 0; i < series.samples.size(); ++i) {
      REQUIRE(at->samples[i].time == series.samples[i].time);
      REQUIRE(bits(at->samples[i].value) == bits(series.samples[i].value));
    }
    std::vector<UtcTime> resets;
    for (const auto start : at->epoch_starts) resets.push_back(at->samples[start].time);
    CHECK(resets == series.resets);
  }
}

}  // namespace

TEST_CASE("what is imported is what is read, bit for bit, and nothing of it is too old") {
  TempDir dir;
  const auto path = dir.file("history.db");
  // 2001, long past every retention.
  const auto pieces = month(1'000'000'000'000, 2'000);
  const auto report = import(path, pieces);
  REQUIRE(report);
  CHECK(report->series == 6);
  CHECK(report->repeated == 0);
  CHECK(*report->from == from_ms(1'000'000'000'000));
  CHECK_FALSE(std::filesystem::exists(path + ".import"));
  History history(path, 64 << 20, Millis(1'000'000'000'000));
  const auto found = history.select({named("m_total")}, kAlways);
  CHECK(found.size() == 5 + (pieces[5].samples.empty() ? 0 : 1));
  check_same(found, pieces);
  // Packed as the agent packs its own.
  std::size_t samples = 0;
  for (const auto& series : pieces) samples += series.samples.size();
  CHECK(report->samples == static_cast<std::int64_t>(samples));
}

TEST_CASE("an agent goes on where the import ended, in the same series") {
  TempDir dir;
  const auto path = dir.file("history.db");
  REQUIRE(import(path, month(1'000'000'000'000, 100)));
  History history(path, 64 << 20, Millis(1'000'000'000'000));
  const auto now = from_ms(1'000'000'000'000 + 200 * 10'000);
  history.append(snapshot("live", now, {counter("m_total", Labels{{"s", "0"}}, 7, 1)}));
  history.commit();
  const auto found = history.select({named("m_total"), *Matcher::make("s", MatchOp::equal, "0")}, kAlways);
  REQUIRE(found.size() == 1);
  CHECK(found[0].samples.size() == 101);
  CHECK(found[0].samples.back().value == 7);
}

TEST_CASE("pieces of one series come together, and the second of a moment is counted and left out") {
  TempDir dir;
  const auto path = dir.file("history.db");
  const SeriesKey key{"a", {}};
  const auto report = import(path, {{key, MetricKind::gauge, {{from_ms(20'000), 2}}, {}},
                                    {{"b", {}}, MetricKind::gauge, {{from_ms(10'000), 9}}, {}},
                                    {key, MetricKind::gauge, {{from_ms(10'000), 1}, {from_ms(20'000), 3}}, {}}});
  REQUIRE(report);
  CHECK(report->samples == 3);
  CHECK(report->repeated == 1);
  History history(path, 64 << 20, Millis(1'000'000'000'000));
  const auto found = history.select({named("a")}, kAlways);
  REQUIRE(found.size() == 1);
  REQUIRE(found[0].samples.size() == 2);
  CHECK(found[0].samples[0].value == 1);
  CHECK(found[0].samples[1].value == 2);
}

TEST_CASE("an import neither touches a file in use nor goes behind what is there") {
  TempDir dir;
  const auto path = dir.file("history.db");
  REQUIRE(import(path, month(1'000'000'000'000, 100)));
  const auto again = import(path, month(1'000'000'000'000 - 10'000, 100));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Errc::conflict);
  CHECK(again.error().message.find("2001-09-09") != std::string::npos);
  REQUIRE(import(path, month(1'000'002'000'000, 100)));
  {
    History history(path, 64 << 20, Millis(1'000'000'000'000));
    const auto busy = import(path, month(1'100'000'000'000, 10));
    REQUIRE_FALSE(busy);
    CHECK(busy.error().code == Errc::conflict);
    CHECK(history.select({named("m_total"), *Matcher::make("s", MatchOp::equal, "0")}, kAlways)[0].samples.size() ==
          200);
  }
  const auto nothing = import(dir.file("new.db"), {});
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().code == Errc::invalid_argument);
  CHECK_FALSE(std::filesystem::exists(dir.file("new.db")));
  CHECK_FALSE(std::filesystem::exists(dir.file("new.db.import")));
}
