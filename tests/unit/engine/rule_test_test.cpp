#include "agent/engine/rule_test.hpp"

#include <cstdio>
#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

using namespace pgtend;

TEST_CASE("an expectation that does not hold is a failure with its line and both sides") {
  test::TempDir dir("pgtend-rules");
  test::write_file(dir.path() / "r.yaml",
                   "groups: [{name: g, rules: [{alert: A, expr: up == 0, labels: {severity: info}}]}]\n");
  test::write_file(dir.path() / "t.yaml",
                   "rule_files: [r.yaml]\ntests:\n  - interval: 1m\n    input_series: [{series: up, values: '0 0'}]\n"
                   "    alert_rule_test:\n      - {eval_time: 1m, alertname: A, exp_alerts: []}\n");
  const auto report = engine::run_rule_tests((dir.path() / "t.yaml").string(), true);
  REQUIRE(report.has_value());
  REQUIRE(report->failures.size() == 1);
  REQUIRE(report->failures[0].find("t.yaml:6:") != std::string::npos);
  REQUIRE(report->failures[0].find("alertname=\"A\"") != std::string::npos);
}

TEST_CASE("ALERTS, recorded series and texts that ask are in a test what promtool has there") {
  test::TempDir dir("pgtend-rules");
  test::write_file(dir.path() / "r.yaml", R"FILE(groups:
  - name: g
    rules:
      - {record: "up:sum", expr: "sum by (job) (up)"}
      - alert: Down
        expr: up:sum == 0
        for: 1m
        annotations:
          summary: '{{ if eq $labels.job "a" }}job a{{ else }}b{{ end }}:{{ range query "sort(up)" }} {{ .Labels.job }}={{ .Value }}{{ end }}'
      - {alert: Chained, expr: 'ALERTS{alertname="Down", alertstate="firing"} == 1'}
)FILE");
  test::write_file(dir.path() / "t.yaml", R"FILE(rule_files: [r.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'up{job="a"}', values: '1 0 0 0 1 1'}
      - {series: 'up{job="b"}', values: '1 1 1 1 1 1'}
    alert_rule_test:
      - eval_time: 3m
        alertname: Down
        exp_alerts: [{exp_labels: {job: a}, exp_annotations: {summary: "job a: a=0 b=1"}}]
      - {eval_time: 3m, alertname: Chained, exp_alerts: [{exp_labels: {job: a, alertstate: firing}}]}
      - {eval_time: 4m, alertname: Chained, exp_alerts: []}
    promql_expr_test:
      - {expr: 'ALERTS{alertname="Down"}', eval_time: 1m, exp_samples: [{labels: 'ALERTS{alertname="Down", alertstate="pending", job="a"}', value: 1}]}
      - {expr: 'ALERTS_FOR_STATE{alertname="Down"}', eval_time: 3m, exp_samples: [{labels: 'ALERTS_FOR_STATE{alertname="Down", job="a"}', value: 60}]}
      - {expr: 'ALERTS', eval_time: 4m, exp_samples: []}
)FILE");
  const auto theirs = test::run_command({"promtool", "test", "rules", (dir.path() / "t.yaml").string()});
  INFO(theirs.output);
  CHECK(theirs.status == 0);
  const auto report = engine::run_rule_tests((dir.path() / "t.yaml").string(), true);
  REQUIRE(report.has_value());
  CHECK(report->failures == std::vector<std::string>());
  CHECK(report->checks == 6);
}
