#include "agent/cli/usage.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::cli {

namespace {

// The subcommand that the words before the wrong one led to.
const CLI::App& deepest(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : deepest(*parsed.back());
}

// "rules check", empty for the program itself.
std::string path_of(const CLI::App& command) {
  if (command.get_parent() == nullptr) return "";
  const auto before = path_of(*command.get_parent());
  return before.empty() ? command.get_name() : before + " " + command.get_name();
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> out;
  for (const auto* at = &command; at != nullptr; at = at->get_parent())
    for (const auto* option : at->get_options())
      for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  return out;
}

std::vector<std::string> subcommands_of(const CLI::App& command) {
  std::vector<std::string> out;
  for (const auto* sub : command.get_subcommands({})) out.push_back(sub->get_name());
  return out;
}

std::string near_to(const std::string& word, const std::vector<std::string>& known) {
  const auto near = nearest(word, known);
  return near ? "; did you mean '" + *near + "'?" : "";
}

std::string about_word(const CLI::App& command, const std::string& word) {
  const auto path = path_of(command);
  const std::string behind = path.empty() ? "" : " of '" + path + "'";
  if (word.size() > 1 && word.front() == '-') {
    const auto name = word.substr(0, word.find('='));
    return "unknown option '" + name + "'" + behind + near_to(name, options_of(command));
  }
  const auto known = subcommands_of(command);
  if (known.empty()) return "'" + word + "' was not expected behind '" + path + "'";
  const auto near = near_to(word, known);
  return (path.empty() ? "unknown command '" : "unknown subcommand '") + word + "'" + behind +
         (near.empty() && !path.empty() ? "; known: " + join(known, ", ") : near);
}

}  // namespace

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto& command = deepest(app);
  const auto path = path_of(command);
  const auto left = app.remaining(true);
  std::string out = "pgtend: " + (left.empty() ? std::string(error.what()) : about_word(command, left.front())) + "\n";
  return out + "  see: pgtend " + (path.empty() ? "help" : path + " --help") + "\n";
}

}  // namespace pgtend::cli
