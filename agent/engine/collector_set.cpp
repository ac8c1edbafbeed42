#include "agent/engine/collector_set.hpp"

#include "agent/config/collector_file.hpp"
#include "agent/config/files.hpp"
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

}  // namespace

CollectorSet load_collectors(const std::string& directory) {
  CollectorSet set;
  for (const auto& file : embedded::collector_files())
    take(config::decode_collector(file.text, std::string(file.name)), set);
  for (const auto& code : collectors::code_collectors()) set.defs.push_back(code.def);
  const auto files = config::list_yaml(directory);
  if (!files) {
    set.errors.push_back({directory, 0, 0, files.error().describe(), ""});
    set.listed = false;
    return set;
  }
  for (const auto& file : *files) {
    const auto text = config::read_text(file);
    if (text) {
      take(config::decode_collector(*text, file), set);
    } else {
      set.errors.push_back({file, 0, 0, text.error().describe(), ""});
      set.listed = false;
    }
  }
  return set;
}

}  // namespace pgtend::engine
