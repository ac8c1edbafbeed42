#include "agent/engine/load_config.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/config/origins.hpp"
#include "agent/engine/advising.hpp"
#include "agent/engine/collector_set.hpp"
#include "agent/engine/neighbour.hpp"
#include "agent/engine/own_collectors.hpp"

namespace pgtend::engine {

namespace {

using Names = std::vector<std::string>;

std::string cure(const std::string& name, const Names& known) {
  const auto near = nearest(name, known);
  return near ? "did you mean '" + *near + "'?" : "known: " + join(known, ", ");
}

void check_patterns(const config::Complaints& complain, const std::string& path, const Names& patterns,
                    const std::string& what, const Names& known) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const bool meets =
        std::any_of(known.begin(), known.end(), [&](const auto& name) { return glob_match(patterns[i], name); });
    if (meets) continue;
    const bool has_wildcard = patterns[i].find_first_of("*?") != std::string::npos;
    complain.at(path + "[" + std::to_string(i) + "]",
                has_wildcard ? "no " + what + " matches '" + patterns[i] + "'"
                             : "there is no " + what + " '" + patterns[i] + "'",
                cure(patterns[i], known));
  }
}

// Empty when the user's own collectors could not all be read: then no name is known to be wrong.
Names collector_names(const config::Config& config) {
  const auto set = load_collectors(config.collection.directory);
  if (!set.listed) return {};
  Names out;
  for (auto& own : own_collectors()) out.push_back(std::move(own.name));
  for (const auto& def : set.defs) out.push_back(def.name);
  for (const auto& spec : neighbour_specs(config)) out.push_back(spec.collector);
  // Their own errors are told; that they are missing would be a consequence.
  out.insert(out.end(), set.refused.begin(), set.refused.end());
  std::sort(out.begin(), out.end());
  return out;
}

// By what the file says, not by what was taken of it: a wrong name with a wrong interval is two mistakes.
void check_intervals(config::LoadedConfig& loaded, const Names& collectors) {
  const std::string above = "collection.intervals.";
  for (auto at = loaded.origins.lower_bound(above); at != loaded.origins.end() && at->first.starts_with(above); ++at) {
    const auto name = at->first.substr(above.size());
    const auto& [file, position, broken] = at->second;
    if (std::find(collectors.begin(), collectors.end(), name) == collectors.end())
      loaded.errors.push_back(
          {file, position.line, position.column, "there is no collector '" + name + "'", cure(name, collectors)});
  }
}

}  // namespace

void check_names(config::LoadedConfig& loaded) {
  const config::Complaints complain(loaded.origins, loaded.errors);
  const auto& collection = loaded.config.collection;
  const Names collectors = complain.is_broken("collection.directory") ? Names{} : collector_names(loaded.config);
  if (!collectors.empty()) {
    check_intervals(loaded, collectors);
    check_patterns(complain, "collection.disabled", collection.disabled, "collector", collectors);
  }
  check_patterns(complain, "advisors.disabled", loaded.config.advisors.disabled, "advisor", advisor_names());
  config::in_file_order(loaded);
}

config::LoadedConfig load_config(const std::string& file) {
  auto loaded = file.empty() ? config::defaults() : config::load(file);
  check_names(loaded);
  return loaded;
}

}  // namespace pgtend::engine
