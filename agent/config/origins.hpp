#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/config_error.hpp"

namespace pgtend::config {

// Errors about values that are already merged, placed where the value (or the nearest thing around it) was written.
class Complaints {
 public:
  Complaints(const Origins& origins, std::vector<ConfigError>& errors) : origins_(origins), errors_(errors) {}

  // Says nothing of a value that was refused already: what the default contradicts is no mistake of the file's.
  void at(std::string path, std::string message, std::string hint = "") const {
    if (const auto found = origins_.find(path); found != origins_.end() && found->second.broken) return;
    for (;;) {
      const auto found = origins_.find(path);
      if (found != origins_.end()) {
        const auto& [file, position, broken] = found->second;
        errors_.push_back({file, position.line, position.column, std::move(message), std::move(hint)});
        return;
      }
      const auto cut = path.find_last_of(".[");
      if (cut == std::string::npos) break;
      path.resize(cut);
    }
    errors_.push_back({"defaults", 0, 0, std::move(message), std::move(hint)});
  }

  [[nodiscard]] bool is_set(const std::string& path) const { return origins_.contains(path); }

  // The value, or anything in it, was refused.
  [[nodiscard]] bool is_broken(const std::string& path) const {
    for (auto at = origins_.lower_bound(path); at != origins_.end() && at->first.starts_with(path); ++at) {
      const bool below =
          at->first.size() == path.size() || at->first[path.size()] == '.' || at->first[path.size()] == '[';
      if (below && at->second.broken) return true;
    }
    return false;
  }

 private:
  const Origins& origins_;
  std::vector<ConfigError>& errors_;
};

}  // namespace pgtend::config
