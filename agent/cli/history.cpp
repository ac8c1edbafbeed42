#include "agent/base/clock.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

namespace {

std::string labels_text(const Json& labels) {
  std::string name = labels.value("__name__", "");
  std::string rest;
  for (const auto& [key, value] : labels.items()) {
    if (key == "__name__") continue;
    rest += (rest.empty() ? "" : ", ") + key + "=\"" + value.get<std::string>() + "\"";
  }
  return rest.empty() ? name : name + "{" + rest + "}";
}

std::string number(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void show(const Json& answer) {
  const auto& result = answer["item"];
  Table table({"SERIES", "AT", "VALUE"});
  for (const auto& series : result["series"])
    for (const auto& sample : series["samples"]) {
      const auto at = from_ms(static_cast<std::int64_t>(sample[0].get<double>() * 1000));
      table.add({labels_text(series["labels"]), to_rfc3339(at), number(sample[1])});
    }
  print(table.empty() ? "no samples\n" : table.render());
}

}  // namespace

void add_history(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("history", "evaluate a PromQL expression over the stored history, export or import it");
  add_history_export(*command, context);
  add_history_import(*command, context);
  struct Options {
    std::string expr, since, step = "1m";
  };
  auto options = std::make_shared<Options>();
  command->add_option("expr", options->expr, "PromQL expression");
  command->add_option("--since", options->since, "range back from now, like 1h (default: only now)");
  command->add_option("--step", options->step, "resolution of a range, like 30s");
  command->callback([&context, options, command] {
    if (!command->get_subcommands().empty()) return;
    if (options->expr.empty()) throw CLI::RequiredError("expr");
    std::string path = "/v1/query?expr=" + url_encode(options->expr);
    if (!options->since.empty()) {
      const auto since = parse_duration(options->since), step = parse_duration(options->step);
      if (!since || !step) {
        report(context, since ? step.error() : since.error());
        context.exit_code = kUsage;
        return;
      }
      const auto now = SystemClock().now();
      path = "/v1/query_range?expr=" + url_encode(options->expr) + "&from=" + url_encode(to_rfc3339(now - *since)) +
             "&to=" + url_encode(to_rfc3339(now)) + "&step=" + options->step;
    }
    ask_and_show(context, path, show);
  });
}

}  // namespace pgtend::cli
