#include "tests/conformance/promql/shipped_queries.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "agent/config/rule_file.hpp"
#include "rules/promql/evaluator.hpp"
#include "tests/support/boards.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

namespace pgtend::test {

namespace {

// Values of each label that the queries ask for, by label; none: any will do.
using LabelValues = std::map<std::string, std::set<std::string>>;

// Runs of five minutes at sizes around the limits of the rules.
constexpr double kSizes[] = {0, 1, 0.97, 7, 0.5, 400, 2e9, 2e10, 0.05, 70, 1.6e9, 3e5};

void add_values(const Matcher& matcher, std::set<std::string>& to) {
  if (matcher.op() != MatchOp::equal && matcher.op() != MatchOp::regex) return;
  std::istringstream in(matcher.value());
  for (std::string one; std::getline(in, one, matcher.op() == MatchOp::equal ? '\0' : '|');)
    if (!one.empty() && matcher.matches(one)) to.insert(one);
}

void add_grouping(const promql::Expr& expr, std::set<std::string>& to) {
  if (const auto* sum = std::get_if<promql::Aggregate>(&expr.node); sum != nullptr && !sum->without)
    to.insert(sum->grouping.begin(), sum->grouping.end());
  if (const auto* binary = std::get_if<promql::Binary>(&expr.node)) {
    to.insert(binary->matching.labels.begin(), binary->matching.labels.end());
    to.insert(binary->matching.include.begin(), binary->matching.include.end());
  }
  for (const auto* child : promql::children(expr)) add_grouping(*child, to);
}

std::map<std::string, LabelValues> metrics_of(const ShippedQueries& queries) {
  std::map<std::string, LabelValues> out;
  for (const auto& [place, text] : queries) {
    const auto expr = promql::parse(text);
    if (!expr) continue;
    std::set<std::string> grouping;
    add_grouping(**expr, grouping);
    for (const auto& matchers : promql::selectors(**expr)) {
      std::string name;
      for (const auto& matcher : matchers)
        if (matcher.label() == "__name__" && matcher.op() == MatchOp::equal) name = matcher.value();
      if (name.empty()) continue;
      auto& labels = out[name];
      for (const auto& label : grouping) labels[label];
      for (const auto& matcher : matchers)
        if (matcher.label() != "__name__") add_values(matcher, labels[matcher.label()]);
    }
  }
  return out;
}

std::vector<Sample> samples_of(const std::string& name, int row, const Extent& extent) {
  const bool counts = name.ends_with("_total") || name.ends_with("_count") || name.ends_with("_sum");
  std::vector<Sample> out;
  double sum = 0;
  const auto shift = static_cast<int>(name.size()) + 5 * row;
  for (int i = 0; i < extent.samples; ++i) {
    const double size = kSizes[static_cast<std::size_t>(i / 20 + shift) % std::size(kSizes)];
    sum = i % 97 == 96 ? 0 : sum + size;
    out.push_back({UtcTime(Millis((extent.start + i * 15) * 1000)), counts ? sum : size + 0.01 * size * (i % 7)});
  }
  return out;
}

// What an alert writes for its labels, in the spelling of data_for().
std::string of_an_alert(const std::string& text) {
  static const std::regex label(R"-(\{\{ printf "%q" \$labels\.(\w+) \}\})-");
  return std::regex_replace(text, label, "\"$010\"");
}

}  // namespace

ShippedQueries shipped_queries() {
  ShippedQueries out;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(source_dir()) + "/alerts/rules")) {
    const auto file = entry.path().filename().string();
    if (file.ends_with("_test.yaml")) continue;
    for (const auto& group : config::decode_rules(read_file(entry.path()), file).groups)
      for (const auto& rule : group.rules) {
        out.emplace_back(file + " / " + rule.name, rule.expr);
        if (const auto causes = rule.annotations.find("pgtend_causes"); causes != rule.annotations.end())
          out.emplace_back(file + " / " + rule.name + " / causes", of_an_alert(causes->second));
      }
  }
  for (auto& query : board_queries()) out.push_back(std::move(query));
  std::sort(out.begin(), out.end());
  return out;
}

Dataset data_for(const ShippedQueries& queries, Extent extent) {
  Dataset out;
  for (const auto& [name, labels] : metrics_of(queries)) {
    std::set<Labels> rows;
    for (int row = 0; row < extent.rows; ++row) {
      Labels made;
      for (const auto& [label, values] : labels) {
        const auto at =
            static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) % std::max<std::size_t>(values.size(), 1));
        made.set(label, values.empty() ? label + std::to_string(row % extent.values) : *std::next(values.begin(), at));
      }
      if (rows.insert(made).second) out.push_back({{name, made}, samples_of(name, row, extent)});
    }
  }
  return out;
}

}  // namespace pgtend::test
