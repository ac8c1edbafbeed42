#include <algorithm>
#include <cmath>
#include <iostream>

#include "agent/base/clock.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"
#include "agent/cli/time_range.hpp"
#include "agent/engine/history_offline.hpp"

// What the server was waiting on, from the history of active sessions.
namespace pgtend::cli {

namespace {

constexpr Millis kDefaultBack{15LL * 60'000};
constexpr int kBarColumns = 16;
// Columns of a timeline, and its least step: samples are kept in buckets of ten seconds.
constexpr std::int64_t kTimelineColumns = 60;
constexpr Millis kLeastStep{10'000};

// Eighths of a column.
std::string bar(double share) {
  static const char* const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kBarColumns * 8));
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  return out + parts[eighths % 8];
}

// One column per step, as high as `top` at most; a dot where nothing was sampled.
std::string timeline(const Json& values, const Json& sampled, double top) {
  static const char* const levels[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i].get<double>();
    const bool any = i < sampled.size() && sampled[i].get<double>() > 0;
    out += !any ? "·" : value <= 0 || top <= 0 ? " " : levels[std::clamp<long>(std::lround(value / top * 8), 1, 8)];
  }
  return out;
}

double highest(const Json& rows) {
  double top = 0;
  for (const auto& row : rows)
    for (const auto& value : row["timeline"]) top = std::max(top, value.get<double>());
  return top;
}

std::string column_name(const std::string& trait) {
  std::string out;
  for (const char c : trait) out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

std::string fixed(double value, const char* format) {
  char out[32];
  std::snprintf(out, sizeof out, format, value);
  return out;
}

std::string span_text(const Json& item) {
  return cell(item, "from") + " to " + cell(item, "to");
}

void show_rows(const Json& item) {
  const bool drawn = item.contains("step_seconds");
  std::vector<std::string> header{"SESSIONS", "SHARE", ""};
  if (drawn) header.push_back("EVERY " + quantity(item, "step_seconds", "seconds"));
  for (const auto& trait : item["by"]) header.push_back(column_name(trait.get<std::string>()));
  header.emplace_back("");
  Table table(std::move(header));
  const double top = drawn ? highest(item["rows"]) : 0;
  for (const auto& row : item["rows"]) {
    std::vector<std::string> cells{fixed(row.value("average_sessions", 0.0), "%.2f"),
                                   fixed(row.value("share", 0.0) * 100, "%.1f %%"), bar(row.value("share", 0.0))};
    if (drawn) cells.push_back(timeline(row["timeline"], item["sampled_steps_seconds"], top));
    for (const auto& trait : item["by"]) {
      const auto name = cell(row["group"], trait.get<std::string>().c_str());
      cells.push_back(name.empty() ? "-" : name);
    }
    cells.push_back(cell(row, "text"));
    table.add(std::move(cells));
  }
  print(table.render());
}

void show(const Json& answer) {
  const auto& item = answer["item"];
  for (const auto& warning : item["warnings"]) std::cerr << "pgtend: warning: " << warning.get<std::string>() << "\n";
  if (item.value("samples", 0) == 0) {
    print("nothing was sampled from " + span_text(item) + "; what is kept: pgtend db stats\n");
    return;
  }
  print(span_text(item) + ", " + quantity(item, "sampled_seconds", "seconds") +
        " of it sampled: " + fixed(item.value("average_sessions", 0.0), "%.2f") + " sessions not idle on average, " +
        fixed(item.value("idle_in_transaction", 0.0), "%.2f") + " of them idle in transaction\n");
  if (!item["rows"].empty()) {
    print("\n");
    show_rows(item);
  }
}

struct Options {
  TimeRangeOptions range;
  std::string by = "wait", step, file;
  int limit = 20;
  bool timeline = false;
};

// 0: no timeline.
Result<Millis> step_of(const Options& options, TimeRange range) {
  if (!options.step.empty()) {
    auto step = parse_duration(options.step);
    if (!step) return fail(std::move(step.error()), "--step");
    return step;
  }
  if (!options.timeline) return Millis(0);
  const auto step = std::max(kLeastStep, (range.to - range.from) / kTimelineColumns);
  // Whole seconds, upwards, so that the columns suffice.
  return Millis((step.count() + 999) / 1000 * 1000);
}

std::string path_of(const Options& options, TimeRange range, Millis step) {
  std::string path = "/v1/ash?from=" + url_encode(to_rfc3339(range.from)) + "&to=" + url_encode(to_rfc3339(range.to)) +
                     "&by=" + url_encode(options.by) + "&limit=" + std::to_string(options.limit);
  if (step > Millis(0)) path += "&step=" + format_duration(step);
  return path;
}

void run(Context& context, const Options& options) {
  const auto range = time_range(options.range, SystemClock().now(), kDefaultBack);
  const auto step = range ? step_of(options, *range) : Result<Millis>(fail(range.error()));
  if (!step) {
    report(context, step.error());
    context.exit_code = kUsage;
    return;
  }
  if (options.file.empty()) {
    ask_and_show(context, path_of(options, *range, *step), show);
    return;
  }
  const auto limit = static_cast<std::size_t>(options.limit);
  const auto text = engine::active_sessions_offline(options.file, *range, options.by, *step, limit);
  if (!text) return report(context, text.error());
  const auto answer = Json::parse(*text);
  if (context.json()) {
    print(answer.dump(2) + "\n");
  } else {
    show(answer);
  }
}

}  // namespace

void add_ash(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("ash", "what the server was waiting on: the history of active sessions");
  auto options = std::make_shared<Options>();
  add_time_range(*command, options->range, "15m");
  command->add_option("--by", options->by,
                      "one or more, with commas, of wait, query, user, database, state, blocker, application, backend");
  command->add_option("--limit", options->limit, "rows; the rest is one row 'other'")->check(CLI::Range(1, 500));
  command->add_flag("--timeline", options->timeline, "draw how each row went over the range");
  command->add_option("--step", options->step, "draw it in such steps, like 1m");
  command->add_option("--file", options->file, "a history.db that no agent uses, instead of asking the agent");
  command->callback([&context, options] { run(context, *options); });
}

}  // namespace pgtend::cli
