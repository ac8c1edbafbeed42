#include "agent/engine/unread_samples.hpp"

#include <algorithm>
#include <cmath>

#include "agent/engine/fresh_history.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

UtcTime at(int seconds) {
  return from_ms(1'700'000'000'000 + 1'000LL * seconds);
}

SeriesKey key(const std::string& table) {
  return {"rows", Labels{{"relname", table}}};
}

SnapshotPtr run(int seconds, const std::vector<std::string>& tables, CollectStatus status = CollectStatus::ok) {
  auto out = std::make_shared<Snapshot>();
  out->collector = "tables";
  out->taken_at = at(seconds);
  out->status = status;
  for (const auto& table : tables)
    out->samples.push_back({key(table), static_cast<double>(seconds), MetricKind::gauge, 0});
  return out;
}

// What is on disk: the series a, with a sample each 10 s until 20.
class OnDisk final : public HistoryReader {
 public:
  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range, std::size_t) override {
    SeriesData series{key("a"), {}, {}, {}};
    for (const int seconds : {0, 10, 20})
      if (at(seconds) >= range.from && at(seconds) <= range.to)
        series.samples.push_back({at(seconds), static_cast<double>(seconds)});
    const bool chosen = std::all_of(matchers.begin(), matchers.end(),
                                    [&](const Matcher& matcher) { return matcher.matches(series.key); });
    if (!chosen || series.samples.empty()) return std::vector<SeriesData>();
    return std::vector<SeriesData>{series};
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>&, TimeRange) override {
    return std::vector<SeriesKey>{key("a")};
  }
  Result<std::vector<ResetEvent>> resets(TimeRange) override { return std::vector<ResetEvent>(); }
  Result<std::vector<Gap>> gaps(TimeRange) override { return std::vector<Gap>(); }
};

std::vector<Sample> samples_of(FreshHistory& history, const std::string& table) {
  const auto found = history.select(
      {*Matcher::make("__name__", MatchOp::equal, "rows"), *Matcher::make("relname", MatchOp::equal, table)},
      {at(0), at(100)}, 1000);
  REQUIRE(found);
  return found->empty() ? std::vector<Sample>() : found->front().samples;
}

}  // namespace

TEST_CASE("what history does not show yet follows what it shows, and a series that is not brought again has ended") {
  UnreadSamples unread;
  unread.add(run(20, {"a"}));
  unread.were_read(unread.end());
  unread.add(run(30, {"a", "b"}));
  unread.add(run(40, {"b"}));
  OnDisk disk;
  FreshHistory history(disk, unread.list());

  const auto a = samples_of(history, "a");
  REQUIRE(a.size() == 5);
  CHECK(a[2].time == at(20));
  CHECK(a[3].value == 30);
  CHECK(a[4].time == at(40));
  CHECK(is_stale(a[4].value));
  const auto b = samples_of(history, "b");
  REQUIRE(b.size() == 2);
  CHECK(b[1].value == 40);
  CHECK(history.series({*Matcher::make("relname", MatchOp::equal, "b")}, {at(0), at(100)})->size() == 2);
}

TEST_CASE("the series of the last run that history shows end with the first one that it does not") {
  UnreadSamples unread;
  unread.add(run(20, {"a"}));
  unread.were_read(unread.end());
  unread.add(run(30, {"b"}));
  OnDisk disk;
  FreshHistory history(disk, unread.list());
  REQUIRE(samples_of(history, "a").size() == 4);
  CHECK(is_stale(samples_of(history, "a").back().value));
}

TEST_CASE("what a run that failed does not bring is unknown, not over") {
  UnreadSamples unread;
  unread.add(run(20, {"a"}));
  unread.were_read(unread.end());
  unread.add(run(30, {}, CollectStatus::error));
  OnDisk disk;
  FreshHistory history(disk, unread.list());
  CHECK(samples_of(history, "a").back().value == 20);
}

TEST_CASE("what a rule records now comes after what is not shown yet, however the metric is asked for") {
  UnreadSamples unread;
  unread.add(run(30, {"a"}));
  OnDisk disk;
  FreshHistory history(disk, unread.list());
  history.put(key("a"), {at(40), 4});
  const auto found = history.select({*Matcher::make("relname", MatchOp::equal, "a")}, {at(0), at(100)}, 1000);
  REQUIRE(found);
  REQUIRE(found->front().samples.size() == 5);
  CHECK(found->front().samples[3].value == 30);
  CHECK(found->front().samples[4].value == 4);
}

TEST_CASE("a sample that history shows meanwhile is there once") {
  UnreadSamples unread;
  unread.add(run(10, {"a"}));
  unread.add(run(20, {"a"}));
  OnDisk disk;
  FreshHistory history(disk, unread.list());
  CHECK(samples_of(history, "a").size() == 3);
}

TEST_CASE("of more than there is room for, the newest stay") {
  UnreadSamples unread;
  std::vector<std::string> tables(1'000);
  for (std::size_t i = 0; i < tables.size(); ++i) tables[i] = "t" + std::to_string(i);
  const int runs = static_cast<int>(UnreadSamples::kMostSamples / tables.size()) + 5;
  for (int i = 0; i < runs; ++i) unread.add(run(i, tables));
  const auto kept = unread.list();
  CHECK(kept.size() == UnreadSamples::kMostSamples / tables.size());
  CHECK(kept.back().snapshot->taken_at == at(runs - 1));
  CHECK(unread.end() == static_cast<std::uint64_t>(runs));
  unread.were_read(static_cast<std::uint64_t>(runs) - 2);
  CHECK(unread.list().size() == 2);
}

TEST_CASE("what a run left out by its limit has not ended for who reads past a stalled disk") {
  UnreadSamples unread;
  unread.add(run(30, {"b", "c"}));
  auto cut = std::make_shared<Snapshot>(*run(40, {"b"}));
  cut->left_out = 1;
  unread.add(cut);
  OnDisk disk;
  FreshHistory history(disk, unread.list());
  CHECK(samples_of(history, "c").size() == 1);
  CHECK(samples_of(history, "b").size() == 2);
}
