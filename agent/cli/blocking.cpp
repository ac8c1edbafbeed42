#include <iostream>
#include <map>

#include "agent/base/units.hpp"
#include "agent/cli/commands.hpp"

// Who blocks whom now, as trees.
namespace pgtend::cli {

namespace {

std::string who(const Json& session) {
  if (session.value("pid", 0) == 0) return "a prepared transaction";
  std::string out = "pid " + cell(session, "pid");
  // A blocker that ended a moment ago has no more than its pid.
  if (!cell(session, "user").empty()) out += " " + cell(session, "user") + "@" + cell(session, "database");
  if (!cell(session, "application").empty()) out += " [" + cell(session, "application") + "]";
  return out;
}

std::string root_line(const Json& tree) {
  const auto& root = tree["root"];
  std::string out = who(root);
  if (!cell(root, "state").empty())
    out += ", " + cell(root, "state") + ", transaction " + quantity(root, "transaction_seconds", "seconds") + " old";
  const auto victims = tree["victims"].size();
  out += ": blocks " + std::to_string(victims) + (victims == 1 ? " session" : " sessions") + ", the longest for " +
         quantity(tree, "wait_seconds", "seconds");
  return out + "\n";
}

std::string victim_line(const Json& victim) {
  std::string out = who(victim) + " waits " + quantity(victim, "wait_seconds", "seconds");
  if (!cell(victim, "lock_mode").empty()) out += " for " + cell(victim, "lock_mode");
  if (!cell(victim, "relation").empty()) {
    out += " on " + cell(victim, "relation");
  } else if (!cell(victim, "lock_type").empty()) {
    out += " on a " + cell(victim, "lock_type");
  }
  if (!cell(victim, "query_id").empty()) out += ", query " + cell(victim, "query_id");
  return out;
}

using Victims = std::map<int, std::vector<const Json*>>;  // by who blocks them

void add_below(const Victims& victims, int pid, const std::string& indent, std::string& out) {
  const auto found = victims.find(pid);
  if (found == victims.end()) return;
  for (std::size_t i = 0; i < found->second.size(); ++i) {
    const bool last = i + 1 == found->second.size();
    const auto& victim = *found->second[i];
    out += indent + (last ? "└─ " : "├─ ") + victim_line(victim) + "\n";
    // Each victim stands once in a tree, so that this ends.
    add_below(victims, victim.value("pid", 0), indent + (last ? "   " : "│  "), out);
  }
}

void show(const Json& answer) {
  for (const auto& warning : answer["warnings"]) std::cerr << "pgtend: warning: " << warning.get<std::string>() << "\n";
  const auto& trees = answer["items"];
  if (trees.empty()) {
    print("no session waits for another one's lock; what was: pgtend ash --by wait,blocker\n");
    return;
  }
  std::string out;
  for (const auto& tree : trees) {
    Victims victims;
    for (const auto& victim : tree["victims"]) victims[victim.value("blocked_by", 0)].push_back(&victim);
    out += (out.empty() ? "" : "\n") + root_line(tree);
    add_below(victims, tree["root"].value("pid", 0), "", out);
  }
  print(out);
}

}  // namespace

void add_blocking(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("blocking", "which sessions block which others now, as trees");
  command->callback([&context] { ask_and_show(context, "/v1/blocking", show); });
}

}  // namespace pgtend::cli
