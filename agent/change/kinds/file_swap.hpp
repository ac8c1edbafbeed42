#pragma once

#include <string>
#include <vector>

#include "agent/base/result.hpp"

// A file of somebody else's that is replaced as a whole or not at all. Blocking: for the blocking pool.
namespace pgtend::change {

// Largest file that is read: a pgbouncer.ini of a thousand databases has a tenth of it.
inline constexpr std::size_t kMostFileBytes = 1 << 20;

// Errors: not_found, permission, io, refused (no regular file, larger than kMostFileBytes).
[[nodiscard]] Result<std::string> read_whole(const std::string& path);

// What this process lacks to replace the file and keep its owner, group and mode, each as "what it is for: what cures
// it". Touches nothing. Errors: not_found, io, refused (a second hard link, which would go on with the old text).
[[nodiscard]] Result<std::vector<std::string>> missing_file_rights(const std::string& path);

// Writes `text` beside the file and renames it into its place, on disk when it returns; owner, group, mode and ACL are
// those of the old one. A reader sees the old or the new text. `mark` names the file beside it.
// Errors: permission, io; the file is then as it was.
[[nodiscard]] Result<void> swap_file(const std::string& path, const std::string& text, const std::string& mark);

// What a swap with this mark left beside the file when it was interrupted.
[[nodiscard]] bool has_leftover(const std::string& path, const std::string& mark);
void remove_leftover(const std::string& path, const std::string& mark);

}  // namespace pgtend::change
