#include "agent/api/metrics_board.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/unit/api/sample_types.hpp"

using namespace pgtend;
using namespace pgtend::test;
using api::BoardOptions;
using api::MetricsBoard;

namespace {

SnapshotPtr run(const std::string& collector, const std::string& database, std::vector<SeriesSample> samples,
                CollectStatus status = CollectStatus::ok, UtcTime at = kThen) {
  Snapshot snapshot;
  snapshot.collector = collector;
  snapshot.instance = "main";
  snapshot.database = database;
  snapshot.taken_at = at;
  snapshot.duration = Millis(12);
  snapshot.interval = Millis(10'000);
  snapshot.status = status;
  snapshot.samples = std::move(samples);
  return std::make_shared<const Snapshot>(std::move(snapshot));
}

SeriesSample sample(const std::string& name, Labels labels, double value, MetricKind kind = MetricKind::gauge) {
  return SeriesSample{SeriesKey{name, std::move(labels)}, value, kind, 0};
}

std::vector<MetricDef> defs() {
  return {{"pgtend_database_xact_commit_total", MetricKind::counter, "", "Transactions committed.", "pg_stat_database",
           "pg_stat_database_xact_commit"},
          {"pg_stat_database_xact_commit", MetricKind::counter, "", "Transactions committed.", "pg_stat_database", ""},
          {"pgtend_database_size_bytes", MetricKind::gauge, "bytes", "Size \\ of\nthe database.", "pg_database", ""}};
}

// The lines of the server's own families: everything but what the agent says of itself.
std::string about_server(const std::string& page) {
  std::string out;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);)
    if (line.find("pgtend_database") != std::string::npos || line.find("pg_stat") != std::string::npos)
      out += line + "\n";
  return out;
}

bool has(const std::string& page, const std::string& line) {
  return ("\n" + page).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a page has help, type and sorted series, and nothing else of the server") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.set_defs(defs());
  board.publish(
      run("stat_database", "",
          {sample("pgtend_database_xact_commit_total", Labels{{"datname", "shop"}}, 12345678901, MetricKind::counter),
           sample("pgtend_database_xact_commit_total", Labels{{"datname", "a\"b\\c\nd"}}, 1, MetricKind::counter)}));
  board.publish(run("sizes", "shop", {sample("pgtend_database_size_bytes", Labels{{"datname", "shop"}}, 0.1)}));
  CHECK(about_server(board.render(kThen)) ==
        "# HELP pgtend_database_size_bytes Size \\\\ of\\nthe database.\n"
        "# TYPE pgtend_database_size_bytes gauge\n"
        "pgtend_database_size_bytes{datname=\"shop\"} 0.1\n"
        "# HELP pgtend_database_xact_commit_total Transactions committed.\n"
        "# TYPE pgtend_database_xact_commit_total counter\n"
        "pgtend_database_xact_commit_total{datname=\"a\\\"b\\\\c\\nd\"} 1\n"
        "pgtend_database_xact_commit_total{datname=\"shop\"} 12345678901\n");
  CHECK(board.series() == 3);
}

TEST_CASE("values follow the newest run, and a series that ended is gone") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.publish(run("sizes", "",
                    {sample("pgtend_database_size_bytes", Labels{{"datname", "a"}}, 1),
                     sample("pgtend_database_size_bytes", Labels{{"datname", "b"}}, 2)}));
  board.publish(run("sizes", "",
                    {sample("pgtend_database_size_bytes", Labels{{"datname", "a"}}, 5),
                     sample("pgtend_database_size_bytes", Labels{{"datname", "b"}}, 6)}));
  CHECK(has(board.render(kThen), "pgtend_database_size_bytes{datname=\"a\"} 5"));
  board.publish(run("sizes", "", {sample("pgtend_database_size_bytes", Labels{{"datname", "b"}}, 7)}));
  const auto page = board.render(kThen);
  CHECK(page.find("datname=\"a\"") == std::string::npos);
  CHECK(has(page, "pgtend_database_size_bytes{datname=\"b\"} 7"));
  board.publish(run("sizes", "", {sample("pgtend_database_size_bytes", Labels{{"datname", "b"}}, stale_marker())}));
  CHECK(board.render(kThen).find("datname=\"b\"") == std::string::npos);
}

TEST_CASE("a failed run keeps the last good samples for three intervals and the time of a run") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.publish(run("sizes", "shop", {sample("pgtend_database_size_bytes", {}, 1)}));
  board.publish(run("sizes", "shop", {}, CollectStatus::timeout, kThen + Millis(10'000)));
  auto page = board.render(kThen + Millis(10'000));
  CHECK(has(page, "pgtend_database_size_bytes 1"));
  CHECK(has(page, "pgtend_collector_up{collector=\"sizes\",datname=\"shop\"} 0"));
  CHECK_THAT(page,
             ContainsSubstring(
                 "pgtend_collector_last_success_timestamp_seconds{collector=\"sizes\",datname=\"shop\"} 1700000000\n"));
  CHECK(has(board.render(kThen + Millis(30'012)), "pgtend_database_size_bytes 1"));
  CHECK(board.render(kThen + Millis(30'013)).find("\npgtend_database_size_bytes") == std::string::npos);
}

TEST_CASE("a collector that does not apply to the server is not down") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.publish(run("wal_receiver", "", {}, CollectStatus::unavailable));
  CHECK(has(board.render(kThen), "pgtend_collector_up{collector=\"wal_receiver\"} 0"));
  board.publish(run("wal_receiver", "", {}, CollectStatus::unsupported));
  CHECK(board.render(kThen).find("collector=\"wal_receiver\"") == std::string::npos);
}

TEST_CASE("a collector that fell silent is down once it is stale") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.publish(run("sizes", "", {sample("pgtend_database_size_bytes", {}, 1)}));
  CHECK(has(board.render(kThen), "pgtend_collector_up{collector=\"sizes\"} 1"));
  CHECK(has(board.render(kThen + Millis(60'000)), "pgtend_collector_up{collector=\"sizes\"} 0"));
}

TEST_CASE("a series that two runs claim appears once and is counted") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.publish(run("sizes", "a", {sample("pgtend_database_size_bytes", Labels{{"datname", "a"}}, 1)}));
  board.publish(run("sizes", "b", {sample("pgtend_database_size_bytes", Labels{{"datname", "a"}}, 2)}));
  const auto page = board.render(kThen);
  CHECK(has(page, "pgtend_database_size_bytes{datname=\"a\"} 1"));
  CHECK_FALSE(has(page, "pgtend_database_size_bytes{datname=\"a\"} 2"));
  CHECK(has(page, "pgtend_duplicate_samples_total 1"));
  board.forget("sizes", "a");
  const auto after = board.render(kThen);
  CHECK(has(after, "pgtend_database_size_bytes{datname=\"a\"} 2"));
  CHECK(after.find("pgtend_collector_up{collector=\"sizes\",datname=\"a\"}") == std::string::npos);
}

TEST_CASE("the guard cuts the largest family to its largest values and spares the small ones") {
  BoardOptions options{"0.1.0"};
  options.max_series = 30;
  MetricsBoard board(options);
  std::vector<SeriesSample> tables, rest;
  for (int i = 0; i < 100; ++i) tables.push_back(sample("pgtend_table_rows", Labels{{"table", std::to_string(i)}}, i));
  for (int i = 0; i < 10; ++i) rest.push_back(sample("pgtend_wait", Labels{{"event", std::to_string(i)}}, 1));
  board.publish(run("tables", "shop", tables));
  board.publish(run("waits", "", rest));
  const auto page = board.render(kThen);
  CHECK(board.series() == 30);
  for (int i = 0; i < 10; ++i) CHECK(has(page, "pgtend_wait{event=\"" + std::to_string(i) + "\"} 1"));
  CHECK(has(page, "pgtend_table_rows{table=\"99\"} 99"));
  CHECK(has(page, "pgtend_table_rows{table=\"80\"} 80"));
  CHECK_FALSE(has(page, "pgtend_table_rows{table=\"79\"} 79"));
  CHECK_THAT(page, ContainsSubstring("\npgtend_series_dropped_total 80\n"));
  // The choice stays while the series are the same, though the values now say otherwise.
  for (auto& one : tables) one.value = 100 - one.value;
  board.publish(run("tables", "shop", tables));
  CHECK(has(board.render(kThen), "pgtend_table_rows{table=\"99\"} 1"));
}

TEST_CASE("what is left out is counted for each run, also of runs that no page showed") {
  BoardOptions options{"0.1.0"};
  options.max_series = 2;
  MetricsBoard board(options);
  const auto of = [](const char* table, double value) {
    return sample("pgtend_table_rows", Labels{{"table", table}}, value);
  };
  for (int i = 0; i < 3; ++i) board.publish(run("tables", "a", {of("x", 1), of("y", 2), of("z", 3)}));
  for (int i = 0; i < 4; ++i) board.publish(run("tables", "b", {of("z", 3)}));
  auto page = board.render(kThen);
  CHECK(has(page, "pgtend_series_dropped_total 3"));
  CHECK(has(page, "pgtend_duplicate_samples_total 4"));
  page = board.render(kThen);
  CHECK(has(page, "pgtend_series_dropped_total 3"));
  CHECK(has(page, "pgtend_duplicate_samples_total 4"));
  // Another set of series is another choice, and the text follows it.
  board.publish(run("tables", "a", {of("x", 5)}));
  page = board.render(kThen);
  CHECK(has(page, "pgtend_table_rows{table=\"x\"} 5"));
  CHECK(has(page, "pgtend_table_rows{table=\"z\"} 3"));
  CHECK(has(page, "pgtend_duplicate_samples_total 4"));
  CHECK(board.series() == 2);
}

TEST_CASE("exporter names can be left out") {
  for (const bool served : {true, false}) {
    BoardOptions options{"0.1.0"};
    options.exporter.version = served ? "0.20" : "off";
    MetricsBoard board(options);
    board.set_defs(defs());
    board.publish(
        run("stat_database", "",
            {sample("pg_stat_database_xact_commit", {}, 1), sample("pgtend_database_xact_commit_total", {}, 1)}));
    const auto page = board.render(kThen);
    CHECK(has(page, "pg_stat_database_xact_commit 1") == served);
    CHECK(has(page, "pgtend_database_xact_commit_total 1"));
  }
}

TEST_CASE("the agent's own series win over a collector that takes their name") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.publish(run("mine", "", {sample("pgtend_build_info", Labels{{"x", "y"}}, 1)}));
  CHECK(board.render(kThen).find("pgtend_build_info{x=\"y\"}") == std::string::npos);
}

TEST_CASE("counters and gauges of the engine are on the page and may be set from other threads") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  auto sent = board.counter("pgtend_notifications_total", "Notifications by outcome.", Labels{{"outcome", "sent"}});
  auto depth = board.gauge("pgtend_outbox_messages", "Messages that wait.");
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) sent.add();
  });
  for (int i = 0; i < 1000; ++i) depth.set(i);
  other.join();
  board.counter("pgtend_notifications_total", "Notifications by outcome.", Labels{{"outcome", "sent"}}).add(2);
  const auto page = board.render(kThen);
  CHECK(sent.value() == 1002);
  CHECK(has(page, "pgtend_notifications_total{outcome=\"sent\"} 1002"));
  CHECK(has(page, "pgtend_outbox_messages 999"));
  CHECK(has(board.render(kThen), "pgtend_scrapes_total 2"));
}

TEST_CASE("the process's own figures are real") {
  MetricsBoard board(BoardOptions{"0.1.0"});
  const auto page = board.render(kThen);
  const auto value = [&](const std::string& name) {
    const auto at = page.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::strtod(page.c_str() + at + name.size() + 2, nullptr);
  };
  CHECK(value("process_resident_memory_bytes") > 1e6);
  CHECK(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
  CHECK(value("process_open_fds") >= 3);
  CHECK(value("process_start_time_seconds") > 1.6e9);
  CHECK(value("process_cpu_seconds_total") > 0);
}

TEST_CASE("promtool accepts the page") {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    WARN("promtool is not installed");
    return;
  }
  MetricsBoard board(BoardOptions{"0.1.0"});
  board.set_defs({{"pgtend_database_size_bytes", MetricKind::gauge, "bytes", "Size of the database.", "", ""},
                  {"pgtend_database_xact_commit_total", MetricKind::counter, "", "Transactions committed.", "", ""}});
  board.publish(
      run("a", "shop",
          {sample("pgtend_database_size_bytes", Labels{{"datname", "ä \"x\"\n\\"}}, 1e300),
           sample("pgtend_database_size_bytes", Labels{{"datname", "b"}}, std::numeric_limits<double>::infinity()),
           sample("pgtend_database_size_bytes", Labels{{"datname", "c"}}, std::numeric_limits<double>::quiet_NaN()),
           sample("pgtend_database_xact_commit_total", {}, 3, MetricKind::counter)}));
  FILE* tool = ::popen("promtool check metrics", "w");
  REQUIRE(tool != nullptr);
  const auto page = board.render(kThen);
  CHECK(std::fwrite(page.data(), 1, page.size(), tool) == page.size());
  CHECK(::pclose(tool) == 0);
}
