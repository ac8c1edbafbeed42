#include "agent/api/history_page.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "rules/promql/memory_history.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::api;

namespace {

const TimeRange kAll{from_ms(0), from_ms(100'000'000)};
using Stored = std::map<SeriesKey, std::vector<std::pair<std::int64_t, std::uint64_t>>>;

void note(Stored& stored, const SeriesKey& key, const std::vector<Sample>& samples) {
  auto& list = stored[key];
  for (const auto& sample : samples) list.emplace_back(to_ms(sample.time), std::bit_cast<std::uint64_t>(sample.value));
}

std::vector<HistoryPage> all_pages(HistoryReader& reader, const std::vector<std::vector<Matcher>>& selectors) {
  std::vector<HistoryPage> out;
  std::optional<PageCursor> cursor;
  do {
    auto page = read_page(reader, selectors, kAll, cursor);
    REQUIRE(page);
    // Through text, as it travels.
    cursor = page->next ? parse_cursor(to_text(*page->next)) : std::nullopt;
    REQUIRE(cursor.has_value() == page->next.has_value());
    out.push_back(std::move(*page));
    REQUIRE(out.size() < 1'000);
  } while (cursor);
  return out;
}

}  // namespace

TEST_CASE("pages together hold every sample once, in the order of series and time, and none is large") {
  promql::MemoryHistory history;
  Stored stored;
  std::mt19937 random(5);
  // One metric that fits no page, one series that fits no page, and many small ones.
  const auto add = [&](const std::string& name, const std::string& label, int count) {
    std::vector<Sample> samples;
    for (int i = 0; i < count; ++i) samples.push_back({from_ms(1'000 * (i + 1)), static_cast<double>(random() % 100)});
    const SeriesKey key{name, {{"l", label + "\"\n\\"}}};
    REQUIRE(history.add(key, samples));
    note(stored, key, samples);
  };
  add("long", "only", 90'000);
  for (int i = 0; i < 70; ++i) add("wide", std::to_string(i), 1'000);
  for (int i = 0; i < 300; ++i) add("m" + std::to_string(i), "x", 50);
  const auto pages = all_pages(history, {});
  Stored read;
  std::string last_metric;
  for (const auto& page : pages) {
    std::size_t samples = 0;
    bool first = true;
    for (const auto& series : page.series) {
      note(read, series.key, series.samples);
      samples += series.samples.size();
      const bool is_new = first ? page.starts_new_metric : series.key.name != last_metric;
      CHECK(is_new == (series.key.name != last_metric));
      last_metric = series.key.name;
      first = false;
    }
    CHECK(samples <= 2 * kPageSamples);
  }
  CHECK(pages.size() > 3);
  CHECK(read == stored);
}

TEST_CASE("selectors choose the series, and a series that two of them name comes once") {
  promql::MemoryHistory history;
  for (const auto* name : {"a", "b", "c"}) REQUIRE(history.add(SeriesKey{name, {}}, {{from_ms(1), 1}}));
  const auto named = [](const std::string& pattern) {
    return std::vector<Matcher>{*Matcher::make("__name__", MatchOp::regex, pattern)};
  };
  const auto pages = all_pages(history, {named("a|b"), named("b|x")});
  REQUIRE(pages.size() == 1);
  REQUIRE(pages[0].series.size() == 2);
  CHECK(pages[0].series[0].key.name == "a");
  CHECK(pages[0].series[1].key.name == "b");
}

TEST_CASE("the formats say what is stored") {
  HistoryPage page;
  SeriesData data;
  data.key = {"pg_up", {{"datname", "a\"b\\c\nd,e"}}};
  data.samples = {{from_ms(1'500), 0.1},
                  {from_ms(2'000), std::numeric_limits<double>::infinity()},
                  {from_ms(3'005), std::nan("")},
                  {from_ms(4'000), stale_marker()}};
  data.epoch_starts = {1};
  page.series = {data};
  CHECK(export_text(page, ExportFormat::openmetrics, true) ==
        "# TYPE pg_up unknown\n"
        "pg_up{datname=\"a\\\"b\\\\c\\nd,e\"} 0.1 1.500\n"
        "pg_up{datname=\"a\\\"b\\\\c\\nd,e\"} +Inf 2\n"
        "pg_up{datname=\"a\\\"b\\\\c\\nd,e\"} NaN 3.005\n"
        "# EOF\n");
  const std::string labels = "\"{datname=\"\"a\\\"\"b\\\\c\\nd,e\"\"}\"";
  CHECK(export_text(page, ExportFormat::csv, true) ==
        "metric,labels,time,value\npg_up," + labels + ",1970-01-01T00:00:01.500Z,0.1\npg_up," + labels +
            ",1970-01-01T00:00:02Z,+Inf\npg_up," + labels + ",1970-01-01T00:00:03.005Z,NaN\npg_up," + labels +
            ",1970-01-01T00:00:04Z,stale\n");
  const auto line = nlohmann::json::parse(export_text(page, ExportFormat::jsonl, true));
  CHECK(line["labels"] == nlohmann::json{{"__name__", "pg_up"}, {"datname", "a\"b\\c\nd,e"}});
  CHECK(line["samples"] == nlohmann::json::parse(R"([[1500,0.1],[2000,"+Inf"],[3005,"NaN"],[4000,"stale"]])"));
  CHECK(line["resets"] == nlohmann::json{2'000});
  // Only the last page ends the file, only the first begins it, and a metric is announced once.
  page.next = PageCursor{data.key, from_ms(5'000), false};
  page.starts_new_metric = false;
  CHECK(export_text(page, ExportFormat::openmetrics, false).find('#') == std::string::npos);
  CHECK(export_text(page, ExportFormat::csv, false).find("metric,labels") == std::string::npos);
}

TEST_CASE("a cursor that no page gave is none") {
  for (const auto* text : {"", "{}", "[]", "[1,{},2,true]", R"(["a",{"l":1},2,true])", R"(["a",{},2.5,true])",
                           R"(["a",{},2,1])", R"(["a",{},2,true,3])", "\xff"})
    CHECK_FALSE(parse_cursor(text));
}
