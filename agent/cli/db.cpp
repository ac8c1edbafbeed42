#include <cmath>

#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"
#include "agent/engine/history_offline.hpp"

namespace pgtend::cli {

namespace {

std::string size(const Json& object, const char* field) {
  return format_bytes(object.value(field, 0.0));
}

std::string age(double seconds) {
  return format_duration(Millis(static_cast<std::int64_t>(seconds) * 1000));
}

// How far back a tier reaches, rounded to what a person would say.
std::string reach(const Json& tier) {
  const auto oldest = tier["oldest"].is_string() ? parse_rfc3339(tier["oldest"].get<std::string>()) : std::nullopt;
  const auto newest = tier["newest"].is_string() ? parse_rfc3339(tier["newest"].get<std::string>()) : std::nullopt;
  if (!oldest || !newest) return "nothing yet";
  const double seconds = to_seconds(*newest) - to_seconds(*oldest);
  const double unit = seconds > 172'800 ? 86'400 : seconds > 7'200 ? 3'600 : 60;
  return age(std::floor(seconds / unit) * unit);
}

void show_stats(const Json& answer) {
  const auto& s = answer["item"];
  std::string out;
  const auto line = [&out](const std::string& name, const std::string& text) {
    out += name + std::string(name.size() < 11 ? 11 - name.size() : 1, ' ') + text + "\n";
  };
  line("file", cell(s, "path") + ", version " + cell(s, "version") + ", SQLite " + cell(s, "sqlite_version"));
  line("size", size(s, "bytes") + " of at most " + size(s, "max_bytes") + ": database " + size(s, "file_bytes") +
                   " (of it " + size(s, "free_bytes") + " free), log " + size(s, "wal_bytes") + ", ballast " +
                   size(s, "ballast_bytes"));
  line("disk", size(s, "disk_available_bytes") + " available");
  line("series", cell(s, "active_series") + " active, " + cell(s, "series") + " known");
  const double samples = s.value("samples", 0.0);
  const double bytes = s.value("file_bytes", 0.0) - s.value("free_bytes", 0.0);
  char each[48];
  std::snprintf(each, sizeof each, ", %.2f bytes each with all copies and names", samples > 0 ? bytes / samples : 0.0);
  line("samples", cell(s, "samples") + (samples > 0 ? each : "") + "; " + size(s, "head_bytes") +
                      " of them in ticks that are not packed yet");
  line("kept", s.value("cap_decides", false) ? "shorter than configured: max_bytes decides, not the retention"
                                             : "as long as configured");
  if (const auto trouble = cell(s, "trouble"); !trouble.empty()) line("TROUBLE", trouble);
  if (const auto moved = cell(s, "moved_aside"); !moved.empty())
    line("REPLACED", "the old file was damaged and is now " + moved);
  if (s.value("bad_blocks", 0) > 0) line("DAMAGED", cell(s, "bad_blocks") + " blocks; see pgtend db check");
  if (s.value("over_quota", 0) > 0)
    line("OVER QUOTA",
         cell(s, "over_quota") + " samples had no series of their own; counters were added up in \"other\"");
  print(out + "\n");
  Table tiers({"EVERY", "KEPT FOR", "REACHES BACK", "FROM", "VALUES", "SIZE", "BLOCKS"});
  for (const auto& tier : s["tiers"]) {
    const double width = tier.value("width_seconds", 0.0);
    tiers.add({width > 0 ? age(width) : "as collected", age(tier.value("retention_seconds", 0.0)), reach(tier),
               cell(tier, "oldest"), cell(tier, "values"), size(tier, "bytes"), cell(tier, "blocks")});
  }
  if (!tiers.empty()) print(tiers.render());
}

Json as_json(const store::IntegrityReport& r) {
  return {{"sound", r.sound},
          {"structure", r.structure},
          {"blocks", r.blocks},
          {"bad_blocks", r.bad_blocks},
          {"chunks", r.chunks},
          {"bad_chunks", r.bad_chunks},
          {"rows", r.rows},
          {"bad_rows", r.bad_rows},
          {"bad_from", r.bad_from ? Json(to_rfc3339(*r.bad_from)) : Json()},
          {"bad_to", r.bad_to ? Json(to_rfc3339(*r.bad_to)) : Json()}};
}

void show_check(Context& context, const Json& r) {
  const bool sound = r.value("sound", false);
  if (!sound) context.exit_code = kCritical;
  if (context.json()) {
    print(r.dump(2) + "\n");
    return;
  }
  print(std::string(sound ? "sound" : "DAMAGED") + ": structure " + cell(r, "structure") + "; " +
        cell(r, "bad_blocks") + " of " + cell(r, "blocks") + " blocks, " + cell(r, "bad_chunks") + " of " +
        cell(r, "chunks") + " chunks of ticks, " + cell(r, "bad_rows") + " of " + cell(r, "rows") +
        " other rows are bad\n");
  if (!cell(r, "bad_from").empty())
    print("samples of some series are lost between " + cell(r, "bad_from") + " and " + cell(r, "bad_to") + "\n");
  if (!sound) print("stop the agent and copy what is good: pgtend db recover FROM TO\n");
}

void add_check(CLI::App& db, Context& context) {
  auto* command = db.add_subcommand("check", "read all of it and check every sum; exit 4 when something is damaged");
  auto file = std::make_shared<std::string>();
  command->add_option("file", *file, "a file that no agent uses; default: the agent checks its own");
  command->callback([&context, file] {
    if (file->empty()) {
      auto answer = ask(context, "POST", "/v1/db/check");
      if (!answer) return report(context, answer.error());
      return show_check(context, (*answer)["item"]);
    }
    auto checked = engine::check_offline(*file);
    if (!checked) return report(context, checked.error());
    show_check(context, as_json(*checked));
  });
}

void add_recover(CLI::App& db, Context& context) {
  auto* command = db.add_subcommand("recover", "copy what is good of a file that no agent uses into a new one");
  auto from = std::make_shared<std::string>(), to = std::make_shared<std::string>();
  command->add_option("from", *from, "the damaged file; it is only read")->required();
  command->add_option("to", *to, "the new file")->required();
  command->callback([&context, from, to] {
    auto recovered = engine::recover_offline(*from, *to);
    if (!recovered) return report(context, recovered.error());
    const auto& r = *recovered;
    if (context.json()) {
      print(Json{{"to", *to},
                 {"series", r.series},
                 {"blocks", r.blocks},
                 {"samples", r.samples},
                 {"head_rows", r.head_rows},
                 {"lost_rows", r.lost_rows}}
                .dump(2) +
            "\n");
      return;
    }
    print("copied " + std::to_string(r.series) + " series and " + std::to_string(r.samples) + " samples in " +
          std::to_string(r.blocks) + " blocks and " + std::to_string(r.head_rows) + " newest ticks to " + *to + "; " +
          std::to_string(r.lost_rows) + " rows were lost\n");
  });
}

void add_backup(CLI::App& db, Context& context) {
  auto* command = db.add_subcommand("backup", "let the agent copy its history to a new file on its machine");
  auto to = std::make_shared<std::string>();
  command->add_option("to", *to, "absolute path of the new file")->required();
  command->callback([&context, to] {
    if (!to->starts_with('/'))
      throw CLI::ValidationError("to", "\"" + *to + "\" is no absolute path; the agent writes it on its own machine");
    auto answer = ask(context, "POST", "/v1/db/backup", Json{{"to", *to}});
    if (!answer) return report(context, answer.error());
    print(context.json() ? answer->dump(2) + "\n" : "copied to " + *to + "\n");
  });
}

}  // namespace

void add_db(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("db", "the history file: what it keeps, whether it is sound, copies of it");
  command->require_subcommand(1);
  auto* stats = command->add_subcommand("stats", "what is kept, how long, and at what size");
  stats->callback([&context] { ask_and_show(context, "/v1/db/stats", show_stats); });
  add_check(*command, context);
  add_backup(*command, context);
  add_recover(*command, context);
}

}  // namespace pgtend::cli
