// Every shipped rule: promtool and pgtend agree on its tests, and it has a runbook.
#include <filesystem>
#include <fstream>

#include "agent/base/units.hpp"
#include "agent/engine/routing_report.hpp"
#include "agent/engine/rule_set.hpp"
#include "agent/engine/rule_test.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::vector<std::string> files(bool tests) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(source_dir()) + "/alerts/rules"))
    if (entry.path().string().ends_with("_test.yaml") == tests) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

// Of the table in docs/alerting.md, where a bar in an expression would end a cell.
std::string row_of(const Rule& rule) {
  std::string expr;
  for (const char c : rule.expr) expr += c == '|' ? std::string("&#124;") : std::string(1, c);
  return "| [" + rule.name + "](../alerts/runbooks/" + rule.name + ".md) | " + rule.labels.at("severity") + " | " +
         format_duration(rule.hold) + " | `" + expr + "` |";
}

}  // namespace

TEST_CASE("promtool checks every shipped rule file and passes every unit test") {
  REQUIRE(files(false).size() >= 4);
  REQUIRE(files(true).size() >= 4);
  for (const auto& file : files(false)) {
    INFO(file);
    CHECK(run_command({"promtool", "check", "rules", file}).status == 0);
  }
  for (const auto& file : files(true)) {
    const auto theirs = run_command({"promtool", "test", "rules", file});
    INFO(file << "\n" << theirs.output);
    CHECK(theirs.status == 0);
  }
}

TEST_CASE("pgtend passes every unit test of the shipped rules, left-open or closed") {
  REQUIRE(files(true).size() >= 4);
  for (const auto& file : files(true))
    for (const bool left_open : {true, false}) {
      const auto ours = engine::run_rule_tests(file, left_open);
      REQUIRE(ours);
      INFO((ours->failures.empty() ? std::string() : ours->failures.front()));
      CHECK(ours->failures.empty());
      CHECK(ours->checks > 0);
    }
}

TEST_CASE("every shipped alert has a runbook of its name, an annotation that says so, a unit test, and a row in docs") {
  config::RulesConfig config;
  const auto loaded = engine::load_rules(config);
  REQUIRE(loaded.errors.empty());
  std::string tests;
  for (const auto& file : files(true)) tests += read_file(file);
  const auto page = read_file(std::string(source_dir()) + "/docs/alerting.md");
  std::size_t alerts = 0;
  for (const auto& group : loaded.rules->groups)
    for (const auto& rule : group.rules) {
      const auto& r = rule.compiled.rule;
      if (r.kind != RuleKind::alert) continue;
      ++alerts;
      INFO(r.name);
      CHECK(r.annotations.at("runbook") == r.name);
      const auto text = engine::runbook(r.name);
      for (const auto* part : {"## Look", "## Do", "## When it is no trouble"})
        CHECK(text.find(part) != std::string::npos);
      CHECK(tests.find("alertname: " + r.name) != std::string::npos);
      CHECK(page.find(row_of(r)) != std::string::npos);
    }
  CHECK(alerts >= 42);
}
