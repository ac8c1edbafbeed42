#include "agent/engine/rule_target.hpp"

#include <limits>
#include <optional>

#include "agent/engine/rule_set.hpp"
#include "rules/promql/parser.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

using namespace pgtend;
using namespace pgtend::test;
using promql::Target;

namespace {

std::string file_of(const std::string& expr) {
  return "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      " + expr + "\n";
}

std::string found(Target target, const std::string& text) {
  return config::format_errors(engine::unknown_to_target(target, text, "r.yaml"));
}

bool promtool_takes(const std::string& text) {
  const TempDir dir("rule-target");
  write_file(dir.path() / "r.yaml", text);
  return run_command({"promtool", "check", "rules", (dir.path() / "r.yaml").string()}).status == 0;
}

struct Row {
  const char* expr;
  const char* says;    // nullptr: 2.42 takes it
  bool loads = false;  // 2.42 notices only when it evaluates
};

// Columns are those of the file, in which the expression begins at column 7.
constexpr Row kRows[] = {
    {R"(rate(x[5m]) > 300)", nullptr},
    {R"(x offset -5m @ end() > bool 0x1f)", nullptr},
    {R"(sum by (a, b) (x{a="5m", c!="1_0"}) + on (a) group_left (b) y)", nullptr},
    {R"(max_over_time(x[1h:]) unless ignoring (le) offset)", nullptr},
    {R"(label_replace(x, "dst", "$1", "src", ".*"))", nullptr},
    {R"({"my.metric"} > 0)", "6:8: rule A: Prometheus 2.42 does not know quoted names (since 3.0); "},
    {R"(x{"a.b"="1"})", "6:9: rule A: Prometheus 2.42 does not know quoted names (since 3.0); "},
    {R"(x{c="1", "a.b"="1"})", "6:16: rule A: Prometheus 2.42 does not know quoted names (since 3.0); "},
    {R"(sum by ("a.b") (x))", "6:15: rule A: Prometheus 2.42 does not know quoted names (since 3.0); "},
    {R"(x / on ("a") y)", "6:15: rule A: Prometheus 2.42 does not know quoted names (since 3.0); "},
    {R"(rate(x[300]))",
     "6:14: rule A: Prometheus 2.42 does not know a duration without a unit (since 3.0); write 300s"},
    {R"(x offset 60)", "6:16: rule A: Prometheus 2.42 does not know a duration without a unit (since 3.0); write 60s"},
    {R"(x offset -60)", "6:17: rule A: Prometheus 2.42 does not know a duration without a unit (since 3.0); "},
    {R"(time() - x > 10m)", "6:20: rule A: Prometheus 2.42 does not know a duration as a number (since 2.54); "},
    {R"(x > 1_000)", "6:11: rule A: Prometheus 2.42 does not know _ between digits (later than 2.42); "},
    {R"(label_join(x, "a.b", "-", "c"))",
     "6:21: rule A: Prometheus 2.42 does not know names of labels beyond letters, digits and _ (since 3.0); ", true},
    {R"(count_values("a.b", x))",
     "6:20: rule A: Prometheus 2.42 does not know names of labels beyond letters, digits and _ (since 3.0); ", true},
};

}  // namespace

TEST_CASE("what Prometheus 2.42 does not know is named with its place, and Debian's promtool agrees") {
  for (const auto& row : kRows) {
    INFO(row.expr);
    REQUIRE(promql::parse(row.expr));
    const auto text = file_of(row.expr);
    const auto says = found(Target::prom2_42, text);
    CHECK(promtool_takes(text) == (row.says == nullptr || row.loads));
    if (row.says == nullptr) {
      CHECK(says == "");
    } else {
      CHECK_THAT(says, Catch::Matchers::StartsWith("r.yaml:" + std::string(row.says)));
      CHECK(std::count(says.begin(), says.end(), '\n') == 1);
    }
    CHECK(found(Target::prom3, text) == "");
  }
}

TEST_CASE("the keys of groups and rules that 2.42 has and has not") {
  const std::string known =
      "groups:\n- name: g\n  interval: 30s\n  limit: 3\n  rules:\n  - alert: A\n    expr: x\n    for: 1m\n"
      "    keep_firing_for: 5m\n";
  CHECK(found(Target::prom2_42, known) == "");
  CHECK(promtool_takes(known));
  const std::string offset = "groups:\n- name: g\n  rules: []\n- name: h\n  query_offset: 1m\n  rules: []\n";
  CHECK(found(Target::prom2_42, offset) ==
        "r.yaml:5:17: group h: Prometheus 2.42 does not know query_offset (since 2.53); leave it out, or write offset "
        "into each expression\n");
  CHECK_FALSE(promtool_takes(offset));
  CHECK(found(Target::prom3, offset) == "");
}

TEST_CASE("what Prometheus 3 lacks or stores in another form") {
  CHECK(
      found(Target::prom3, file_of("sum(holt_winters(x[1h], 0.5, 0.5))")) ==
      "r.yaml:6:11: rule A: Prometheus 3 does not know holt_winters (until 2.x); use predict_linear or avg_over_time; "
      "3.x has it as the experimental double_exponential_smoothing\n");
  CHECK_THAT(found(Target::prom3, file_of("rate(h_bucket{le=\"5\"}[5m])")),
             Catch::Matchers::StartsWith("r.yaml:6:12: rule A: Prometheus 3 does not know le=\"5\": it stores"));
  CHECK(found(Target::prom3, file_of("rate(h_bucket{le=\"+Inf\"}[5m])")) == "");
  CHECK(found(Target::prom3, file_of("rate(h_bucket{le=\"0.5\", other=\"5\"}[5m])")) == "");
  CHECK(found(Target::prom2_42, file_of("sum(holt_winters(x{le=\"5\"}[1h], 0.5, 0.5))")) == "");
}

TEST_CASE(
    "{{else with}} in an alert's text is of a later Go than 2.42's, and a recording rule's labels are no templates") {
  const std::string text =
      "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    annotations:\n"
      "      s: 'a {{ with $labels.a }}1{{ else with $labels.b }}2{{ end }}'\n";
  CHECK(found(Target::prom2_42, text) ==
        "r.yaml:7:42: rule A: Prometheus 2.42 does not know {{else with}} in annotations.s (since 3.0); write "
        "{{else}}{{with ...}} and a second {{end}}\n");
  CHECK_FALSE(promtool_takes(text));
  CHECK(engine::load_rule_text(text, "r.yaml", Millis(1)).errors.empty());
  CHECK(found(Target::prom3, text) == "");
  for (const std::string label : {"{{ foo", "{{ with 1 }}{{ else with 2 }}{{ end }}", "{{ nonsense }}"}) {
    const auto recorded = "groups:\n- name: g\n  rules: [{record: r, expr: x, labels: {l: '" + label + "'}}]\n";
    INFO(recorded);
    CHECK(promtool_takes(recorded));
    const auto loaded = engine::load_rule_text(recorded, "r.yaml", Millis(1));
    CHECK(config::format_errors(loaded.errors) == "");
    CHECK(found(Target::prom2_42, recorded) == "");
    REQUIRE(loaded.rules->groups[0].rules.size() == 1);
    CHECK(loaded.rules->groups[0].rules[0].compiled.rule.labels.at("l") == label);
  }
}

TEST_CASE("a group's limit is read as YAML spells whole numbers, and a negative one limits nothing") {
  struct Limit {
    const char* text;
    std::optional<int> is;  // nullopt: refused
  };
  for (const auto& [text, is] : {Limit{"5", 5}, Limit{"0", 0}, Limit{"-1", 0}, Limit{"-0x10", 0}, Limit{"0x10", 16},
                                 Limit{"0b11", 3}, Limit{"0o17", 15}, Limit{"017", 15}, Limit{"+4", 4},
                                 Limit{"1_000", 1000}, Limit{"99999999999", std::numeric_limits<int>::max()},
                                 Limit{"9223372036854775808", {}}, Limit{"'3'", {}}, Limit{"some", {}}}) {
    const auto file = "groups:\n- name: g\n  limit: " + std::string(text) + "\n  rules: [{record: r, expr: x}]\n";
    INFO(text);
    CHECK(promtool_takes(file) == is.has_value());
    const auto loaded = engine::load_rule_text(file, "r.yaml", Millis(1));
    CHECK(loaded.errors.empty() == is.has_value());
    if (is) CHECK(loaded.rules->groups[0].limit == *is);
  }
}
