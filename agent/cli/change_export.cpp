#include "agent/cli/change_export.hpp"

#include "agent/engine/migration_export.hpp"

namespace pgtend::cli {

namespace {

std::vector<std::string> texts(const Json& list) {
  std::vector<std::string> out;
  for (const auto& one : list) out.push_back(one.get<std::string>());
  return out;
}

// What both kinds of answers have in common: a plan and its hash.
migrations::MigrationSource source_of(const Json& item, const Json& plan, const std::string& kind) {
  migrations::MigrationSource out;
  out.origin = kind + " " + cell(item, "id") + ", plan hash " + cell(item, "plan_hash").substr(0, 12);
  out.about = cell(plan, "action") + " of " + cell(plan, "object") + " in " + cell(plan, "database");
  out.role = cell(plan, "run_as_role");
  out.up = texts(plan["sql_up"]);
  out.down = texts(plan["sql_down"]);
  return out;
}

struct Exported {
  migrations::MigrationSource source;
  std::string name;
};

Result<Exported> find(Context& context, const std::string& id) {
  const auto change = ask(context, "GET", "/v1/changes/" + url_encode(id));
  if (!change && change.error().code != Errc::not_found) return fail(change.error());
  const auto recommendation_id = change ? cell((*change)["item"], "recommendation_id") : id;
  const auto recommendation = recommendation_id.empty()
                                  ? Result<Json>(fail(Errc::not_found, "a person proposed it"))
                                  : ask(context, "GET", "/v1/recommendations/" + url_encode(recommendation_id));
  // The change tells what is done; only the recommendation knows why. One that is gone leaves the change alone.
  if (!change && !recommendation) return fail(recommendation.error());
  const auto& plan = change ? (*change)["item"]["plan"] : (*recommendation)["item"]["change"];
  if (cell(plan, "kind") == "pgbouncer")
    return fail(Errc::unsupported, "a change of pgbouncer.ini is no SQL and has no migration file");
  Exported out{change ? source_of((*change)["item"], plan, "change")
                      : source_of((*recommendation)["item"], plan, "recommendation"),
               cell(plan, "action") + " " + cell(plan, "object")};
  if (recommendation) {
    const auto& item = (*recommendation)["item"];
    out.source.risk = cell(item, "risk");
    if (const auto why = cell(item["finding"], "summary"); !why.empty()) out.source.about += ": " + why;
  }
  return out;
}

void export_change(Context& context, const std::string& id, const std::string& folder) {
  const auto found = find(context, id);
  if (!found) return report(context, found.error());
  if (folder.empty()) {
    const auto text = migrations::migration_text(found->source, "V1__x.sql");
    return print(context.json() ? Json{{"text", text}}.dump(2) + "\n" : text);
  }
  const auto written = engine::write_migration(found->source, folder, found->name);
  if (!written) return report(context, written.error());
  print(context.json() ? Json{{"file", *written}}.dump(2) + "\n" : *written + "\n");
}

}  // namespace

void add_changes_export(CLI::App& changes, Context& context) {
  auto* command =
      changes.add_subcommand("export", "a change or a recommendation as a migration file, way back included");
  auto id = std::make_shared<std::string>();
  auto folder = std::make_shared<std::string>();
  command->add_option("id", *id, "id or unique prefix of a change or a recommendation")->required();
  command->add_option("--dir", *folder, "write it there, numbered behind the last V file (default: print it)")
      ->type_name("FOLDER");
  command->callback([&context, id, folder] { export_change(context, *id, *folder); });
}

}  // namespace pgtend::cli
