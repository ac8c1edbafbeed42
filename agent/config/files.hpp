#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

namespace pgtend::config {

// The largest configuration, collector, check or rule file that is read; the largest shipped one is far below 100 kB.
inline constexpr std::size_t kMaxFileBytes = 4u << 20;

// The whole text of a regular file. Errors: not_found, permission, io, resource_exhausted (over `limit` bytes).
[[nodiscard]] Result<std::string> read_text(const std::string& path, std::size_t limit = kMaxFileBytes);
// *.yaml and *.yml of a directory, sorted by name; a missing directory is an empty list. Errors: permission, io.
[[nodiscard]] Result<std::vector<std::string>> list_yaml(const std::string& directory);
// Regular files that match a shell pattern whose wildcards are in its last part, sorted; a pattern without wildcards
// is returned as it is. Errors: permission, io.
[[nodiscard]] Result<std::vector<std::string>> expand_glob(const std::string& pattern);
// The numeric uid of "1000" or "postgres". Errors: not_found.
[[nodiscard]] Result<unsigned> uid_of(const std::string& user);

}  // namespace pgtend::config
