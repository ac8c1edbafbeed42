#include "agent/api/import_text.hpp"

#include <bit>
#include <cmath>
#include <sstream>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::api;

namespace {

// Everything a text holds; a failure is one piece without samples, named by what is wrong.
struct Read {
  std::vector<store::PastSeries> pieces;
  std::string error;
};

Read read(ExportFormat format, const std::string& text) {
  PastReader reader(format, [](const std::string&) { return MetricKind::gauge; });
  Read out;
  std::istringstream in(text);
  const auto take = [&](Result<std::optional<store::PastSeries>> piece) {
    if (!piece) {
      out.error = piece.error().message;
    } else if (*piece) {
      out.pieces.push_back(std::move(**piece));
    }
    return piece.has_value();
  };
  for (std::string line; std::getline(in, line);)
    if (!take(reader.line(line))) return out;
  take(reader.end());
  return out;
}

HistoryPage page() {
  HistoryPage page;
  SeriesData a{{"a_total", Labels{{"query", "say \"x\\y\",\nz"}, {"db", "shöp"}}}, {}, {2}};
  a.samples = {
      {from_ms(1'700'000'000'123), 1}, {from_ms(1'700'000'010'000), 0.1 + 0.2}, {from_ms(1'700'000'020'001), 5e-324}};
  SeriesData b{{"b", {}}, {}, {}};
  b.samples = {{from_ms(0), INFINITY},
               {from_ms(1), -INFINITY},
               {from_ms(2), NAN},
               {from_ms(3), stale_marker()},
               {from_ms(4), -0.0}};
  page.series = {a, b};
  return page;
}

}  // namespace

TEST_CASE("every format gives back what was exported, bit for bit") {
  for (const auto format : {ExportFormat::openmetrics, ExportFormat::csv, ExportFormat::jsonl}) {
    const auto wanted = page();
    const auto got = read(format, export_text(wanted, format, true));
    INFO(static_cast<int>(format) << got.error);
    REQUIRE(got.pieces.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(got.pieces[i].key == wanted.series[i].key);
      auto samples = wanted.series[i].samples;
      // OpenMetrics has no word for it.
      if (format == ExportFormat::openmetrics)
        std::erase_if(samples, [](const Sample& sample) { return is_stale(sample.value); });
      REQUIRE(got.pieces[i].samples.size() == samples.size());
      for (std::size_t s = 0; s < samples.size(); ++s) {
        CHECK(got.pieces[i].samples[s].time == samples[s].time);
        const double value = got.pieces[i].samples[s].value;
        CHECK((std::bit_cast<std::uint64_t>(value) == std::bit_cast<std::uint64_t>(samples[s].value) ||
               (std::isnan(value) && std::isnan(samples[s].value) && !is_stale(value) && !is_stale(samples[s].value))));
      }
    }
    if (format == ExportFormat::jsonl) CHECK(got.pieces[0].resets == std::vector{from_ms(1'700'000'020'001)});
  }
}

TEST_CASE("what other programs write in OpenMetrics is read, with its types") {
  const auto got =
      read(ExportFormat::openmetrics,
           "# HELP up Whether it is up.\n# TYPE up gauge\nup{job=\"a\"} 1 1700000000\n"
           "# TYPE http_requests counter\nhttp_requests_total{code=\"200\",} 5 1700000000.5 # {id=\"x\"} 1\n"
           "up{job=\"a\"} 0 1700000010\n# EOF\n");
  CHECK(got.error.empty());
  REQUIRE(got.pieces.size() == 3);
  CHECK(got.pieces[0].kind == MetricKind::gauge);
  CHECK(got.pieces[1].kind == MetricKind::counter);
  CHECK(to_string(got.pieces[1].key) == R"(http_requests_total{code="200"})");
  CHECK(got.pieces[1].samples[0].time == from_ms(1'700'000'000'500));
  CHECK(got.pieces[2].key == got.pieces[0].key);
}

TEST_CASE("a malformed line is named for what is wrong in it") {
  const auto error = [](ExportFormat format, const std::string& text) { return read(format, text).error; };
  const auto om = ExportFormat::openmetrics, csv = ExportFormat::csv, jsonl = ExportFormat::jsonl;
  CHECK(error(om, "up 1 1700000000\n") == "the last line is not # EOF: the file was cut off");
  CHECK(error(om, "up 1\n# EOF\n") == "a sample has no timestamp");
  CHECK(error(om, "up one 1\n# EOF\n") == "the value is no number");
  CHECK(error(om, "up 1 1e300\n# EOF\n") == "the timestamp is no number of seconds");
  CHECK(error(om, "up{a=\"b 1 1\n# EOF\n") == "the labels are malformed");
  CHECK(error(om, "up{=\"b\"} 1 1\n# EOF\n") == "the labels are malformed");
  CHECK(error(om, "{a=\"b\"} 1 1\n# EOF\n") == "a line does not begin with the name of a metric");
  CHECK(error(om, "# EOF\nup 1 1\n") == "there is something behind # EOF");
  CHECK(error(csv, "time,value\n") == "the first line is not: metric,labels,time,value");
  const std::string head = "metric,labels,time,value\n";
  CHECK(error(csv, head + "a,{},2026-01-31T12:00:00Z\n") == "a line does not have the four fields");
  CHECK(error(csv, head + "a,{},yesterday,1\n") == "the time is not like 2026-01-31T12:00:00Z");
  CHECK(error(csv, head + "a,\"{b=\"\"c\"\",2026-01-31T12:00:00Z,1\n") == "a line does not have the four fields");
  CHECK(error(csv, head + "a,b,2026-01-31T12:00:00Z,1\n") == "the labels are malformed");
  CHECK(error(jsonl, "[]\n") == "a line is no JSON object with labels and samples");
  CHECK(error(jsonl, R"({"labels":{},"samples":[]})") == "a series has no __name__");
  CHECK(error(jsonl, R"({"labels":{"__name__":"a"},"samples":[[1.5,1]]})") == "a sample is not [milliseconds, value]");
  CHECK(error(jsonl, R"({"labels":{"__name__":"a"},"samples":[[1,"x"]]})") == "the value is no number");
}
