#include "agent/config/rule_file.hpp"

#include "agent/config/rule_test_file.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::config;

TEST_CASE("a Prometheus rule file keeps names, durations, labels, text and lines") {
  const auto file = decode_rules(R"(groups:
  - name: postgres
    interval: 30s
    limit: 5
    query_offset: 1m
    rules:
      - alert: Down
        expr: pgtend_up == 0
        for: 1m30s
        keep_firing_for: 5m
        labels: {severity: critical, tier: 1, pod: ''}
        annotations:
          summary: "{{ $labels.instance }} is down"
      - record: job:up:sum
        expr: |
          sum by (job) (up)
)",
                                 "a.yaml");
  REQUIRE(format_errors(file.errors).empty());
  REQUIRE(file.groups.size() == 1);
  const auto& group = file.groups[0];
  CHECK(group.name == "postgres");
  CHECK(group.file == "a.yaml");
  CHECK(group.interval == Millis(30'000));
  CHECK(group.limit == 5);
  CHECK(group.query_offset == Millis(60'000));
  REQUIRE(group.rules.size() == 2);
  const auto& alert = group.rules[0];
  CHECK(alert.kind == RuleKind::alert);
  CHECK(alert.name == "Down");
  CHECK(alert.expr == "pgtend_up == 0");
  CHECK(alert.hold == Millis(90'000));
  CHECK(alert.keep_firing_for == Millis(300'000));
  CHECK(alert.labels == std::map<std::string, std::string>{{"pod", ""}, {"severity", "critical"}, {"tier", "1"}});
  CHECK(alert.annotations.at("summary") == "{{ $labels.instance }} is down");
  CHECK(alert.line == 7);
  CHECK(group.rules[1].kind == RuleKind::record);
  CHECK(group.rules[1].name == "job:up:sum");
  CHECK(group.rules[1].expr == "sum by (job) (up)\n");
  CHECK(group.rules[1].line == 14);
}

TEST_CASE("a merge key brings what an anchor named, below what is written beside it") {
  const auto file = decode_rules(R"(groups:
- name: a
  rules:
  - alert: One
    expr: up == 0
    labels: &who {team: db, tier: one}
  - alert: Two
    expr: up == 0
    labels:
      tier: two
      <<: *who
  - alert: Three
    expr: up == 0
    labels: {<<: [{team: web}, *who], page: yes}
)",
                                 "a.yaml");
  REQUIRE(format_errors(file.errors).empty());
  const auto& rules = file.groups.at(0).rules;
  CHECK(rules.at(1).labels == std::map<std::string, std::string>{{"team", "db"}, {"tier", "two"}});
  CHECK(rules.at(2).labels == std::map<std::string, std::string>{{"page", "yes"}, {"team", "web"}, {"tier", "one"}});
  const auto wrong =
      decode_rules("groups:\n- name: a\n  rules:\n  - {alert: x, expr: up, labels: {<<: db}}\n", "a.yaml");
  CHECK(format_errors(wrong.errors) == "a.yaml:4:39: '<<' takes a map, or a list of maps\n");
  CHECK(decode_rules("groups:\n- name: a\n  rules:\n  - {alert: x, expr: up, labels: {'<<': db}}\n", "a.yaml")
            .errors.at(0)
            .message.starts_with("'<<' is not a label name"));
}

TEST_CASE("an empty rule file has no groups and no errors") {
  for (const auto* text : {"", "groups:\n", "# nothing\n", "groups: []"}) {
    const auto file = decode_rules(text, "a.yaml");
    CHECK(format_errors(file.errors).empty());
    CHECK(file.groups.empty());
  }
}

TEST_CASE("every mistake of a rule file is named at once with its place") {
  const auto file = decode_rules(R"(groups:
  - name: g
    intervall: 30s
    rules:
      - alert: A
        exp: up
        for: 5 minutes
      - record: bad-name
        expr: up
        for: 1m
      - expr: up
      - alert: B
        record: c
        expr: up
        labels: {"1x": y}
  - name: g
)",
                                 "r.yaml");
  CHECK(format_errors(file.errors) ==
        "r.yaml:3:5: unknown key 'intervall'; did you mean 'interval'?\n"
        "r.yaml:6:9: unknown key 'exp'; did you mean 'expr'?\n"
        "r.yaml:7:14: 'for' must be a duration like 500ms, 30s, 5m, 1h30m or 7d, not '5 minutes'\n"
        "r.yaml:8:9: 'bad-name' is not a metric name\n"
        "r.yaml:10:9: 'for' belongs to an alert, not to a recording rule\n"
        "r.yaml:11:9: a rule needs 'alert' or 'record'\n"
        "r.yaml:12:9: a rule has 'alert' or 'record', not both\n"
        "r.yaml:15:18: '1x' is not a label name; letters, digits and _ only, no digit first\n"
        "r.yaml:16:11: a second group is named 'g'\n");
}

TEST_CASE("a promtool unit-test file is read as promtool reads it") {
  const auto decoded = decode_rule_test(R"(rule_files: [../rules/a.yaml, b.yaml]
evaluation_interval: 15s
group_eval_order: [one]
tests:
  - name: down
    interval: 1m
    input_series:
      - series: 'pgtend_up{instance="main"}'
        values: '1 0x5 _ stale'
    external_labels: {site: here}
    external_url: http://example.org
    alert_rule_test:
      - eval_time: 5m
        alertname: Down
        exp_alerts:
          - exp_labels: {instance: main, severity: critical}
            exp_annotations: {summary: gone}
    promql_expr_test:
      - expr: pgtend_up + 1
        eval_time: 0
        exp_samples:
          - labels: '{instance="main"}'
            value: 2.5
          - {labels: 'x', value: .nan}
          - {labels: 'y', value: -Inf}
  - input_series: []
)",
                                        "t.yaml");
  REQUIRE(format_errors(decoded.errors).empty());
  const auto& test = decoded.test;
  CHECK(test.file == "t.yaml");
  CHECK(test.rule_files == std::vector<std::string>{"../rules/a.yaml", "b.yaml"});
  CHECK(test.evaluation_interval == Millis(15'000));
  REQUIRE(test.tests.size() == 2);
  const auto& first = test.tests[0];
  CHECK(first.name == "down");
  CHECK(first.interval == Millis(60'000));
  REQUIRE(first.input.size() == 1);
  CHECK(first.input[0].series == "pgtend_up{instance=\"main\"}");
  CHECK(first.input[0].values == "1 0x5 _ stale");
  CHECK(first.input[0].line == 8);
  CHECK(first.external_labels == Labels{{"site", "here"}});
  REQUIRE(first.alert_tests.size() == 1);
  CHECK(first.alert_tests[0].eval_time == Millis(300'000));
  CHECK(first.alert_tests[0].alertname == "Down");
  CHECK(first.alert_tests[0].line == 13);
  REQUIRE(first.alert_tests[0].expected.size() == 1);
  CHECK(first.alert_tests[0].expected[0].labels == Labels{{"instance", "main"}, {"severity", "critical"}});
  CHECK(first.alert_tests[0].expected[0].annotations.at("summary") == "gone");
  REQUIRE(first.expr_tests.size() == 1);
  CHECK(first.expr_tests[0].eval_time == Millis(0));
  REQUIRE(first.expr_tests[0].expected.size() == 3);
  CHECK(first.expr_tests[0].expected[0].value == 2.5);
  CHECK(std::isnan(first.expr_tests[0].expected[1].value));
  CHECK(first.expr_tests[0].expected[2].value == -std::numeric_limits<double>::infinity());
  CHECK(test.tests[1].interval == Millis(15'000));
}

TEST_CASE("a group has a name") {
  const auto file = decode_rules("groups:\n  - name: ''\n    rules: []\n", "r.yaml");
  CHECK(format_errors(file.errors) == "r.yaml:2:11: a group's name must not be empty\n");
}

TEST_CASE("mistakes of a rule test are named with their place") {
  const auto decoded = decode_rule_test(
      "tests:\n  - alert_rule_tests: []\n    input_series:\n      - series: x\n"
      "    promql_expr_test:\n      - expr: x\n        exp_samples:\n"
      "          - {labels: x, value: many}\n",
      "t.yaml");
  CHECK(format_errors(decoded.errors) ==
        "t.yaml:2:5: unknown key 'alert_rule_tests'; did you mean 'alert_rule_test'?\n"
        "t.yaml:4:9: 'values' is missing; such as '1+1x10 _ stale'\n"
        "t.yaml:8:32: 'value' must be a number, not 'many'\n");
}
