#include "agent/config/collector_file.hpp"

#include "agent/config/check_file.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::config;

TEST_CASE("a collector file becomes a collector") {
  const auto file = decode_collector(R"(source: pg_stat_wal
scope: instance
interval: 30s
cost: B
min_version: 140000
role: primary
grant: GRANT pg_monitor TO pgtend_monitor
sql: SELECT {columns} FROM pg_stat_wal
labels: [datname]
epoch_column: stats_reset
max_series: 100
lock_aware: true
optional: true
columns:
  - column: wal_bytes
    metric: pgtend_wal_bytes_total
    kind: counter
    unit: bytes
    help: WAL written.
    exporter_name: pg_stat_wal_bytes
  - column: wal_write_time
    metric: pgtend_wal_write_seconds_total
    kind: counter
    unit: seconds
    help: Time spent writing WAL.
    scale: 0.001
    exporter_scale: 1000
    max_version: 179999
)",
                                     "collectors/postgres/wal.yaml");
  REQUIRE(format_errors(file.errors).empty());
  REQUIRE(file.def);
  const auto& def = *file.def;
  CHECK(def.name == "wal");
  CHECK(def.source == "pg_stat_wal");
  CHECK(def.scope == CollectorScope::instance);
  CHECK(def.interval == Millis(30'000));
  CHECK(def.cost == CostClass::b);
  CHECK(def.min_version == 140000);
  CHECK_FALSE(def.max_version);
  CHECK(def.role == ServerRole::primary);
  CHECK(def.grant == "GRANT pg_monitor TO pgtend_monitor");
  CHECK(def.sql == "SELECT {columns} FROM pg_stat_wal");
  CHECK(def.labels == std::vector<std::string>{"datname"});
  CHECK(def.epoch_column == "stats_reset");
  CHECK(def.max_series == 100);
  CHECK(def.lock_aware);
  CHECK(def.optional);
  CHECK(def.file == "collectors/postgres/wal.yaml");
  CHECK(def.line == 1);
  REQUIRE(def.columns.size() == 2);
  CHECK(def.columns[0].metric == "pgtend_wal_bytes_total");
  CHECK(def.columns[0].kind == MetricKind::counter);
  CHECK(def.columns[0].exporter_name == "pg_stat_wal_bytes");
  CHECK(def.columns[1].scale == 0.001);
  CHECK(def.columns[1].exporter_scale == 1000);
  CHECK(def.columns[1].max_version == 179999);
  CHECK(def.columns[1].unit == "seconds");
  CHECK(def.columns[1].help == "Time spent writing WAL.");
}

TEST_CASE("every mistake of a collector file is named at once with its place") {
  const auto file = decode_collector(R"(scope: cluster
interval: 10
cost: D
min_version: 150000
max_version: 140000
lock_aware: yes
labels: datname
colums: []
columns:
  - column: a
    metric: pg_a
    kind: count
    help: A.
  - column: b
    metric: pgtend_b
    help: B.
    scale: 0
  - column: c
    metric: pgtend_b
)",
                                     "c.yaml");
  CHECK_FALSE(file.def);
  CHECK(
      format_errors(file.errors) ==
      "c.yaml:1:1: 'sql' is missing; the statement; {columns} is replaced by the columns that exist\n"
      "c.yaml:1:8: 'scope' must be one of instance, database, not 'cluster'\n"
      "c.yaml:2:11: 'interval' must be a duration like 500ms, 30s, 5m, 1h30m or 7d, not '10'; add a unit, for "
      "example 10s\n"
      "c.yaml:3:7: 'cost' must be one of A, B, C, not 'D'; did you mean 'A'?\n"
      "c.yaml:4:14: min_version 150000 is above max_version 140000\n"
      "c.yaml:6:13: 'lock_aware' must be true or false, not 'yes'; write true\n"
      "c.yaml:7:9: 'labels' must be a list, not a single value\n"
      "c.yaml:8:1: unknown key 'colums'; did you mean 'columns'?\n"
      "c.yaml:10:5: 'pg_a' is not a metric name that starts with pgtend_\n"
      "c.yaml:12:11: 'kind' must be one of gauge, counter, not 'count'; did you mean 'counter'?\n"
      "c.yaml:14:5: a scale of 0 loses the value\n"
      "c.yaml:18:5: 'help' is missing; one sentence for /metrics and the documentation\n"
      "c.yaml:19:13: metric 'pgtend_b' is already made by column 'b'; bound both with min_version and max_version, or "
      "rename one\n");
}

TEST_CASE("one metric may come from two columns of different versions") {
  const std::string head = "sql: SELECT {columns} FROM v\ncolumns:\n";
  const std::string old_one = "  - {column: total_time, metric: pgtend_t, help: T., max_version: 129999}\n";
  const std::string new_one = "  - {column: total_exec_time, metric: pgtend_t, help: T., min_version: 130000}\n";
  CHECK(decode_collector(head + old_one + new_one, "c.yaml").def);
  const std::string any = "  - {column: total_exec_time, metric: pgtend_t, help: T.}\n";
  CHECK_FALSE(decode_collector(head + old_one + any, "c.yaml").def);
}

TEST_CASE("a check file holds one check or a list of them") {
  const std::string one = R"(category: security
severity: critical
scope: instance
sql: SELECT name AS subject FROM pg_settings WHERE name = 'ssl' AND setting = 'off'
summary: "{subject} is off"
)";
  auto file = decode_check(one, "rules/checks/ssl_off.yaml");
  REQUIRE(format_errors(file.errors).empty());
  REQUIRE(file.checks.size() == 1);
  CHECK(file.checks[0].name == "ssl_off");
  CHECK(file.checks[0].category == "security");
  CHECK(file.checks[0].severity == Severity::critical);
  CHECK(file.checks[0].scope == CollectorScope::instance);
  CHECK(file.checks[0].line == 1);
  CHECK(file.checks[0].file == "rules/checks/ssl_off.yaml");

  file = decode_check(R"(checks:
  - name: a
    category: schema
    sql: SELECT 1 AS subject
    summary: A
  - name: b
    category: configuration
    interval: 5m
    sql: SELECT 1 AS subject, 2 AS age
    value_column: age
    comparison: ">="
    threshold: 2e9
    unit: xids
    summary: B
)",
                      "c.yaml");
  REQUIRE(format_errors(file.errors).empty());
  REQUIRE(file.checks.size() == 2);
  CHECK(file.checks[1].name == "b");
  CHECK(file.checks[1].value_column == "age");
  CHECK(file.checks[1].comparison == ">=");
  CHECK(file.checks[1].threshold == 2e9);
  CHECK(file.checks[1].interval == Millis(300'000));
  CHECK(file.checks[1].line == 6);
}

TEST_CASE("mistakes of a check file are named with their place") {
  const auto file =
      decode_check("checks:\n  - category: schemas\n    sql: SELECT 1\n    summary: A\n    threshold: 1\n", "c.yaml");
  CHECK(format_errors(file.errors) ==
        "c.yaml:2:5: threshold is set but value_column is not; name the column that is compared\n"
        "c.yaml:2:5: 'name' is missing; check name\n"
        "c.yaml:2:15: 'category' must be one of security, configuration, schema, not 'schemas'; did you mean "
        "'schema'?\n");
}
