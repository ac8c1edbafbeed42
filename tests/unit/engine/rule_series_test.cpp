#include "agent/engine/rule_series.hpp"

#include "rules/promql/memory_history.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

const UtcTime kNow{Millis(1'700'000'000'000)};
constexpr Millis kHour{3'600'000};

std::shared_ptr<const RuleSet> load(const std::string& file) {
  const auto loaded = load_rule_text(
      "groups:\n- name: g\n  rules:\n"
      "  - {alert: There, expr: pg_up == 0}\n"
      "  - {alert: Gone, expr: 'pg_upp == 0'}\n"
      "  - {alert: Absent, expr: 'absent(pg_upp)'}\n"
      "  - {alert: Always, expr: vector(1)}\n",
      file, Millis(15'000));
  REQUIRE(loaded.errors.empty());
  return loaded.rules;
}

Labels of(const std::string& rule) {
  return {{"rule", rule}, {"group", "g"}};
}

}  // namespace

TEST_CASE("a user's rule is told by how many series of a day it can look at") {
  promql::MemoryHistory history;
  REQUIRE(history.add({"pg_up", Labels{{"instance", "a"}}}, {{kNow - kHour, 1}}));
  REQUIRE(history.add({"pg_up", Labels{{"instance", "b"}}}, {{kNow - kHour * 23, 1}}));
  REQUIRE(history.add({"pg_upp", {}}, {{kNow - kHour * 25, 1}}));
  const auto rules = load("mine.yaml");
  const auto long_ago = kNow - kHour * 25;
  const std::map<Labels, double> all{{of("There"), 2}, {of("Gone"), 0}, {of("Absent"), 0}};
  CHECK(count_rule_series(*rules, {}, history, long_ago, kNow) == all);
  // One that fired works, also when what it names is away.
  const std::map<Labels, double> rest{{of("There"), 2}, {of("Gone"), 0}};
  CHECK(count_rule_series(*rules, {of("Absent")}, history, long_ago, kNow) == rest);
  // Before history's first sample nothing is known.
  CHECK(count_rule_series(*rules, {}, history, kNow - kHour * 23, kNow).empty());
  CHECK(count_rule_series(*rules, {}, history, std::nullopt, kNow).empty());
  CHECK(count_rule_series(*load("alerts/rules/postgresql.yaml"), {}, history, long_ago, kNow).empty());
}
