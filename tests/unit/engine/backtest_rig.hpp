#pragma once

#include <memory>
#include <string>

#include "agent/engine/rule_backtest.hpp"
#include "rules/promql/memory_history.hpp"
#include "rules/promql/test_series.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

// A rule looked back over two hours of a history in memory.
namespace pgtend::test {

inline UtcTime minute(double count) {
  return UtcTime(Millis(static_cast<std::int64_t>(count * 60'000)));
}

// Alert A in a group of a minute's interval; `rest` follows its expression.
inline std::shared_ptr<const engine::RuleSet> rules(const std::string& expr, const std::string& rest = "") {
  const auto loaded = engine::load_rule_text(
      "groups:\n- name: g\n  interval: 1m\n  rules:\n  - alert: A\n    expr: " + expr + "\n" + rest, "rules.yaml",
      Millis(60'000));
  INFO(config::format_errors(loaded.errors));
  REQUIRE(loaded.errors.empty());
  return loaded.rules;
}

inline engine::BacktestOptions options() {
  engine::BacktestOptions out;
  static const FakeClock clock;
  out.range = {minute(0), minute(120)};
  out.eval.clock = &clock;
  out.eval.deadline = clock.steady_now() + std::chrono::seconds(1);
  return out;
}

inline RuleBacktest run(const engine::RuleSet& set, HistoryReader& history,
                        const engine::BacktestOptions& with = options()) {
  const auto report = engine::backtest_rules(set, nullptr, history, with);
  REQUIRE(report);
  REQUIRE(report->rules.size() == 1);
  INFO(report->rules[0].error);
  CHECK(report->rules[0].error.empty());
  return report->rules[0];
}

}  // namespace pgtend::test
