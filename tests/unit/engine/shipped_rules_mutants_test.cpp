// The tests of the shipped rules test something: a rule that is changed for the worse fails one of them.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/engine/rule_test.hpp"
#include "agent/model/matcher_text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

struct Mutant {
  std::string what, expr;
  Millis hold{0};
};

// One place of an expression that was written differently.
struct Edit {
  std::string what;
  promql::Span span;
  std::string by;
};

std::string part(const std::string& text, promql::Span span) {
  return text.substr(span.start, span.end - span.start);
}

void edits_of_comparison(const promql::Binary& binary, const std::string& text, std::vector<Edit>& out) {
  static const std::map<std::string, std::string> kOpposite{{">", "<"},  {"<", ">"},   {">=", "<"},
                                                            {"<=", ">"}, {"==", "!="}, {"!=", "=="}};
  const auto op = part(text, binary.op_span), threshold = part(text, binary.rhs->span);
  out.push_back({"'" + op + "' turned round", binary.op_span, kOpposite.at(op)});
  if (threshold == "0") {
    out.push_back({"'" + op + " 0' raised to 1", binary.rhs->span, "1"});
    return;
  }
  for (const char* factor : {"0.5", "0.8", "1.25", "2"})
    out.push_back(
        {"'" + op + " " + threshold + "' times " + factor, binary.rhs->span, "((" + threshold + ") * " + factor + ")"});
}

void edits_of(const promql::Expr& expr, const std::string& text, std::vector<Edit>& out) {
  if (const auto* binary = std::get_if<promql::Binary>(&expr.node)) {
    if (promql::is_comparison(binary->op)) edits_of_comparison(*binary, text, out);
    if (promql::is_set_operator(binary->op)) {
      const std::string op(promql::to_string(binary->op));
      const std::string left = part(text, binary->lhs->span), right = part(text, binary->rhs->span);
      out.push_back({"without '" + op + " " + right + "'", expr.span, "(" + left + ")"});
      out.push_back({"without '" + left + " " + op + "'", expr.span, "(" + right + ")"});
      out.push_back({"'" + op + " " + right + "' by another operator", binary->op_span, op == "and" ? "or" : "and"});
    }
  }
  if (const auto* selector = std::get_if<promql::VectorSelector>(&expr.node);
      selector && selector->matchers.size() > 1) {
    const auto open = text.find('{', expr.span.start), close = text.find('}', open);
    const auto asked = part(text, {open, close + 1});
    for (const auto& matcher : selector->matchers) {
      const auto word = to_string(matcher);
      const auto at = asked.find(word);
      if (matcher.label() == "__name__" || at == std::string::npos) continue;
      // With the comma before it, or after it where it is the first.
      const auto from = open + at, to = from + word.size();
      const bool first = at == 1, last = text[to] == '}';
      const promql::Span span{first ? from : from - 1, first && !last ? to + 1 : to};
      out.push_back({"without " + word + " of " + part(text, expr.span), span, ""});
    }
  }
  for (const auto* child : promql::children(expr)) edits_of(*child, text, out);
}

std::vector<Mutant> mutants_of(const engine::LoadedRule& rule) {
  const auto& written = rule.compiled.rule;
  std::vector<Mutant> out;
  if (written.hold > Millis(0)) {
    out.push_back({"for: 0s", written.expr, Millis(0)});
    out.push_back({"for: halved", written.expr, written.hold / 2});
    out.push_back({"for: half as long again", written.expr, written.hold * 3 / 2});
  }
  std::vector<Edit> edits;
  edits_of(*rule.expr, written.expr, edits);
  for (const auto& edit : edits) {
    auto expr = written.expr;
    expr.replace(edit.span.start, edit.span.end - edit.span.start, edit.by);
    out.push_back({edit.what, std::move(expr), written.hold});
  }
  return out;
}

// The file's tests that name an alert, with what they ask of it and the series that it reads.
config::DecodedRuleTest tests_of(const config::DecodedRuleTest& file, const std::string& alert,
                                 const std::vector<std::string>& metrics) {
  config::DecodedRuleTest out;
  out.test.file = file.test.file;
  out.test.evaluation_interval = file.test.evaluation_interval;
  for (auto test : file.test.tests) {
    std::erase_if(test.alert_tests, [&](const auto& check) { return check.alertname != alert; });
    std::erase_if(test.expr_tests, [&](const auto& check) {
      return check.expr.find("alertname=\"" + alert + "\"") == std::string::npos;
    });
    if (test.alert_tests.empty() && test.expr_tests.empty()) continue;
    std::erase_if(test.input, [&](const auto& series) {
      const auto name = series.series.substr(0, series.series.find('{'));
      return std::find(metrics.begin(), metrics.end(), name) == metrics.end();
    });
    out.test.tests.push_back(std::move(test));
    out.external_urls.emplace_back();
  }
  return out;
}

// How often the rules of a file's tests are evaluated.
std::int64_t steps_of(const config::DecodedRuleTest& file) {
  std::int64_t out = 0;
  for (const auto& test : file.test.tests) {
    Millis last{0};
    for (const auto& check : test.alert_tests) last = std::max(last, check.eval_time);
    for (const auto& check : test.expr_tests) last = std::max(last, check.eval_time);
    out += last / file.test.evaluation_interval + 1;
  }
  return out;
}

// All rules of one alert's name, for a warning and a critical one are told in one list; that at `index` is the mutant.
// Nothing when its expression cannot be parsed.
std::shared_ptr<const engine::RuleSet> rules_with(const std::vector<const engine::LoadedRule*>& rules,
                                                  std::size_t index, const Mutant& mutant, Millis interval) {
  auto set = std::make_shared<engine::RuleSet>();
  auto& group = set->groups.emplace_back();
  group.name = group.id = "mutant";
  group.interval = interval;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& from = *rules[i];
    auto expr = promql::parse(i == index ? mutant.expr : from.compiled.rule.expr);
    if (!expr) return nullptr;
    engine::LoadedRule rule{from.compiled, std::move(*expr), from.metrics};
    if (i == index) rule.compiled.rule.hold = mutant.hold;
    group.rules.push_back(std::move(rule));
  }
  return set;
}

struct ShippedRules {
  std::vector<std::shared_ptr<const engine::RuleSet>> files;
  std::map<std::string, std::vector<const engine::LoadedRule*>> by_alert;
  std::map<std::string, Millis> intervals;  // of the groups that name one, by alert; 0: none
  std::vector<config::DecodedRuleTest> tests;
};

ShippedRules shipped() {
  ShippedRules out;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(source_dir()) + "/alerts/rules")) {
    const auto path = entry.path().string();
    if (path.ends_with("_test.yaml")) {
      out.tests.push_back(config::decode_rule_test(read_file(path), path));
      REQUIRE(out.tests.back().errors.empty());
      continue;
    }
    auto loaded = engine::load_rule_text(read_file(path), path, Millis(1));
    REQUIRE(loaded.errors.empty());
    for (const auto& group : loaded.rules->groups)
      for (const auto& rule : group.rules) {
        out.by_alert[rule.compiled.rule.name].push_back(&rule);
        out.intervals[rule.compiled.rule.name] = group.interval > Millis(1) ? group.interval : Millis(0);
      }
    out.files.push_back(std::move(loaded.rules));
  }
  return out;
}

bool passes(const std::vector<config::DecodedRuleTest>& tests, const std::vector<const engine::LoadedRule*>& rules,
            std::size_t index, const Mutant& mutant, Millis interval) {
  promql::EvalOptions options;
  options.left_open = false;
  for (const auto& file : tests) {
    const auto set = rules_with(rules, index, mutant, interval > Millis(0) ? interval : file.test.evaluation_interval);
    if (set == nullptr) return false;
    const auto report = engine::run_rule_tests(file, {set}, options);
    if (!report || !report->failures.empty()) return false;
  }
  return true;
}

// Mutants that mean the same as the rule, and why.
const std::map<std::string, std::string> kSame{
    {"RedisMemory warning: '> 0' raised to 1", "no cache is limited to one byte"},
};

}  // namespace

TEST_CASE("some test fails where a shipped rule fires too early, too late, too often or too seldom") {
  const auto rules = shipped();
  std::vector<std::string> unnoticed;
  std::set<std::string> excused;
  std::size_t mutants = 0;
  for (const auto& [alert, of_name] : rules.by_alert) {
    std::vector<std::string> metrics;
    for (const auto* rule : of_name) metrics.insert(metrics.end(), rule->metrics.begin(), rule->metrics.end());
    std::vector<config::DecodedRuleTest> tests;
    for (const auto& file : rules.tests)
      if (auto of_file = tests_of(file, alert, metrics); !of_file.test.tests.empty()) tests.push_back(of_file);
    std::sort(tests.begin(), tests.end(), [](const auto& a, const auto& b) { return steps_of(a) < steps_of(b); });
    const auto interval = rules.intervals.at(alert);
    INFO(alert);
    const auto& first = of_name.front()->compiled.rule;
    CHECK(passes(tests, of_name, 0, {"as shipped", first.expr, first.hold}, interval));
    for (std::size_t i = 0; i < of_name.size(); ++i)
      for (const auto& mutant : mutants_of(*of_name[i])) {
        ++mutants;
        const auto name = alert + " " + of_name[i]->compiled.rule.labels.at("severity") + ": " + mutant.what;
        if (!passes(tests, of_name, i, mutant, interval)) continue;
        if (kSame.contains(name)) {
          excused.insert(name);
        } else {
          unnoticed.push_back(name);
        }
      }
  }
  INFO(join(unnoticed, "\n"));
  CHECK(unnoticed.empty());
  CHECK(excused.size() == kSame.size());
  CHECK(mutants > 300);
}
