#include <fstream>
#include <iostream>

#include "agent/base/clock.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"

namespace pgtend::cli {

namespace {

struct ExportOptions {
  std::string format = "openmetrics", since, from, to, file;
  std::vector<std::string> selectors;
};

Result<std::string> path_of(const ExportOptions& options) {
  UtcTime to = SystemClock().now(), from{};
  if (!options.to.empty()) {
    const auto time = parse_rfc3339(options.to);
    if (!time) return fail(Errc::invalid_argument, "--to is a time such as 2026-01-31T12:00:00Z");
    to = *time;
  }
  if (!options.from.empty()) {
    const auto time = parse_rfc3339(options.from);
    if (!time) return fail(Errc::invalid_argument, "--from is a time such as 2026-01-31T12:00:00Z");
    from = *time;
  }
  if (!options.since.empty()) {
    const auto since = parse_duration(options.since);
    if (!since) return fail(since.error());
    from = to - *since;
  }
  if (from > to) return fail(Errc::invalid_argument, "the range ends before it begins");
  std::string path = "/v1/export?format=" + options.format + "&from_ms=" + std::to_string(to_ms(from)) +
                     "&to_ms=" + std::to_string(to_ms(to));
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
  command->add_option("--since", options->since, "range back from now, like 1h (default: everything)");
  command->add_option("--from", options->from, "start, like 2026-01-31T12:00:00Z");
  command->add_option("--to", options->to, "end (default: now)");
  command->add_option("--file", options->file, "file to write (default: standard output)");
  command->callback([&context, options] { run_export(context, *options); });
}

}  // namespace pgtend::cli
