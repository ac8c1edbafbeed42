#include "agent/engine/collector_set.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "agent/config/collector_file.hpp"
#include "agent/config/files.hpp"
#include "agent/engine/neighbour.hpp"
#include "agent/engine/own_collectors.hpp"
#include "collectors/metric_defs.hpp"
#include "collectors/query.hpp"
#include "collectors/registry.hpp"

namespace pgtend::engine {

namespace {

void take(config::CollectorFile decoded, CollectorSet& set) {
  set.errors.insert(set.errors.end(), decoded.errors.begin(), decoded.errors.end());
  if (!decoded.def) set.refused.push_back(decoded.name);
  if (!decoded.def) return;
  std::erase_if(set.defs, [&](const CollectorDef& def) { return def.name == decoded.def->name; });
  set.defs.push_back(std::move(*decoded.def));
}

// Where the words stand first; the last line when nowhere.
int line_of(const std::string& text, std::string_view words) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(text.find(words), text.size()));
  return static_cast<int>(std::count(text.begin(), end, '\n')) + 1;
}

// Who makes each metric so far: the collector, or what else does.
using Owners = std::map<std::string, std::string>;

void own(const CollectorDef& def, Owners& owners) {
  for (const auto& metric : collectors::metric_defs({&def, 1})) owners.emplace(metric.name, def.name);
}

Owners owners_of(const std::vector<CollectorDef>& defs) {
  Owners owners;
  for (const auto& def : defs) own(def, owners);
  for (const auto& code : collectors::code_collectors())
    for (const auto& metric : code.metrics) owners.emplace(metric.name, code.def.name);
  for (const auto& own : own_collectors())
    for (const auto& metric : own.metrics) owners.emplace(metric.name, own.name);
  for (const auto& metric : neighbour_metrics()) owners.emplace(metric.def.name, metric.kind);
  return owners;
}

bool is_code(const std::string& name) {
  return std::ranges::any_of(own_collectors(), [&](const auto& own) { return own.name == name; }) ||
         std::ranges::any_of(collectors::code_collectors(), [&](const auto& code) { return code.def.name == name; });
}

// A mistake that every server would answer with.
void refuse_empty_placeholder(config::CollectorFile& decoded, const std::string& text, const std::string& file) {
  if (!decoded.def) return;
  auto what = collectors::empty_placeholder(*decoded.def);
  if (what.empty()) return;
  decoded.errors.push_back({file, line_of(text, "{columns}"), 1, std::move(what),
                            decoded.def->source.empty() || decoded.def->source.ends_with("()")
                                ? "set source, or write the columns out"
                                : "leave out {columns}, or name the columns of the source without AS"});
  decoded.def.reset();
}

// A file stands for a shipped collector only where it says so: it might as well have taken the name by chance.
void refuse_taken_name(config::CollectorFile& decoded, const std::string& file, const std::set<std::string>& shipped,
                       const CollectorSet& set) {
  if (!decoded.def) return;
  const std::string name = decoded.def->name;
  const bool replaces = decoded.def->replace, is_shipped = shipped.contains(name);
  const auto taken = std::ranges::find(set.defs, name, &CollectorDef::name);
  const bool by_user = taken != set.defs.end() && (!is_shipped || taken->replace);
  std::string what, cure = "choose another name";
  if (is_code(name)) {
    what = "the name '" + name + "' is of a collector in code";
  } else if (by_user) {
    what = "there is a collector '" + name + "' already, in " + taken->file;
  } else if (is_shipped && !replaces) {
    what = "there is a shipped collector '" + name + "' already";
    cure += ", or write replace: true to put this one in its place";
  } else if (replaces && !is_shipped) {
    what = "there is no shipped collector '" + name + "' to replace";
    cure = "leave out replace, or name the one that is meant";
  }
  if (what.empty()) return;
  decoded.errors.push_back({file, 1, 1, what, cure});
  decoded.def.reset();
}

// Two collectors that make one metric would take turns in overwriting it.
void refuse_foreign_metrics(config::CollectorFile& decoded, const std::string& text, const std::string& file,
                            Owners& owners) {
  if (!decoded.def) return;
  for (const auto& metric : collectors::metric_defs({&*decoded.def, 1})) {
    const auto owner = owners.find(metric.name);
    if (owner == owners.end() || owner->second == decoded.def->name) continue;
    decoded.errors.push_back({file, line_of(text, metric.name), 1,
                              "metric '" + metric.name + "' is made by the collector '" + owner->second + "' already",
                              "choose another name"});
  }
  if (decoded.errors.empty()) {
    own(*decoded.def, owners);
  } else {
    decoded.def.reset();
  }
}

}  // namespace

CollectorSet load_collectors(const std::string& directory) {
  CollectorSet set;
  for (const auto& file : embedded::collector_files())
    take(config::decode_collector(file.text, std::string(file.name)), set);
  for (const auto& code : collectors::code_collectors()) set.defs.push_back(code.def);
  auto owners = owners_of(set.defs);
  std::set<std::string> shipped;
  for (const auto& def : set.defs) shipped.insert(def.name);
  const auto files = config::list_yaml(directory);
  if (!files) {
    set.errors.push_back({directory, 0, 0, files.error().describe(), ""});
    set.listed = false;
    return set;
  }
  for (const auto& file : *files) {
    const auto text = config::read_text(file);
    if (text) {
      auto decoded = config::decode_collector(*text, file);
      refuse_empty_placeholder(decoded, *text, file);
      refuse_taken_name(decoded, file, shipped, set);
      refuse_foreign_metrics(decoded, *text, file, owners);
      take(std::move(decoded), set);
    } else {
      set.errors.push_back({file, 0, 0, text.error().describe(), ""});
      set.listed = false;
    }
  }
  return set;
}

}  // namespace pgtend::engine
