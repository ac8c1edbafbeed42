#include <fstream>
#include <iostream>

#include "agent/base/clock.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/time_range.hpp"

namespace pgtend::cli {

namespace {

struct ExportOptions {
  TimeRangeOptions range;
  std::string format = "openmetrics", file;
  std::vector<std::string> selectors;
};

Result<std::string> path_of(const ExportOptions& options) {
  const auto range = time_range(options.range, SystemClock().now(), Millis::max());
  if (!range) return fail(range.error());
  std::string path = "/v1/export?format=" + options.format + "&from_ms=" + std::to_string(to_ms(range->from)) +
                     "&to_ms=" + std::to_string(to_ms(range->to));
  for (const auto& selector : options.selectors) path += "&match=" + url_encode(selector);
  return path;
}

// Page after page: the whole is never in memory. The end is fixed before the first, so that it comes.
Result<void> write_pages(const Context& context, const std::string& path, std::ostream& out) {
  std::string after;
  while (true) {
    auto page = exchange(context, "GET", after.empty() ? path : path + "&after=" + url_encode(after));
    if (!page) return fail(std::move(page.error()));
    out << page->body;
    if (!out.flush()) return fail(Errc::io, "the export cannot be written");
    const auto next = page->headers.find("x-pgtend-next");
    if (next == page->headers.end()) return {};
    after = next->second;
  }
}

void run_export(Context& context, const ExportOptions& options) {
  const auto path = path_of(options);
  if (!path) {
    report(context, path.error());
    context.exit_code = kUsage;
    return;
  }
  std::ofstream file;
  if (!options.file.empty()) {
    file.open(options.file, std::ios::binary | std::ios::trunc);
    if (!file) {
      const auto error = fail(Errc::io, "cannot write " + options.file);
      report(context, error.value());
      return;
    }
  }
  auto written = write_pages(context, *path, options.file.empty() ? std::cout : file);
  if (!written) report(context, written.error());
}

}  // namespace

void add_history_export(CLI::App& history, Context& context) {
  auto* command = history.add_subcommand("export", "write stored samples as OpenMetrics, CSV or JSON lines");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("--format", options->format, "openmetrics, csv or jsonl")
      ->check(CLI::IsMember({"openmetrics", "csv", "jsonl"}));
  command->add_option("--match", options->selectors, "series selector, like 'pg_up{instance=\"a\"}'; may be repeated");
  add_time_range(*command, options->range, "everything");
  command->add_option("--file", options->file, "file to write (default: standard output)");
  command->callback([&context, options] { run_export(context, *options); });
}

}  // namespace pgtend::cli
