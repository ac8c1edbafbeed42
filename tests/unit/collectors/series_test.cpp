#include <cstdint>

#include "collectors/metric_defs.hpp"
#include "collectors/rows_to_series.hpp"
#include "collectors/timestamps.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

CollectorDef database_def() {
  CollectorDef def;
  def.name = "database";
  def.source = "pg_stat_database";
  def.labels = {"datid", "datname"};
  def.epoch_column = "epoch";
  CollectorColumn read;
  read.column = "blk_read_time";
  read.metric = "pgtend_database_block_read_seconds_total";
  read.kind = MetricKind::counter;
  read.unit = "seconds";
  read.help = "Time spent reading.";
  read.scale = 0.001;
  read.exporter_name = "pg_stat_database_blk_read_time";
  CollectorColumn reset;
  reset.column = "stats_reset";
  reset.metric = "pgtend_database_stats_reset_time_seconds";
  def.columns = {read, reset};
  return def;
}

RowSet captured() {
  RowSet rows;
  rows.columns = {"datid", "datname", "blk_read_time", "stats_reset", "epoch"};
  rows.rows = {{"5", "postgres", "1500.5", std::nullopt, "1795439022"},
               {"16384", "shop", "0", "2026-11-23 12:30:00.5+01", "1795439023"}};
  return rows;
}

const SeriesSample* find(const SeriesRun& run, const std::string& text) {
  for (const auto& sample : run.samples)
    if (to_string(sample.key) == text) return &sample;
  return nullptr;
}

}  // namespace

TEST_CASE("a value goes out in base units under our name and in its own under the exporter's") {
  const auto run = rows_to_series(database_def(), captured(), {}, "postgres");
  const auto* native = find(run, R"(pgtend_database_block_read_seconds_total{datid="5",datname="postgres"})");
  const auto* exporter = find(run, R"(pg_stat_database_blk_read_time{datid="5",datname="postgres"})");
  REQUIRE(native);
  REQUIRE(exporter);
  CHECK(native->value == Approx(1.5005));
  CHECK(exporter->value == 1500.5);
  CHECK(native->kind == MetricKind::counter);
}

TEST_CASE("a statement that puts rows with alerts first is asked for as many rows as become series") {
  CollectorDef def = database_def();
  def.columns[1].max_version = 140000;
  def.sql = "SELECT a, left_out FROM t ORDER BY name = ANY ({watched}) LIMIT {max_series}";
  // Three series a row before 15, two since; the last row may be cut.
  CHECK(rows_asked_for(def, 130000, 10) == 4);
  CHECK(rows_asked_for(def, 150000, 10) == 5);
  def.max_series = 3;
  CHECK(rows_asked_for(def, 150000, 10) == 3);
  def.max_series = 0;
  CHECK(rows_asked_for(def, 150000, SIZE_MAX) == kDefaultMaxRows);

  def.sql = "SELECT a, left_out FROM t LIMIT {max_series}";
  CHECK(rows_asked_for(def, 150000, 10) == kDefaultMaxRows);
  def.sql = "SELECT a FROM t ORDER BY name = ANY ({watched}) LIMIT {max_series}";
  CHECK(rows_asked_for(def, 150000, 10) == kDefaultMaxRows);
}

TEST_CASE("of more series than are wanted the first are made, and what is left out is counted") {
  const auto all = rows_to_series(database_def(), captured(), {}, "postgres");
  REQUIRE(all.samples.size() == 5);
  CHECK(all.rows == 2);
  RowKeys keys;
  const auto some = rows_to_series(database_def(), captured(), {}, "postgres", &keys, 3);
  REQUIRE(some.samples.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(some.samples[i].key == all.samples[i].key);
  CHECK(some.rows == 2);
  CHECK(some.over == 2);
  CHECK(some.dropped == 0);
  const auto one = rows_to_series(database_def(), captured(), {}, "postgres", &keys, 2);
  CHECK(one.rows == 1);
  CHECK(one.over == 0);
  CHECK(one.dropped == 1);
}

TEST_CASE("of more series than are wanted those that fold are the whole of the first ones") {
  auto def = database_def();
  def.fold = true;
  auto rows = captured();
  rows.rows.push_back(rows.rows[0]);
  REQUIRE(rows_to_series(def, rows, {}, "postgres").samples.size() == 5);
  RowKeys keys;
  for (int run = 0; run < 2; ++run) {
    const auto some = rows_to_series(def, rows, {}, "postgres", &keys, 2);
    REQUIRE(some.samples.size() == 2);
    // Two rows are one series; the row between them is left out.
    CHECK(some.samples[1].value == 3001);
    CHECK(some.rows == 1);
    CHECK(some.dropped == 1);
    CHECK(some.over == 0);
    CHECK(rows_to_series(def, rows, {}, "postgres", &keys, 3).over == 2);
  }
}

TEST_CASE("a time goes out in whole microseconds under both names, and other values as they are") {
  auto rows = captured();
  rows.rows[0][2] = "123.45678999999801";
  rows.rows[1][2] = "1e300";
  auto def = database_def();
  CollectorColumn other;
  other.column = "blk_read_time";
  other.metric = "pgtend_other";
  def.columns.push_back(other);
  const auto run = rows_to_series(def, rows, {}, "postgres");
  const auto value = [&](const std::string& text) {
    const auto* sample = find(run, text);
    REQUIRE(sample);
    return sample->value;
  };
  CHECK(value(R"(pgtend_database_block_read_seconds_total{datid="5",datname="postgres"})") == 0.123457);
  CHECK(value(R"(pg_stat_database_blk_read_time{datid="5",datname="postgres"})") == 123.457);
  CHECK(value(R"(pgtend_other{datid="5",datname="postgres"})") == 123.45678999999801);
  // What microseconds cannot count stays.
  CHECK(value(R"(pg_stat_database_blk_read_time{datid="16384",datname="shop"})") == 1e300);
}

TEST_CASE("NULL and text that is no number give no sample, and a timestamp gives Unix seconds") {
  const auto run = rows_to_series(database_def(), captured(), {}, "");
  CHECK(run.samples.size() == 5);
  CHECK(find(run, R"(pgtend_database_stats_reset_time_seconds{datid="5",datname="postgres"})") == nullptr);
  const auto* reset = find(run, R"(pgtend_database_stats_reset_time_seconds{datid="16384",datname="shop"})");
  REQUIRE(reset);
  CHECK(reset->value == 1795433400.5);
  auto rows = captured();
  rows.rows[0][2] = "unknown";
  CHECK(rows_to_series(database_def(), rows, {}, "").samples.size() == 3);
}

TEST_CASE("an empty answer and one without the wanted columns give nothing") {
  RowSet none;
  CHECK(rows_to_series(database_def(), none, {}, "").samples.empty());
  none.columns = {"other"};
  none.rows = {{"1"}};
  CHECK(rows_to_series(database_def(), none, {}, "").samples.empty());
}

TEST_CASE("each row continues only within its own reset epoch and its server") {
  ServerIdentity server;
  server.system_identifier = "7";
  const auto run = rows_to_series(database_def(), captured(), server, "");
  CHECK(run.samples[0].epoch == epoch_hash(server, "1795439022"));
  CHECK(run.samples[0].epoch != run.samples[2].epoch);
  server.timeline = 2;
  CHECK(rows_to_series(database_def(), captured(), server, "").samples[0].epoch != run.samples[0].epoch);
}

TEST_CASE("a duplicate series keeps the first value and is counted") {
  auto rows = captured();
  rows.rows[1] = rows.rows[0];
  rows.rows[1][2] = "9";
  const auto run = rows_to_series(database_def(), rows, {}, "");
  CHECK(run.duplicates == 2);
  CHECK(run.samples.size() == 2);
  CHECK(run.samples[1].value == 1500.5);
}

TEST_CASE("a statement that picks its rows says how many it left out") {
  auto rows = captured();
  rows.columns.emplace_back("left_out");
  for (auto& row : rows.rows) row.emplace_back("1700");
  CHECK(rows_to_series(database_def(), rows, {}, "postgres").dropped == 1700);
}

TEST_CASE("rows beyond the quota are dropped from the end and counted") {
  auto def = database_def();
  def.max_series = 1;
  const auto run = rows_to_series(def, captured(), {}, "");
  CHECK(run.dropped == 1);
  CHECK(find(run, R"(pg_stat_database_blk_read_time{datid="5",datname="postgres"})") != nullptr);
  CHECK(find(run, R"(pg_stat_database_blk_read_time{datid="16384",datname="shop"})") == nullptr);
}

TEST_CASE("a database-scoped row carries its database") {
  auto def = database_def();
  def.scope = CollectorScope::database;
  def.labels = {"datid"};
  const auto run = rows_to_series(def, captured(), {}, "shop");
  CHECK(run.samples[0].key->labels.get("datname") == "shop");
  def.labels = {"datname"};
  CHECK(rows_to_series(def, captured(), {}, "shop").samples[0].key->labels.get("datname") == "postgres");
}

TEST_CASE("a column outside this server's version gives no sample") {
  auto def = database_def();
  def.columns[0].max_version = 139999;
  ServerIdentity server;
  server.version_num = 150020;
  CHECK(rows_to_series(def, captured(), server, "").samples.size() == 1);
}

TEST_CASE("statements are labelled user under the exporter's name and usename under ours") {
  CollectorDef def;
  def.labels = {"usename", "queryid"};
  CollectorColumn calls;
  calls.column = "calls";
  calls.metric = "pgtend_statements_calls_total";
  calls.exporter_name = "pg_stat_statements_calls_total";
  def.columns = {calls};
  RowSet rows;
  rows.columns = {"usename", "queryid", "calls"};
  rows.rows = {{"app", "-5", "3"}};
  const auto run = rows_to_series(def, rows, {}, "");
  CHECK(find(run, R"(pgtend_statements_calls_total{queryid="-5",usename="app"})") != nullptr);
  CHECK(find(run, R"(pg_stat_statements_calls_total{queryid="-5",user="app"})") != nullptr);
}

TEST_CASE("timestamps are read in every offset PostgreSQL prints and nothing else is") {
  CHECK(parse_timestamptz("1970-01-01 00:00:01+00") == from_ms(1000));
  CHECK(parse_timestamptz("1970-01-01 05:30:00.25+05:30") == from_ms(250));
  CHECK(parse_timestamptz("1969-12-31 19:00:00-05") == from_ms(0));
  for (const auto* text : {"", "infinity", "2026-02-30 00:00:00+00", "2026-01-01 00:00:00", "2026-01-01", "12.5"})
    CHECK_FALSE(parse_timestamptz(text));
}

TEST_CASE("metric definitions name both twins once, sorted, and admit the exporter's own unit") {
  const auto def = database_def();
  const std::vector<CollectorDef> twice{def, def};
  const auto metrics = metric_defs(twice);
  REQUIRE(metrics.size() == 3);
  CHECK(metrics[0].name == "pg_stat_database_blk_read_time");
  CHECK(metrics[0].unit.empty());
  CHECK(metrics[1].name == "pgtend_database_block_read_seconds_total");
  CHECK(metrics[1].exporter_name == "pg_stat_database_blk_read_time");
  CHECK(metrics[1].unit == "seconds");
  CHECK(metrics[1].kind == MetricKind::counter);
}

TEST_CASE("an alert names a row when it has each of its labels, and its row goes before those a limit cuts") {
  auto def = database_def();
  const Labels alert{{"alertname", "A"}, {"datid", "16384"}, {"datname", "shop"}, {"severity", "critical"}};
  const auto row = row_named_by(def, "", alert);
  REQUIRE(row);
  CHECK(*row == Labels{{"datid", "16384"}, {"datname", "shop"}});
  CHECK_FALSE(row_named_by(def, "", Labels{{"alertname", "A"}, {"datname", "shop"}}));
  CHECK_FALSE(row_named_by(CollectorDef{}, "", alert));

  auto rows = captured();
  rows.rows.push_back({"7", "third", "1", std::nullopt, "1"});
  put_first(def, "", {*row}, rows);
  CHECK(rows.text(0, "datname") == "shop");
  CHECK(rows.text(1, "datname") == "postgres");
  CHECK(rows.text(2, "datname") == "third");

  SECTION("of a collector that runs in each database, only one about that database") {
    def.scope = CollectorScope::database;
    def.labels = {"datid"};
    CHECK_FALSE(row_named_by(def, "postgres", alert));
    CHECK(row_named_by(def, "shop", alert) == Labels{{"datid", "16384"}, {"datname", "shop"}});
  }
}
