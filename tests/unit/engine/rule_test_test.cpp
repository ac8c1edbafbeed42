#include "agent/engine/rule_test.hpp"

#include <cstdio>
#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;

namespace {

const std::string kRules = std::string(pgtend::test::source_dir()) + "/alerts/rules/";

}  // namespace

TEST_CASE("every shipped rule test passes, with ranges open and closed, and promtool agrees") {
  for (const auto* file : {"postgresql_test.yaml", "host_test.yaml"}) {
    for (const bool left_open : {true, false}) {
      const auto report = engine::run_rule_tests(kRules + file, left_open);
      REQUIRE(report.has_value());
      REQUIRE(report->failures == std::vector<std::string>());
      REQUIRE(report->checks > 2);
    }
  }
  const auto promtool =
      test::run_command({"promtool", "test", "rules", kRules + "postgresql_test.yaml", kRules + "host_test.yaml"});
  INFO(promtool.output);
  REQUIRE(promtool.status == 0);
}

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
