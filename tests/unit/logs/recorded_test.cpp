// Logs that real servers wrote (tests/golden/logs): every format tells the same, whatever the major.
#include <filesystem>
#include <map>

#include "collectors/logs/series.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::logs;

namespace {

const std::string kPrefix13 = "%m [%p] %q%u@%d %a %e ", kPrefix = "%m [%p] %q%u@%d %a %e %Q ";

std::string recorded(const std::string& name) {
  return test::read_file(std::filesystem::path(test::source_dir()) / "tests/golden/logs" / name);
}

struct Reading {
  LogTally tally;
  std::vector<LogEntry> entries;
  std::uint64_t unreadable = 0;
};

Reading read(const std::string& name, std::size_t piece = 1 << 16) {
  Reading out;
  const auto format = name.ends_with(".csv")    ? LogFormat::csv
                      : name.ends_with(".json") ? LogFormat::json
                                                : LogFormat::text;
  const auto parser = make_parser(format, name.starts_with("pg13") ? kPrefix13 : kPrefix, [&](const LogEntry& entry) {
    out.tally.count(entry);
    out.entries.push_back(entry);
  });
  const auto text = recorded(name);
  for (std::size_t at = 0; at < text.size(); at += piece) parser->feed(std::string_view(text).substr(at, piece));
  parser->pause();
  out.unreadable = parser->unreadable();
  return out;
}

std::map<std::string, double> series(const LogTally& tally) {
  std::map<std::string, double> out;
  for (const auto& sample : log_samples(tally, {}, 1)) out[to_string(*sample.key)] = sample.value;
  return out;
}

}  // namespace

TEST_CASE("the log of each major tells what happened, in each format the same") {
  const auto name =
      GENERATE(std::string("pg13.log"), std::string("pg13.csv"), std::string("pg15.log"), std::string("pg15.csv"),
               std::string("pg15.json"), std::string("pg18.log"), std::string("pg18.csv"), std::string("pg18.json"));
  CAPTURE(name);
  const auto reading = read(name);
  CHECK(reading.unreadable == 0);
  const auto found = series(reading.tally);
  const auto value = [&](const std::string& key) { return found.contains(key) ? found.at(key) : -1; };
  CHECK(value("pgtend_log_entries_total{severity=\"error\"}") == 3);
  CHECK(value("pgtend_log_entries_total{severity=\"fatal\"}") >= 2);
  CHECK(value("pgtend_log_errors_total{sqlstate_class=\"22\"}") == 1);
  CHECK(value("pgtend_log_errors_total{sqlstate_class=\"42\"}") == 1);
  CHECK(value("pgtend_log_errors_total{sqlstate_class=\"40\"}") == 1);
  CHECK(value("pgtend_log_deadlocks_total") == 1);
  CHECK(value("pgtend_log_temporary_files_total") == 3);
  CHECK(value("pgtend_log_temporary_bytes_total") > 5'000'000);
  CHECK(value("pgtend_log_lock_waits_total") == 1);
  CHECK(value("pgtend_log_lock_waits_ended_total") == 1);
  CHECK(value("pgtend_log_lock_wait_seconds_total") > 0.2);
  CHECK(value("pgtend_log_connections_authorized_total") == 14);
  CHECK(value("pgtend_log_connections_received_total") == 14);
  CHECK(value("pgtend_log_connections_refused_total{reason=\"authentication\"}") == 1);
  CHECK(value("pgtend_log_connections_refused_total{reason=\"no_such_database\"}") == 1);
  CHECK(value("pgtend_log_disconnections_total") == 11);
  CHECK(value("pgtend_log_session_seconds_total") > 2);
  CHECK(value("pgtend_log_crashes_total{signal=\"9\"}") == 1);
  CHECK(value("pgtend_log_starts_total") == 2);
  CHECK(value("pgtend_log_recoveries_total") == 1);
  CHECK(value("pgtend_log_shutdowns_total") == 1);
  CHECK(value("pgtend_log_checkpoints_total{kind=\"checkpoint\"}") == 3);
  CHECK(value("pgtend_log_checkpoint_buffers_total{kind=\"checkpoint\"}") > 80);
  CHECK(value("pgtend_log_statements_total") > 3);
  const std::string table = "{datname=\"postgres\",relname=\"t\",schemaname=\"public\"}";
  CHECK(value("pgtend_log_autovacuum_runs_total" + table) == 1);
  CHECK(value("pgtend_log_autovacuum_removed_total" + table) == 4'900);
  CHECK(value("pgtend_log_autovacuum_seconds_total" + table) > 0);
  CHECK(value("pgtend_log_autovacuum_buffers_total{access=\"hit\",datname=\"postgres\",relname=\"t\","
              "schemaname=\"public\"}") > 200);
  CHECK(value("pgtend_log_autoanalyze_runs_total" + table) == 1);
}

TEST_CASE("the formats of one server agree in every count") {
  for (const std::string major : {"pg13", "pg15", "pg18"}) {
    CAPTURE(major);
    const auto text = series(read(major + ".log").tally), csv = series(read(major + ".csv").tally);
    for (const auto& [key, count] : csv) {
      // What the server says before its collector runs is in the text alone.
      if (key.starts_with("pgtend_log_entries_total{severity=\"log\"")) continue;
      CAPTURE(key);
      REQUIRE(text.contains(key));
      CHECK(text.at(key) == count);
    }
    if (major != "pg13") CHECK(series(read(major + ".json").tally) == csv);
  }
}

TEST_CASE("plans are counted by the identifier of their query and their text is not kept") {
  const auto reading = read("pg18.csv");
  CHECK(reading.tally.plans.rows().size() > 4);
  CHECK_FALSE(reading.tally.plans.rows().contains(""));
  double plans = 0;
  for (const auto& [id, row] : reading.tally.plans.rows()) plans += row.counts.plans;
  CHECK(plans == 15);
  for (const auto& sample : log_samples(reading.tally, {}, 1))
    CHECK(to_string(*sample.key).find("secret") == std::string::npos);
  // PostgreSQL 13 tells no identifier.
  CHECK(read("pg13.csv").tally.plans.rows().size() == 1);
}

TEST_CASE("how the bytes are cut makes no difference") {
  for (const std::string name : {"pg15.log", "pg18.csv", "pg18.json"}) {
    CAPTURE(name);
    const auto whole = read(name).entries;
    CHECK(whole == read(name, 1).entries);
    CHECK(whole == read(name, 7).entries);
    CHECK(whole == read(name, 4'093).entries);
  }
}
