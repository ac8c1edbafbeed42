#include "agent/tail/access.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace pgtend::tail {

namespace {

constexpr const char* kMoveLog =
    "ALTER SYSTEM SET log_directory = '/var/log/postgresql'; ALTER SYSTEM SET log_file_mode = '0640'; "
    "SELECT pg_reload_conf();";

std::string own_name() {
  std::array<char, 4096> buffer;
  passwd entry{}, *found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(geteuid());
}

std::string group_name(gid_t group) {
  std::array<char, 4096> buffer;
  ::group entry{}, *found = nullptr;
  if (getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) return found->gr_name;
  return std::to_string(group);
}

std::string join_group(gid_t group) {
  return "usermod --append --groups " + group_name(group) + " " + own_name() + "  # then restart pgtend";
}

}  // namespace

std::string cure_of_access(const std::string& path) {
  struct stat entry{};
  if (::stat(path.c_str(), &entry) == 0 && !S_ISDIR(entry.st_mode)) {
    if ((entry.st_mode & S_IRGRP) != 0) return join_group(entry.st_gid);
    return "ALTER SYSTEM SET log_file_mode = '0640'; SELECT pg_reload_conf();  -- and " + join_group(entry.st_gid);
  }
  // The deepest folder that can be looked at is the one that cannot be entered.
  for (auto end = path.size(); end != std::string::npos && end > 0; end = path.rfind('/', end - 1)) {
    const auto folder = path.substr(0, end);
    if (::stat(folder.c_str(), &entry) != 0) continue;
    if ((entry.st_mode & S_IRGRP) != 0 && (entry.st_mode & S_IXGRP) != 0) return join_group(entry.st_gid);
    return std::string(kMoveLog) + "  -- " + folder + " is closed to everyone but its owner";
  }
  return kMoveLog;
}

}  // namespace pgtend::tail
