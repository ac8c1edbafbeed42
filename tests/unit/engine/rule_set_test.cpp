#include "agent/engine/rule_set.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;

namespace {

std::string errors_of(const std::string& text) {
  return config::format_errors(engine::load_rule_text(text, "r.yaml", Millis(15'000)).errors);
}

std::string of_expr(const std::string& expr) {
  return errors_of("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: " + expr + "\n");
}

}  // namespace

TEST_CASE("all mistakes of a rule file are told at once, of its form and of its expressions") {
  CHECK(errors_of("groups:\n"
                  "- name: g\n"
                  "  intervall: 5s\n"
                  "  rules:\n"
                  "  - alert: A\n"
                  "    expr: rrate(up[5m])\n"
                  "    labels: {severity: \"{{ $labels.x\", team: '{{ $value | nonsense }}'}\n"
                  "    annotations: {summary: 'it is {{ $valu }}'}\n"
                  "  - record: a-b\n"
                  "    expr: \"'text'\"\n"
                  "  - alert: B\n"
                  "    exp: up\n") ==
        "r.yaml:3:3: unknown key 'intervall'; did you mean 'interval'?\n"
        "r.yaml:6:11: rule A: unknown function with name \"rrate\"\n"
        "r.yaml:7:25: rule A: labels.severity: '{{' is not closed\n"
        "r.yaml:7:59: rule A: labels.team: 'nonsense' is not supported in alert templates\n"
        "r.yaml:8:38: rule A: annotations.summary: '$valu' is not supported in alert templates\n"
        "r.yaml:9:5: 'a-b' is not a metric name\n"
        "r.yaml:10:11: rule a-b: the expression is a string; a rule needs an instant vector or a scalar\n"
        "r.yaml:12:5: unknown key 'exp'; did you mean 'expr'?\n");
}

TEST_CASE("a mistake in an expression is placed in the file, however the expression is written") {
  const std::string says = ": rule A: unknown function with name \"rrate\"\n";
  CHECK(of_expr("rrate(up[5m])") == "r.yaml:5:11" + says);
  CHECK(of_expr("sum by (job) (rrate(up[5m]))") == "r.yaml:5:25" + says);
  CHECK(of_expr("'sum(rrate(up{job=\"a\"}[5m]))'") == "r.yaml:5:16" + says);
  CHECK(of_expr("\"up{job=\\\"a\\\"} > rrate(up[5m])\"") == "r.yaml:5:28" + says);
  CHECK(of_expr("'up{job=''a''} > rrate(up[5m])'") == "r.yaml:5:28" + says);
  CHECK(of_expr("|\n      sum(up)\n        > rrate(up[5m])") == "r.yaml:7:11" + says);
  CHECK(of_expr(">-\n      sum(up)\n      > rrate(up[5m])\n      > 1") == "r.yaml:7:9" + says);
  CHECK(of_expr("sum(up)\n      > rrate(up[5m])") == "r.yaml:6:9" + says);
  CHECK(of_expr("up ==") == "r.yaml:5:16: rule A: unexpected end of input\n");
  CHECK(of_expr("|\n      up\n        ==\n") == "r.yaml:7:11: rule A: unexpected end of input\n");
}

TEST_CASE("annotations that are for pgtend are checked with their rule") {
  const auto with = [](const std::string& expr, const std::string& annotation) {
    return errors_of("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: " + expr + "\n    annotations: {" +
                     annotation + "}\n");
  };
  CHECK(with("up > 1", "pgtend_resolve_expr: up < 0.5, pgtend_tolerate_gaps: '2'").empty());
  CHECK(with("up > 1", "pgtend_resolve_expr: 'up <'").find("rule A: pgtend_resolve_expr: ") != std::string::npos);
  CHECK(with("up > 1", "pgtend_resolve_expr: '1'").find("pgtend_resolve_expr is an instant vector") !=
        std::string::npos);
  CHECK(with("up", "pgtend_resolve_expr: up < 1").find("ends with a comparison") != std::string::npos);
  CHECK(with("up", "pgtend_tolerate_gaps: often").find("pgtend_tolerate_gaps is a whole number from 0 to 100") !=
        std::string::npos);
  const auto loaded = engine::load_rule_text(
      "groups:\n- name: g\n  rules:\n  - {alert: A, expr: up > 1, annotations: {pgtend_resolve_expr: \"down > 1\"}}\n",
      "r.yaml", Millis(15'000));
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.rules->groups[0].rules[0].metrics == std::vector<std::string>{"up", "down"});
}

TEST_CASE("what is no letter of a template is shown whole in the error, and its letters are no ASCII only") {
  const auto of_text = [](const std::string& text) {
    return errors_of("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: x\n    annotations: {s: '" + text + "'}\n");
  };
  CHECK(of_text("{{ € }}") == "r.yaml:6:26: rule A: annotations.s: unexpected '€'\n");
  CHECK(of_text("{{ $value € }}") == "r.yaml:6:33: rule A: annotations.s: unexpected '€'\n");
  CHECK(of_text("{{ $labels.ä }}") == "");
  CHECK(of_text("{{ reReplaceAll \"\\d+\" \"\" \"a\" }}") ==
        "r.yaml:6:40: rule A: annotations.s: '\\d' is no escape: write '\\\\d', or put the text between backquotes\n");
}
