#include "agent/config/decode.hpp"

namespace pgtend::config {

std::string file_stem(std::string_view file) {
  const auto slash = file.find_last_of('/');
  if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
  const auto dot = file.find_last_of('.');
  if (dot != std::string_view::npos && dot != 0) file = file.substr(0, dot);
  return std::string(file);
}

bool is_metric_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':'))
      return false;
  return true;
}

void check_versions(Reader& reader, Position at, const std::optional<int>& low, const std::optional<int>& high) {
  if (low && high && *low > *high)
    reader.error(at, "min_version " + std::to_string(*low) + " is above max_version " + std::to_string(*high));
}

}  // namespace pgtend::config
