#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

namespace {

using Words = std::vector<std::string>;

std::string percent(const Json& object, const char* field) {
  char out[32];
  std::snprintf(out, sizeof out, "%.2f %%", object.value(field, 0.0) * 100);
  return out;
}

std::string indented(const std::string& lines) {
  std::string out;
  for (const auto& line : split(trim(lines), '\n')) out += (out.empty() ? "" : "\n") + std::string(11, ' ') + line;
  return out;
}

void show_head(const Json& s) {
  const auto& server = s["server"];
  const auto& cost = s["cost"];
  const auto& history = s["history"];
  std::string out;
  const auto line = [&out](const std::string& name, const std::string& text) {
    out += name + std::string(name.size() < 11 ? 11 - name.size() : 1, ' ') + text + "\n";
  };
  const auto reason = cell(s, "reason");
  line("pgtend", cell(s, "version") + ", instance " + cell(s, "instance") + ", " + cell(s, "state") +
                     (reason.empty() ? "" : ": " + reason));
  line("server", cell(server, "server_version").empty()
                     ? "not connected"
                     : "PostgreSQL " + cell(server, "server_version") + ", " + cell(server, "role"));
  line("cost", percent(cost, "agent_cpu_ratio") + " of one core, backends " + percent(cost, "backend_cpu_ratio") +
                   ", " + format_bytes(cost.value("rss_bytes", 0.0)) + " resident (budget " +
                   percent(cost, "budget_cpu_ratio") + ", " + format_bytes(cost.value("budget_rss_bytes", 0.0)) + ")" +
                   (cost.value("slowdown", 1.0) > 1
                        ? ", collectors of class B and C slowed down " + cell(cost, "slowdown") + "x"
                        : ""));
  line("history", cell(history, "series") + " series, " + cell(history, "samples") + " samples, " +
                      format_bytes(history.value("bytes", 0.0)) +
                      (cell(history, "trouble").empty() ? "" : ", not written: " + cell(history, "trouble")));
  line("alerts", cell(s["alerts"], "firing") + " firing, " + cell(s["alerts"], "pending") + " pending");
  line("changes", cell(s["changes"], "open") + " open");
  line("ledger", s["ledger"].value("writable", false) ? cell(s["ledger"], "audit_rows") + " audit rows"
                                                      : "not writable: pgtend only recommends");
  const auto& freeze = s["freeze"];
  line("freeze",
       freeze.value("frozen", false) ? "FROZEN by " + cell(freeze, "by") + " " + cell(freeze, "reason") : "off");
  const auto& config = s["config"];
  const auto waiting = config.value("restart_needed", Words{});
  if (!waiting.empty()) line("restart", "needed for: " + join(waiting, ", "));
  if (const auto why = cell(config, "reload_error"); !why.empty())
    line("config", "the last reload was refused, the configuration of " + short_time(cell(config, "loaded_at")) +
                       " stays:\n" + indented(why));
  for (const auto& error : config.value("not_loaded", Words{})) line("not loaded", error);
  print(out);
}

void show_missing(const Json& s) {
  Table missing({"MISSING", "DATABASE", "EFFECT", "CURE"});
  for (const auto& c : s["capabilities"])
    if (!c.value("present", false))
      missing.add({cell(c, "name"), cell(c, "database"), cell(c, "effect"), cell(c, "cure")});
  if (!missing.empty()) print("\n" + missing.render());
}

void show_lanes_and_collectors(const Json& s) {
  Table lanes({"LANE", "UP", "BREAKER", "RECONNECTS", "LAST ERROR"});
  for (const auto& l : s["lanes"])
    lanes.add({cell(l, "name"), l.value("up", false) ? "yes" : "no", cell(l, "breaker"), cell(l, "reconnects"),
               cell(l, "last_error")});
  print("\n" + lanes.render());
  Table collectors({"COLLECTOR", "DATABASE", "STATUS", "SERIES", "MS", "EVERY S", "DETAIL"});
  for (const auto& c : s["collectors"])
    collectors.add({cell(c, "name"), cell(c, "database"), cell(c, "status"), cell(c, "series"),
                    cell(c, "last_duration_ms"), cell(c, "interval_seconds"), cell(c, "detail")});
  print("\n" + collectors.render());
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("status", "what the agent sees and how it is");
  command->callback([&context] {
    ask_and_show(context, "/v1/status", [](const Json& answer) {
      const auto& s = answer["item"];
      show_head(s);
      show_missing(s);
      show_lanes_and_collectors(s);
    });
  });
}

}  // namespace pgtend::cli
