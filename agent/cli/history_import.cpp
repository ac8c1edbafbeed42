#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/engine/history_offline.hpp"

namespace pgtend::cli {

namespace {

struct ImportOptions {
  std::string file, format, to, max_bytes = "4GB";
};

std::string format_of(const ImportOptions& options) {
  if (!options.format.empty()) return options.format;
  if (options.file.ends_with(".csv")) return "csv";
  return options.file.ends_with(".jsonl") ? "jsonl" : "openmetrics";
}

void show_import(Context& context, const ImportOptions& options, const store::ImportReport& r) {
  if (context.json()) {
    const Json out{{"to", options.to},       {"series", r.series},          {"samples", r.samples},
                   {"repeated", r.repeated}, {"from", to_rfc3339(*r.from)}, {"until", to_rfc3339(*r.to)},
                   {"bytes", r.bytes}};
    return print(out.dump(2) + "\n");
  }
  print("imported " + std::to_string(r.series) + " series and " + std::to_string(r.samples) + " samples from " +
        to_rfc3339(*r.from) + " to " + to_rfc3339(*r.to) + " into " + options.to + " (" + format_bytes(r.bytes) + ")" +
        (r.repeated > 0 ? "; " + std::to_string(r.repeated) + " were there twice" : "") + "\n");
}

void run_import(Context& context, const ImportOptions& options) {
  const auto max_bytes = parse_bytes(options.max_bytes);
  if (!max_bytes) {
    report(context, max_bytes.error());
    context.exit_code = kUsage;
    return;
  }
  const auto done = engine::import_offline(options.file, format_of(options), options.to, *max_bytes);
  if (!done) return report(context, done.error());
  show_import(context, options, *done);
}

}  // namespace

void add_history_import(CLI::App& history, Context& context) {
  auto* command = history.add_subcommand("import", "bring exported samples into a history file that no agent uses");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("file", options->file, "OpenMetrics, CSV or JSON lines, as export writes them; -: standard input")
      ->required();
  command->add_option("--to", options->to, "history file: a new one, or one that ends before the first sample")
      ->required();
  command->add_option("--format", options->format, "openmetrics, csv or jsonl (default: by the end of the file's name)")
      ->check(CLI::IsMember({"openmetrics", "csv", "jsonl"}));
  command->add_option("--max-bytes", options->max_bytes, "cap of the history file (default: 4GB)");
  command->callback([&context, options] { run_import(context, *options); });
}

}  // namespace pgtend::cli
