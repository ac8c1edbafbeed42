#include "agent/config/rule_test_file.hpp"

#include <limits>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/config/decode.hpp"

namespace pgtend::config {

namespace {

constexpr Millis kLongest{10LL * 365 * 24 * 3600 * 1000};

struct CaseText : RuleTestCase {
  std::string external_url;
};

struct TestFileText {
  std::vector<std::string> rule_files, group_eval_order;
  Millis evaluation_interval{60'000};
  std::vector<CaseText> tests;
};

template <class T>
Field<T> labels_field(std::string key, Labels T::* member, std::string doc) {
  return {{std::move(key), "map of text", std::move(doc), "", {}, {}},
          [member](Reader& r, const Entry& e, T& out) { r.labels(e, out.*member); },
          nullptr};
}

// No alert has an empty label: promtool finds none, either.
Field<ExpectedAlert> expected_labels_field() {
  auto field = labels_field("exp_labels", &ExpectedAlert::labels, "labels without alertname");
  field.read = [](Reader& r, const Entry& e, ExpectedAlert& out) {
    if (!r.labels(e, out.labels)) return;
    for (const auto& item : e.value->entries)
      if (!out.labels.has(item.key))
        r.error(Reader::where(item), "label '" + item.key + "' is empty", "no alert has it then: leave it out");
  };
  return field;
}

Field<ExpectedAlert> annotations_field() {
  return {{"exp_annotations", "map of text", "rendered annotations", "", {}, {}},
          [](Reader& r, const Entry& e, ExpectedAlert& out) { r.text_map(e, out.annotations); },
          nullptr};
}

// YAML's and Prometheus's spellings of the values that are not finite.
std::optional<double> special_value(std::string_view text) {
  const std::string name = to_lower(text);
  constexpr double inf = std::numeric_limits<double>::infinity();
  if (name == ".nan" || name == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (name == ".inf" || name == "+.inf" || name == "inf" || name == "+inf") return inf;
  if (name == "-.inf" || name == "-inf") return -inf;
  return std::nullopt;
}

Field<ExpectedSample> value_field() {
  constexpr double max = std::numeric_limits<double>::max();
  return {{"value", "number", "expected value", "", {}, {}},
          [](Reader& r, const Entry& e, ExpectedSample& out) {
            const auto special = e.value->kind == NodeKind::scalar ? special_value(e.value->scalar) : std::nullopt;
            if (special) {
              out.value = *special;
            } else {
              r.number(e, out.value, -max, max);
            }
          },
          nullptr};
}

Table<AlertRuleTest> alert_table() {
  using A = AlertRuleTest;
  Table<ExpectedAlert> expected{expected_labels_field(), annotations_field()};
  return {duration("eval_time", &A::eval_time, Millis(0), kLongest, "time since the start of the test"),
          text("alertname", &A::alertname, "the alert that is looked at").required(),
          list_of("exp_alerts", &A::expected, std::move(expected), "every alert that must be firing")};
}

Table<PromqlExprTest> expr_table() {
  using P = PromqlExprTest;
  Table<ExpectedSample> sample{text("labels", &ExpectedSample::labels, "name{label=\"value\"}; none: {}"),
                               value_field()};
  return {text("expr", &P::expr, "PromQL expression").required(),
          duration("eval_time", &P::eval_time, Millis(0), kLongest, "time since the start of the test"),
          list_of("exp_samples", &P::expected, std::move(sample), "every sample of the answer")};
}

template <class T>
std::function<void(Reader&, const Node&, T&)> keep_line() {
  return [](Reader&, const Node& node, T& item) { item.line = node.at.line; };
}

Table<CaseText> case_table() {
  using C = CaseText;
  Table<RuleTestSeries> series{text("series", &RuleTestSeries::series, "name{label=\"value\"}").required(),
                               text("values", &RuleTestSeries::values, "such as '1+1x10 _ stale'").required()};
  return {
      text<C>("name", &C::name, "name of the test"),
      duration<C>("interval", &C::interval, Millis(1), kLongest, "time between two values of input_series"),
      list_of<C, RuleTestSeries>("input_series", &C::input, std::move(series), "the samples",
                                 keep_line<RuleTestSeries>()),
      list_of<C, AlertRuleTest>("alert_rule_test", &C::alert_tests, alert_table(), "expected alerts",
                                keep_line<AlertRuleTest>()),
      list_of<C, PromqlExprTest>("promql_expr_test", &C::expr_tests, expr_table(), "expected answers",
                                 keep_line<PromqlExprTest>()),
      labels_field<C>("external_labels", &C::external_labels, "what $externalLabels renders"),
      text("external_url", &C::external_url, "what $externalURL renders"),
  };
}

Table<TestFileText> file_table() {
  using F = TestFileText;
  return {
      text_list("rule_files", &F::rule_files, "rule files, relative to this file"),
      duration("evaluation_interval", &F::evaluation_interval, Millis(1), kLongest, "of groups without an interval"),
      text_list("group_eval_order", &F::group_eval_order, "names of groups evaluated first"),
      list_of("tests", &F::tests, case_table(), "the tests"),
  };
}

}  // namespace

DecodedRuleTest decode_rule_test(std::string_view text, const std::string& file_name) {
  DecodedRuleTest out;
  TestFileText file;
  Origins origins;
  decode_text(text, file_name, file_table(), file, out.errors, origins);
  out.test.file = file_name;
  out.test.rule_files = std::move(file.rule_files);
  out.test.evaluation_interval = file.evaluation_interval;
  std::set<std::string> ordered;
  for (auto& group : file.group_eval_order) {
    if (!ordered.insert(group).second)
      Reader(file_name, out.errors, origins)
          .error(origins["group_eval_order"].at, "group '" + group + "' is listed twice");
    out.group_eval_order.push_back(std::move(group));
  }
  for (std::size_t i = 0; i < file.tests.size(); ++i) {
    auto& test = file.tests[i];
    // promtool: a test without an interval takes the evaluation interval.
    if (!origins.contains("tests[" + std::to_string(i) + "].interval")) test.interval = file.evaluation_interval;
    out.external_urls.push_back(std::move(test.external_url));
    out.test.tests.push_back(std::move(test));
  }
  order_errors(out.errors);
  return out;
}

}  // namespace pgtend::config
