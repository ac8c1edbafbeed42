#include "agent/engine/rule_reads.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

using Names = std::vector<std::string>;

RuleReads of(const std::string& expr) {
  return reads_of(**promql::parse(expr));
}

}  // namespace

TEST_CASE("an expression denies what it reads by absent() or behind unless, and shows the rest") {
  CHECK(of("a > 1 and b").shown == Names{"a", "b"});
  CHECK(of("a > 1 and b").denied.empty());
  CHECK(of("a unless on (x) (b > 1)").shown == Names{"a"});
  CHECK(of("a unless on (x) (b > 1)").denied == Names{"b"});
  CHECK(of("absent(a{x=\"1\"})").shown.empty());
  CHECK(of("absent(a{x=\"1\"})").denied == Names{"a"});
  CHECK(of("absent_over_time(sum(a)[5m:1m])").denied == Names{"a"});
  // Denied twice is shown.
  CHECK(of("a unless (b unless c)").shown == Names{"a", "c"});
  CHECK(of("a unless absent(b)").shown == Names{"a", "b"});
  CHECK(of("max_over_time(a[5m]) unless a").denied == Names{"a"});
}

TEST_CASE("what a rule reads of other rules it reads of what those are made of") {
  const auto loaded = load_rule_text(
      "groups:\n- name: g\n  rules:\n"
      "  - {record: r, expr: sum(a)}\n"
      "  - {record: s, expr: r * 2}\n"
      "  - {alert: A, expr: s > 1 unless r}\n",
      "r.yaml", Millis(15'000));
  REQUIRE(loaded.errors.empty());
  const auto& alert = loaded.rules->groups[0].rules[2];
  CHECK(alert.shown == Names{"s", "r", "a"});
  CHECK(alert.denied == Names{"r", "a"});
}
