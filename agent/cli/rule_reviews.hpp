#pragma once

#include <string>
#include <vector>

#include "agent/cli/context.hpp"

// `pgtend rules lint|explain|backtest`: they ask the agent, which holds the history.
namespace pgtend::cli {

struct LintRequest {
  std::vector<std::string> files;  // empty: the loaded rules
  std::string since = "7d";
};
// Exit code: 0, kWarnings or kCritical by the worst finding.
void lint_rules(Context& context, const LintRequest& request);

struct ExplainRequest {
  std::string rule, expr;  // one of them
};
void explain_rule(Context& context, const ExplainRequest& request);

struct BacktestRequest {
  std::vector<std::string> files, against;
  std::string since = "7d", step, rule;
  bool sweep = true;
  std::optional<long> max_notifications;  // of one rule; more is exit code 1
  bool no_missed = false;                 // an old episode that the new rules do not see is exit code 1
};
void backtest_rules(Context& context, const BacktestRequest& request);

}  // namespace pgtend::cli
