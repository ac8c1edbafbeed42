#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/reader.hpp"

namespace pgtend::config {

// Errors about values that are already merged, placed where the value (or the nearest thing around it) was written.
class Complaints {
 public:
  Complaints(const std::map<std::string, Origin>& origins, std::vector<ConfigError>& errors)
      : origins_(origins), errors_(errors) {}

  void at(std::string path, std::string message, std::string hint = "") const {
    for (;;) {
      const auto found = origins_.find(path);
      if (found != origins_.end()) {
        const auto& [file, position] = found->second;
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

 private:
  const std::map<std::string, Origin>& origins_;
  std::vector<ConfigError>& errors_;
};

}  // namespace pgtend::config
