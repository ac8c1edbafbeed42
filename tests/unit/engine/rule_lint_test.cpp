#include "agent/engine/rule_lint.hpp"

#include <algorithm>

#include "rules/promql/memory_history.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

// Two days of one series every 15 s, up to now.
void add(promql::MemoryHistory& history, const std::string& name, Labels labels, double first, double step,
         double wrap, std::optional<double> low = std::nullopt) {
  std::vector<Sample> samples;
  double value = first;
  for (std::int64_t ms = kNow - 2 * 86'400'000LL; ms <= kNow; ms += 15'000) {
    samples.push_back({UtcTime(Millis(ms)), value});
    value += step;
    if (wrap > 0 && value > wrap) value = low.value_or(wrap / 2);
  }
  REQUIRE(history.add({name, std::move(labels)}, std::move(samples)));
}

// Answers with every twentieth sample where it is told that samples may lie so far apart, as the files do.
class CoarseHistory final : public HistoryReader {
 public:
  explicit CoarseHistory(HistoryReader& all) : all_(all) {}
  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range,
                                         std::size_t max_samples) override {
    auto found = all_.select(matchers, range, max_samples);
    if (!found || hints_.resolution < Millis(300'000)) return found;
    for (auto& series : *found) {
      std::vector<Sample> few;
      for (std::size_t i = 0; i < series.samples.size(); i += 20) few.push_back(series.samples[i]);
      series.samples = std::move(few);
    }
    return found;
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>& matchers, TimeRange range) override {
    return all_.series(matchers, range);
  }
  Result<std::vector<ResetEvent>> resets(TimeRange range) override { return all_.resets(range); }
  Result<std::vector<Gap>> gaps(TimeRange range) override { return all_.gaps(range); }
  void hint(const ReadHints& hints) override { hints_ = hints; }

 private:
  HistoryReader& all_;
  ReadHints hints_;
};

struct House {
  promql::MemoryHistory history;
  std::vector<MetricDef> defs{
      {"pgtend_longest", MetricKind::gauge, "seconds", "", "", "pg_stat_activity_max_tx_duration"},
      {"pgtend_deadlocks_total", MetricKind::counter, "", "", "", "pg_stat_database_deadlocks"}};

  House() {
    const Labels database{{"datname", "shop"}};
    add(history, "pg_stat_activity_max_tx_duration", database, 0, 15, 7200);
    add(history, "pg_stat_database_deadlocks", database, 100, 0.01, 0);
    add(history, "pg_stat_user_tables_n_dead_tup", database, 1e6, 0, 0);
    add(history, "pg_stat_user_tables_n_live_tup", database, 10, 0, 0);
    add(history, "pgbouncer_pools_server_active_connections", {{"database", "shop"}}, 1, 0, 0);
    add(history, "pgbouncer_config_max_user_connections", {}, 0, 0, 0);
    add(history, "cnpg_pg_stat_database_deadlocks", database, 5, 0.01, 0);
    add(history, "pg_up", {}, 1, 0, 0);
  }

  std::vector<LintFinding> lint(const std::string& rules, const std::string& file = "rules.yaml") {
    const auto loaded = load_rule_text("groups:\n- name: g\n  rules:\n" + rules, file, Millis(15'000));
    INFO(config::format_errors(loaded.errors));
    REQUIRE(loaded.errors.empty());
    const UtcTime now{Millis(kNow)};
    CoarseHistory coarse(history);
    RuleFacts facts(coarse, {now - Millis(2 * 86'400'000LL), now}, defs, *loaded.rules);
    auto found = lint_rules(*loaded.rules, facts, {});
    REQUIRE(found);
    return std::move(*found);
  }
  // The checks that one alert with this expression fails, in order, without repeats.
  std::string checks(const std::string& expr) {
    std::string out;
    for (const auto& one : lint("  - alert: A\n    expr: '" + expr + "'\n")) {
      INFO(one.message);
      CHECK(one.rule == "A");
      CHECK(one.line == 4);
      if (out.find(one.check) == std::string::npos) out += (out.empty() ? "" : " ") + one.check;
    }
    return out;
  }
};

}  // namespace

TEST_CASE("the broken community rules are found out") {
  House house;
  // postgres_mixin, PostgreSQLSlowQueries: the rate of a duration.
  CHECK(
      house.checks("avg by (datname) (rate(pg_stat_activity_max_tx_duration{datname!~\"template.*\"}[2m])) > 2 * 60") ==
      "gauge-in-rate");
  // postgres_mixin, PostgresTablesNotVaccumed: a timestamp is always of now.
  CHECK(house.checks("group without (pod) (timestamp(pg_stat_user_tables_n_dead_tup > pg_stat_user_tables_n_live_tup * "
                     "0.2) < time() - 36000)") == "cannot-fire");
  // pgbouncer-mixin: 0 means unlimited.
  CHECK(house
            .checks("pgbouncer_pools_server_active_connections / on () group_left () "
                    "clamp_min(pgbouncer_config_max_user_connections, 1) > 0.9")
            .starts_with("zero-setting"));
  // awesome-prometheus-alerts: a metric that is no more.
  CHECK(house.checks("increase(pgbouncer_errors_count[1m]) > 10") == "unknown-metric");
  // cloudnative-pg: a counter compared as it is.
  CHECK(house.checks("cnpg_pg_stat_database_deadlocks > 10").starts_with("counter-without-rate"));
}

TEST_CASE("what is right stays unmentioned") {
  House house;
  CHECK(house.checks("increase(pg_stat_database_deadlocks[1h]) > 5000") == "");
  CHECK(house.checks("pg_stat_activity_max_tx_duration > 9000") == "");
  CHECK(house.checks("pg_up == 0") == "");
  CHECK(house.checks("absent(pg_up)") == "");
  CHECK(house.checks("absent(pg_up{instance=\"nowhere\"}) and pg_up == 0") == "");
  CHECK(house.checks("pgbouncer_pools_server_active_connections / 20 > 0.9") == "");
  CHECK(house.checks("pg_stat_database_deadlocks - pg_stat_database_deadlocks offset 1h > 5000") == "");
}

TEST_CASE("windows, latches, labels and types are looked at in history") {
  House house;
  CHECK(house.checks("increase(pg_stat_database_deadlocks[30s]) > 5") == "short-window");
  CHECK(house.checks("deriv(pg_stat_database_deadlocks[5m]) > 5") == "counter-in-delta");
  CHECK(house.checks("pg_stat_user_tables_n_dead_tup > 1000") == "latches");
  CHECK(house.checks("pg_up{instance=\"nowhere\"} == 0") == "never-matches");
  CHECK(house.checks("pgtend_longest > 5") == "no-samples");
  CHECK(house.checks("count(pg_up) == 0") == "cannot-fire");
  CHECK(house.checks("pg_upp == 0") == "unknown-metric");
  const auto typo = house.lint("  - alert: A\n    expr: pg_upp == 0\n");
  CHECK_THAT(typo.at(0).message, ContainsSubstring("did you mean pg_up?"));
  // A recording rule of the same files makes its metric.
  const auto recorded = house.lint("  - record: a:b\n    expr: sum(pg_up)\n  - alert: A\n    expr: a:b > 3\n");
  REQUIRE(recorded.size() == 1);
  CHECK(recorded[0].check == "no-samples");
  CHECK(recorded[0].severity == LintSeverity::info);
}

TEST_CASE("conditions that exclude each other cannot fire, whichever way they are written") {
  House house;
  for (const auto* expr :
       {"pg_up > 5 and pg_up < 3", "pg_up > 5 and 5 >= pg_up", "pg_up > 5 < 3", "pg_up == 1 == 2",
        "(pg_up > 5 unless pg_upp) and (pg_up < 3 and pg_up)", "rate(pg_up[5m]) > 1 and rate(pg_up[5m]) < 1"})
    CHECK_THAT(house.checks(expr), ContainsSubstring("cannot-fire"));
  for (const auto* expr :
       {"pg_up >= 5 and pg_up <= 5", "pg_up > 3 and pg_up < 5", "pg_up > 5 or pg_up < 0",
        "pg_up > 5 and on () pg_up < 3", "pg_up > 5 and ignoring (x) pg_up < 3", "pg_up > 5 unless pg_up < 3",
        "pg_up > 5 and pg_up offset 1m < 3", "pg_up > 5 != 6", "pg_up > 5 and (pg_up < bool 3) == 0"})
    CHECK(house.checks(expr) == "");
}

TEST_CASE("an alert whose comparison has bool fires always") {
  House house;
  CHECK(house.checks("pg_up == bool 0").starts_with("always-fires"));
  CHECK(house.checks("(pg_up > bool 3) and pg_up").starts_with("always-fires"));
  CHECK(house.checks("(pg_up == bool 0) > 0") == "");
  CHECK(house.checks("pg_up == 0 and (pg_up < bool 3)") == "");
  CHECK(house.lint("  - record: a:b\n    expr: pg_up == bool 0\n").empty());
}

TEST_CASE("a recorded age that only rose so far is no counter, and ALERTS is made by alerts") {
  House house;
  add(house.history, "age:max", {}, 0, 15, 0);
  CHECK(house.lint("  - record: age:max\n    expr: max(pg_up)\n  - alert: A\n    expr: age:max > 9e9\n").empty());
  for (const auto& one : house.lint("  - alert: A\n    expr: ALERTS{alertname=\"B\"} == 1\n"))
    CHECK(one.check == "no-samples");
}

TEST_CASE("a metric that an expression names twice is found once") {
  House house;
  CHECK(house.lint("  - alert: A\n    expr: pgtend_longest > 5 and pgtend_longest < 9\n").size() == 1);
  // Each rule hears of it.
  CHECK(house.lint("  - alert: A\n    expr: pgtend_longest > 5\n  - alert: B\n    expr: pgtend_longest > 6\n").size() ==
        2);
}

TEST_CASE("a shipped rule may name what is not there yet, but nothing that nobody makes") {
  House house;
  const std::string shipped = "alerts/rules/postgresql.yaml";
  CHECK(house.lint("  - alert: A\n    expr: pgtend_longest > 5\n", shipped).empty());
  CHECK(house.lint("  - alert: A\n    expr: pg_up{instance=\"nowhere\"} == 0\n", shipped).empty());
  CHECK(house.lint("  - alert: A\n    expr: pg_upp == 0\n", shipped).at(0).check == "unknown-metric");
}

TEST_CASE("an alert that looks at nothing is meant to fire always") {
  House house;
  CHECK(house.checks("vector(1)") == "");
  CHECK(house.checks("vector(1) and on () pg_up") == "latches");
}

TEST_CASE("the distance of samples is that of the samples, whatever another rule asked for before") {
  House house;
  const auto found = house.lint(
      "  - alert: Long\n    expr: pg_up == 0\n"
      "  - alert: Short\n    expr: increase(pg_stat_database_deadlocks[2m]) > 5000\n");
  for (const auto& one : found) FAIL_CHECK(one.message);
}

TEST_CASE("a value in a label of a rule that waits is found, with its place") {
  House house;
  const auto lint = [&](const std::string& rest) { return house.lint("  - alert: A\n    expr: pg_up < 1\n" + rest); };
  const auto found = lint("    for: 5m\n    labels: {severity: page, v: 'at {{ $value }}'}\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].check == "value-in-label");
  CHECK(found[0].line > 0);
  CHECK_THAT(found[0].message, ContainsSubstring("the label v reads the value (character 7 of its text)"));
  CHECK(lint("    for: 5m\n    labels: {v: '{{ if gt .Value 1.0 }}a{{ else }}b{{ end }}'}\n").size() == 1);
  // Without a wait it fires all the same; other labels stay; and text outside of an action is text.
  CHECK(lint("    labels: {v: '{{ $value }}'}\n").empty());
  CHECK(lint("    for: 5m\n    labels: {v: '{{ $labels.datname }} $value'}\n").empty());
  CHECK(lint("    for: 5m\n    annotations: {v: '{{ $value }}'}\n").empty());
}

TEST_CASE("a name in _count or _sum is a counter's only beside its partner") {
  House house;
  CHECK(house.checks("pg_stat_activity_count > 1") == "unknown-metric");
  add(house.history, "pg_stat_activity_count", {}, 5, 0, 0);
  CHECK(house.checks("pg_stat_activity_count > 10").empty());
  add(house.history, "request_seconds_count", {}, 5, 0, 0);
  add(house.history, "request_seconds_sum", {}, 5, 0, 0);
  CHECK(house.checks("request_seconds_count > 10") == "counter-without-rate");
  CHECK(house.checks("request_seconds_sum > 10") == "counter-without-rate");
}

TEST_CASE("what falls to nothing again and again is no counter") {
  House house;
  add(house.history, "batch_rows_waiting", {}, 0, 7, 560, 0);
  CHECK(house.checks("batch_rows_waiting > 500").empty());
  add(house.history, "restarted_once", {}, 0, 7, 1400, 0);
  CHECK(house.checks("restarted_once > 500") == "counter-without-rate");
}
