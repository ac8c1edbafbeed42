#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"

// How much of one table its rows do not need.
namespace pgtend::cli {

namespace {

void show(const Json& answer) {
  const auto& b = answer["item"];
  const auto size = [&b](const char* field) { return format_bytes(b.value(field, 0.0)); };
  std::string out = cell(b, "schema") + "." + cell(b, "table") + " in " + cell(b, "database") + ": " +
                    quantity(b, "bloat_ratio", "ratio") + " of " + size("table_bytes") + " is not needed by its rows\n";
  out += "live  " + size("live_bytes") + ", about " + quantity(b, "live_rows", "") + " rows\n";
  out +=
      "dead  " + size("dead_bytes") + ", " + quantity(b, "dead_rows", "") + " rows; VACUUM makes free space of them\n";
  out += "free  " + size("free_bytes") + "; new rows use it, only VACUUM FULL or a repack gives it back\n";
  out += "read  " + quantity(b, "scanned_ratio", "ratio") + " of its pages; the visibility map tells of the others\n";
  print(out);
}

}  // namespace

void add_bloat(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "bloat",
      "measure how much of one table is dead rows and free space (pgstattuple_approx; reads what is not all-visible)");
  auto table = std::make_shared<std::string>(), database = std::make_shared<std::string>();
  command->add_option("table", *table, "table or materialized view, with its schema where the name is not unique")
      ->required()
      ->type_name("SCHEMA.TABLE");
  command->add_option("-d,--database", *database, "its database (default: the one the agent is connected to)");
  command->callback([&context, table, database] {
    const auto answer = ask(context, "POST", "/v1/bloat", Json{{"table", *table}, {"database", *database}});
    if (!answer) return report(context, answer.error());
    if (context.json()) return print(answer->dump(2) + "\n");
    show(*answer);
  });
}

}  // namespace pgtend::cli
