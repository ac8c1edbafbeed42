#include "agent/engine/doctor.hpp"

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/load_config.hpp"

namespace pgtend::cli {

namespace {

Json as_json(const engine::DoctorReport& report) {
  auto roles = Json::array();
  for (const auto& role : report.roles) {
    auto capabilities = Json::array();
    for (const auto& c : role.capabilities)
      capabilities.push_back(
          {{"name", c.name}, {"present", c.present}, {"effect", c.effect}, {"cure", c.cure}, {"advice", c.advice}});
    roles.push_back(
        {{"user", role.user}, {"purpose", role.purpose}, {"error", role.error}, {"capabilities", capabilities}});
  }
  auto neighbours = Json::array();
  for (const auto& n : report.neighbours)
    neighbours.push_back({{"collector", n.collector}, {"version", n.version}, {"error", n.error}, {"lost", n.lost}});
  return {{"schema", "pgtend/v1"}, {"server", report.server}, {"roles", roles}, {"neighbours", neighbours}};
}

// One command for all that is missing, where setup makes roles like these: two of them, with their names.
std::string all_at_once(const config::PostgresqlConfig& server, const engine::DoctorReport& report) {
  if (!server.operator_role || server.operator_role->user == server.user) return "";
  // It takes rights from them, which is not what a superuser is for.
  for (const auto& role : report.roles)
    for (const auto& c : role.capabilities)
      if (c.name == "not_superuser" && !c.present) return "";
  return "; all of it at once, by a superuser in each database: pgtend setup --apply --owner OWNER -d " +
         server.database;
}

void show_role(const engine::DoctorRole& role, const std::string& cure_of_all) {
  print("\nrole " + role.user + " (" + role.purpose + ")\n");
  if (!role.error.empty()) {
    print("  ✖ cannot connect: " + role.error + "\n");
    for (const auto& c : role.capabilities) print("  ✖ " + c.name + ": " + c.effect + "\n      " + c.cure + "\n");
    return;
  }
  std::size_t missing = 0;
  for (const auto& c : role.capabilities) {
    if (c.present) {
      print("  ✔ " + c.name + "\n");
      continue;
    }
    missing += c.advice ? 0 : 1;
    print(std::string(c.advice ? "  ! " : "  ✖ ") + c.name + ": " + c.effect + "\n      " + c.cure + "\n");
  }
  print(missing == 0 ? "  nothing is missing\n" : "  " + std::to_string(missing) + " missing" + cure_of_all + "\n");
}

void show_neighbour(const engine::DoctorNeighbour& neighbour) {
  print("\n" + neighbour.collector + (neighbour.version.empty() ? "" : " " + neighbour.version) + "\n");
  if (!neighbour.error.empty()) print("  ✖ " + neighbour.error + "\n");
  for (const auto& lost : neighbour.lost) print("  ! not told: " + lost + "\n");
  if (neighbour.error.empty() && neighbour.lost.empty()) print("  nothing is missing\n");
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "doctor", "connect as the agent would, poolers and caches too, and list each missing right with its GRANT");
  auto user = std::make_shared<std::string>();
  auto database = std::make_shared<std::string>();
  auto pg_host = std::make_shared<std::string>();
  auto port = std::make_shared<int>(0);
  command->add_option("-U,--username", *user, "role to examine instead of the configured one");
  command->add_option("-d,--dbname", *database, "database instead of the configured one");
  command->add_option("--pg-host", *pg_host, "server host or socket directory instead of the configured one");
  command->add_option("-p,--port", *port, "server port instead of the configured one");
  command->callback([&context, user, database, pg_host, port] {
    const std::string file = context.effective_config_file();
    auto loaded = engine::load_config(file);
    if (!loaded.errors.empty()) {
      Error error;
      error.code = Errc::config;
      error.message = config::format_errors(loaded.errors);
      report(context, error);
      return;
    }
    auto& server = loaded.config.postgresql;
    if (!pg_host->empty()) server.host = *pg_host;
    if (*port != 0) server.port = *port;
    if (!database->empty()) server.database = *database;
    if (!user->empty()) {
      server.user = *user;
      server.operator_role.reset();
    }
    const auto examined = engine::examine(loaded.config);
    if (context.json()) {
      print(as_json(examined).dump(2) + "\n");
    } else {
      print(examined.server.empty() ? "server not reached\n" : "server " + examined.server + "\n");
      print("database " + server.database + "; rights differ by database: pgtend doctor -d NAME looks at another\n");
      for (const auto& role : examined.roles) show_role(role, all_at_once(server, examined));
      for (const auto& neighbour : examined.neighbours) show_neighbour(neighbour);
    }
    for (const auto& neighbour : examined.neighbours)
      if ((!neighbour.error.empty() || !neighbour.lost.empty()) && context.exit_code == kOk)
        context.exit_code = kWarnings;
    for (const auto& role : examined.roles) {
      if (!role.error.empty()) context.exit_code = kFailed;
      for (const auto& c : role.capabilities)
        if (!c.present && !c.advice && context.exit_code == kOk) context.exit_code = kWarnings;
    }
  });
}

}  // namespace pgtend::cli
