#include "agent/config/files.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "agent/base/strings.hpp"

namespace pgtend::config {

namespace {

namespace fs = std::filesystem;

Errc code_of(const std::error_code& error) {
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return Errc::not_found;
  if (error == std::errc::permission_denied) return Errc::permission;
  return Errc::io;
}

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?") != std::string_view::npos;
}

// Names of what is in a directory and is no directory itself. A link that leads nowhere is among them: to read it fails
// and says so, where leaving it out would leave out the policy in it.
Result<std::vector<std::string>> files_of(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code error;
  fs::directory_iterator at(directory, error);
  if (error && code_of(error) == Errc::not_found) return out;
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (!at->is_directory(ignored)) out.push_back(at->path().filename().string());
  }
  if (error) return fail(code_of(error), "cannot list " + directory + ": " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Result<std::string> read_text(const std::string& path, std::size_t limit) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error) return fail(code_of(error), "cannot read " + path + ": " + error.message());
  if (!fs::is_regular_file(status)) return fail(Errc::io, "cannot read " + path + ": not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const std::error_code reason(errno, std::generic_category());
    return fail(code_of(reason), "cannot read " + path + ": " + reason.message());
  }
  // In steps: the size that stat tells may be another one by now, and room for the largest would all be touched.
  std::string text;
  std::array<char, 8192> chunk;
  while (in.read(chunk.data(), chunk.size()), in.gcount() > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > limit)
      return fail(Errc::resource_exhausted, path + " is larger than " + std::to_string(limit >> 20) + " MB");
  }
  if (in.bad()) return fail(Errc::io, "cannot read " + path);
  return text;
}

Result<std::vector<std::string>> list_yaml(const std::string& directory) {
  auto names = files_of(directory);
  if (!names) return fail(names.error());
  std::vector<std::string> out;
  for (const auto& name : *names)
    if (name.front() != '.' && (name.ends_with(".yaml") || name.ends_with(".yml")))
      out.push_back((fs::path(directory) / name).string());
  return out;
}

Result<std::vector<std::string>> expand_glob(const std::string& pattern) {
  const fs::path path(pattern);
  const std::string last = path.filename().string();
  if (!has_wildcard(last)) return std::vector<std::string>{pattern};
  const std::string directory = path.has_parent_path() ? path.parent_path().string() : ".";
  auto names = files_of(directory);
  if (!names) return fail(names.error());
  std::vector<std::string> out;
  for (const auto& name : *names)
    if (name.front() != '.' && glob_match(last, name)) out.push_back((path.parent_path() / name).string());
  return out;
}

Result<unsigned> uid_of(const std::string& user) {
  unsigned uid = 0;
  const auto [end, ec] = std::from_chars(user.data(), user.data() + user.size(), uid);
  if (ec == std::errc() && end == user.data() + user.size()) return uid;
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  if (getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return fail(Errc::not_found, "there is no user '" + user + "' on this host");
  return static_cast<unsigned>(entry.pw_uid);
}

}  // namespace pgtend::config
