#include <iostream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/rule_reviews.hpp"
#include "agent/config/config.hpp"
#include "agent/config/files.hpp"
#include "agent/engine/rule_set.hpp"
#include "agent/engine/rule_target.hpp"
#include "agent/engine/rule_test.hpp"

namespace pgtend::cli {

namespace {

using Files = std::vector<std::string>;

int count_rules(const engine::RuleSet& set) {
  std::size_t count = 0;
  for (const auto& group : set.groups) count += group.rules.size();
  return static_cast<int>(count);
}

void check(Context& context, const Files& files, const std::string& target_name) {
  const auto target = promql::target_of(target_name);
  std::vector<config::ConfigError> errors;
  const auto add = [&](const std::vector<config::ConfigError>& more) {
    errors.insert(errors.end(), more.begin(), more.end());
  };
  auto checked = Json::array();
  const auto note = [&](const std::string& file, const engine::RuleSetLoad& load,
                        const std::vector<config::ConfigError>& unknown) {
    add(load.errors);
    add(unknown);
    if (!load.errors.empty() || !unknown.empty()) return;
    checked.push_back({{"file", file}, {"rules", count_rules(*load.rules)}});
    if (!context.json()) print(file + ": " + std::to_string(count_rules(*load.rules)) + " rules, ok\n");
  };
  if (files.empty()) {
    const std::string path = context.effective_config_file();
    const auto loaded = path.empty() ? config::defaults() : config::load(path);
    errors = loaded.errors;
    const auto& rules = loaded.config.rules;
    if (errors.empty())
      note("the configured rules", engine::load_rules(rules),
           target ? engine::unknown_to_target(*target, rules) : std::vector<config::ConfigError>());
  }
  for (const auto& file : files) {
    const auto text = config::read_text(file);
    if (text) {
      note(file, engine::load_rule_text(*text, file, config::RulesConfig().evaluation_interval),
           target ? engine::unknown_to_target(*target, *text, file) : std::vector<config::ConfigError>());
    } else {
      errors.push_back({file, 0, 0, text.error().describe(), ""});
    }
  }
  if (context.json()) {
    auto wrong = Json::array();
    for (const auto& e : errors)
      wrong.push_back(
          {{"file", e.file}, {"line", e.line}, {"column", e.column}, {"message", e.message}, {"hint", e.hint}});
    print(Json{{"ok", errors.empty()}, {"target", target_name}, {"checked", checked}, {"errors", wrong}}.dump(2) +
          "\n");
  }
  if (errors.empty()) return;
  if (!context.json()) std::cerr << config::format_errors(errors);
  context.exit_code = kFailed;
}

void test(Context& context, const Files& files, bool left_open) {
  auto results = Json::array();
  for (const auto& file : files) {
    auto report_of = engine::run_rule_tests(file, left_open);
    if (!report_of) {
      report(context, report_of.error());
      continue;
    }
    results.push_back({{"file", file}, {"checks", report_of->checks}, {"failures", report_of->failures}});
    if (!report_of->failures.empty()) context.exit_code = kFailed;
    if (context.json()) continue;
    print(file + ": " + std::to_string(report_of->checks) + " checks, " +
          (report_of->failures.empty() ? "ok" : std::to_string(report_of->failures.size()) + " failed") + "\n");
    for (const auto& failure : report_of->failures) print("  " + failure + "\n");
  }
  if (context.json()) print(results.dump(2) + "\n");
}

void add_lint(CLI::App& command, Context& context) {
  auto request = std::make_shared<LintRequest>();
  auto* lint = command.add_subcommand("lint", "look for rules that cannot work, by their form and by history");
  lint->add_option("files", request->files, "rule files; without one, the rules the agent has loaded");
  lint->add_option("--since", request->since, "how much history to look at, like 30d");
  lint->callback([&context, request] { lint_rules(context, *request); });
}

void add_explain(CLI::App& command, Context& context) {
  auto request = std::make_shared<ExplainRequest>();
  auto* explain = command.add_subcommand("explain", "show the value of every part of a rule now");
  auto* rule = explain->add_option("rule", request->rule, "name of a loaded rule");
  explain->add_option("--expr", request->expr, "an expression instead")->excludes(rule);
  explain->callback([&context, request, explain] {
    if (request->rule.empty() && request->expr.empty())
      throw CLI::RequiredError(explain->get_name() + ": rule or --expr");
    explain_rule(context, *request);
  });
}

void add_rules_backtest(CLI::App& command, Context& context) {
  auto request = std::make_shared<BacktestRequest>();
  auto* back = command.add_subcommand("backtest", "when alerts would have fired over stored history");
  back->add_option("files", request->files, "rule files; without one, the rules the agent has loaded");
  back->add_option("--since", request->since, "how far to look back, like 30d");
  back->add_option("--step", request->step, "time between two evaluations (default: each group's interval)");
  back->add_option("--rule", request->rule, "only the alert of this name");
  back->add_option("--against", request->against, "an earlier version of the files to compare with");
  back->add_option("--max-notifications", request->max_notifications, "exit with 1 when a rule would have sent more");
  back->add_flag("--no-missed", request->no_missed, "exit with 1 when an episode of the earlier version is missed");
  back->add_flag("--sweep,!--no-sweep", request->sweep, "try other thresholds and `for` as well (the default)");
  back->callback([&context, request] { backtest_rules(context, *request); });
}

}  // namespace

void add_rules(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("rules", "check, lint, explain, backtest and unit-test Prometheus rule files");
  command->require_subcommand(1);
  auto files = std::make_shared<Files>();
  auto boundary = std::make_shared<std::string>("left_open");
  auto target = std::make_shared<std::string>("pgtend");
  auto* checking = command->add_subcommand("check", "parse and type-check; without a file, the configured rules");
  checking->add_option("files", *files, "rule files");
  checking->add_option("--target", *target, "what the files shall load into: pgtend, prom2.42 or prom3")
      ->check(CLI::IsMember({"pgtend", "prom2.42", "prom3"}))
      ->capture_default_str();
  checking->callback([&context, files, target] { check(context, *files, *target); });
  add_lint(*command, context);
  add_explain(*command, context);
  add_rules_backtest(*command, context);
  auto* testing = command->add_subcommand("test", "run unit tests in promtool's format");
  testing->add_option("files", *files, "test files")->required();
  testing->add_option("--range-boundary", *boundary, "left_open (Prometheus 3) or closed (Prometheus 2)")
      ->check(CLI::IsMember({"left_open", "closed"}));
  testing->callback([&context, files, boundary] { test(context, *files, *boundary == "left_open"); });
}

}  // namespace pgtend::cli
