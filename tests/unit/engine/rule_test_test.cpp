#include "agent/engine/rule_test.hpp"

#include <cstdio>
#include <fstream>

#include "agent/base/strings.hpp"
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

TEST_CASE("a group's limit, its interval and equal labels are in a test what promtool makes of them") {
  test::TempDir dir("pgtend-rules");
  const auto failures = [&](const std::string& rule, const std::string& group) {
    test::write_file(dir.path() / "r.yaml", "groups: [{name: g, " + group + "rules: [" + rule + "]}]\n");
    test::write_file(dir.path() / "t.yaml", R"FILE(rule_files: [r.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{series: 'x{a="1"}', values: '1x9'}, {series: 'x{a="2"}', values: '1x9'}]
    promql_expr_test:
      - {expr: 'count(ALERTS or r)', eval_time: 3m, exp_samples: [{value: 2}]}
)FILE");
    const auto file = (dir.path() / "t.yaml").string();
    const auto theirs = test::run_command({"promtool", "test", "rules", file});
    const auto report = engine::run_rule_tests(file, false);
    REQUIRE(report.has_value());
    INFO(rule << group << "\n" << theirs.output << join(report->failures, "\n"));
    CHECK((theirs.status == 0) == report->failures.empty());
    return join(report->failures, "\n");
  };
  const std::string alert = "{alert: A, expr: x > 0}";
  CHECK(failures(alert, "limit: 2, ").empty());
  CHECK_THAT(failures(alert, "limit: 1, "), ContainsSubstring("rule A: more than 1 results, the group's limit"));
  CHECK(failures("{record: r, expr: x}", "interval: 5m, ").empty());
  CHECK_THAT(failures("{record: r, expr: x, labels: {a: b}}", ""),
             ContainsSubstring("same labelset after applying rule"));
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

namespace {

constexpr const char* kOrderedRules = R"FILE(groups:
  - name: g1
    rules:
      - {record: rec1, expr: a * 2}
      - {alert: Linked, expr: a > 0, annotations: {u: "at {{ $externalURL }}"}}
  - name: g2
    rules: [{record: rec2, expr: rec1 + 1}]
)FILE";

// Whether each of the two passes a test file about kOrderedRules. `head` goes above `tests`, `body` into the one test.
struct Passed {
  bool theirs = false, ours = false;
  std::string said;
};
Passed passed(const std::string& head, const std::string& body) {
  test::TempDir dir("pgtend-rules");
  test::write_file(dir.path() / "r.yaml", kOrderedRules);
  const auto file = (dir.path() / "t.yaml").string();
  test::write_file(file, "rule_files: [r.yaml]\n" + head +
                             "tests:\n  - interval: 1m\n    input_series: [{series: a, values: '2 3 4'}]\n" + body);
  Passed out;
  const auto theirs = test::run_command({"promtool", "test", "rules", file});
  const auto ours = engine::run_rule_tests(file, false);
  out.theirs = theirs.status == 0;
  out.ours = ours && ours->failures.empty();
  out.said = theirs.output + (ours ? join(ours->failures, "\n") : ours.error().describe());
  return out;
}

std::string expecting(const std::string& expr, const std::string& samples) {
  return "    promql_expr_test: [{expr: '" + expr + "', eval_time: 1m, exp_samples: " + samples + "}]\n";
}

}  // namespace

TEST_CASE("a test's external_url is what texts render, and groups are evaluated in group_eval_order, as in promtool") {
  struct Row {
    std::string head, body;
    bool passes;
  };
  const std::string linked = R"(    alert_rule_test:
      - {eval_time: 1m, alertname: Linked, exp_alerts: [{exp_annotations: {u: "URL"}}]}
)";
  const auto alert = [&](const std::string& url) { return std::string(linked).replace(linked.find("URL"), 3, url); };
  const std::vector<Row> rows{
      {"", alert("at "), true},
      {"", "    external_url: http://x/y\n" + alert("at http://x/y"), true},
      {"", "    external_url: http://x/y\n" + alert("at "), false},
      {"group_eval_order: [g1, g2]\n", expecting("rec2", "[{labels: rec2, value: 7}]"), true},
      {"group_eval_order: [g2, g1]\n", expecting("rec2", "[{labels: rec2, value: 5}]"), true},
      {"group_eval_order: [g2, g1]\n", expecting("rec2", "[{labels: rec2, value: 7}]"), false},
      {"group_eval_order: [g2, g1, g2]\n", expecting("rec2", "[{labels: rec2, value: 5}]"), false},
  };
  for (const auto& row : rows) {
    const auto both = passed(row.head, row.body);
    INFO(row.head << row.body << both.said);
    CHECK(both.theirs == row.passes);
    CHECK(both.ours == row.passes);
  }
}

TEST_CASE("an expected sample without labels, and answers that hold no sample, count as in promtool") {
  struct Row {
    std::string expr, samples;
    bool passes;
  };
  const std::vector<Row> rows{
      {"sum(a) + 2", "[{value: 5}]", true},
      {"sum(a) + 2", "[{value: 6}]", false},
      {"a + 2", "[{labels: \"{}\", value: 5}]", true},
      {"a", "[{value: 3}]", false},
      {"\"a\"", "[]", false},
      {"a[1m]", "[]", false},
      {"a > 9", "[]", true},
      {"5", "[{value: 5}]", true},
  };
  for (const auto& row : rows) {
    const auto both = passed("", expecting(row.expr, row.samples));
    INFO(row.expr << " " << row.samples << "\n" << both.said);
    CHECK(both.theirs == row.passes);
    CHECK(both.ours == row.passes);
  }
}

TEST_CASE("a test knows no sample later than the evaluation, and an empty label of a rule is none, as in promtool") {
  test::TempDir dir("pgtend-rules");
  test::write_file(dir.path() / "r.yaml", R"FILE(groups:
  - name: g
    rules:
      - {record: ahead, expr: x offset -2m}
      - {record: bare, expr: x, labels: {a: ''}}
      - {alert: Bare, expr: x > 0, labels: {a: '', b: '{{ if false }}b{{ end }}', c: d}}
)FILE");
  const auto file = (dir.path() / "t.yaml").string();
  const auto failures = [&](const std::string& checks) {
    test::write_file(file,
                     "rule_files: [r.yaml]\nevaluation_interval: 1m\ntests:\n  - interval: 30s\n"
                     "    input_series: [{series: 'x{a=\"1\"}', values: '1+1x40'}]\n" +
                         checks);
    const auto theirs = test::run_command({"promtool", "test", "rules", file});
    const auto report = engine::run_rule_tests(file, false);
    const auto text = report ? join(report->failures, "\n") : report.error().describe();
    INFO(checks << "\n" << theirs.output << text);
    CHECK((theirs.status == 0) == text.empty());
    return text;
  };
  const auto samples = [](const std::string& expr, const std::string& at, const std::string& expected) {
    return "    promql_expr_test: [{expr: " + expr + ", eval_time: " + at + ", exp_samples: [" + expected + "]}]\n";
  };
  CHECK(failures(samples("ahead", "3m", "{labels: 'ahead{a=\"1\"}', value: 7}")).empty());
  CHECK_FALSE(failures(samples("ahead", "3m", "{labels: 'ahead{a=\"1\"}', value: 11}")).empty());
  CHECK(failures(samples("x", "210s", "{labels: 'x{a=\"1\"}', value: 7}")).empty());
  CHECK(failures(samples("bare", "1m", "{labels: bare, value: 3}")).empty());
  const auto alerts = [](const std::string& labels) {
    return "    alert_rule_test: [{eval_time: 1m, alertname: Bare, exp_alerts: [{exp_labels: {" + labels + "}}]}]\n";
  };
  CHECK(failures(alerts("c: d")).empty());
  CHECK_THAT(failures(alerts("c: d, a: '1'")), ContainsSubstring("got:"));
  CHECK_THAT(failures(alerts("c: d, a: ''")), ContainsSubstring("t.yaml:6:") && ContainsSubstring("'a' is empty"));
}

TEST_CASE("what is wrong with a rule is told once with its line, however often it is evaluated") {
  test::TempDir dir("pgtend-rules");
  test::write_file(dir.path() / "r.yaml",
                   "groups:\n  - name: g\n    limit: 1\n    rules:\n      - {alert: A, expr: x}\n");
  const auto file = (dir.path() / "t.yaml").string();
  test::write_file(file,
                   "rule_files: [r.yaml]\ntests:\n  - name: many\n    input_series:\n"
                   "      - {series: 'x{a=\"1\"}', values: '_ 1x9'}\n      - {series: 'x{a=\"2\"}', values: '_ 1x9'}\n"
                   "    promql_expr_test: [{expr: count(x), eval_time: 3m, exp_samples: [{value: 2}]}]\n");
  const auto report = engine::run_rule_tests(file, false);
  REQUIRE(report);
  REQUIRE(report->failures.size() == 1);
  CHECK(report->failures[0] == file + ": test many: " + (dir.path() / "r.yaml").string() +
                                   ":5: rule A: more than 1 results, the group's limit (at 1m, and 2 times later)");
}
