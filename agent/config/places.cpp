#include "agent/config/places.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace pgtend::config {

void check_secret_file(const Complaints& complain, const std::string& key, const std::string& path) {
  if (path.empty()) return;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    complain.at(key, "'" + path + "' cannot be read: " + std::strerror(errno));
  } else if (!S_ISREG(status.st_mode)) {
    complain.at(key, "'" + path + "' is not a regular file");
  } else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    complain.at(key, "'" + path + "' is open to group or others", "chmod 600 " + path);
  }
}

void check_url(const Complaints& complain, const std::string& key, const std::string& url) {
  if (url.empty()) return;
  const std::size_t scheme = url.starts_with("http://") ? 7 : url.starts_with("https://") ? 8 : 0;
  if (scheme == 0 || url.size() == scheme || url[scheme] == '/')
    complain.at(key, "an address must start with http:// or https:// and name a host");
}

bool is_time_zone(const std::string& name) {
  if (name == "UTC") return true;
  if (name.empty() || name.front() == '/' || name.find("..") != std::string::npos) return false;
  const char* configured = std::getenv("TZDIR");
  const std::filesystem::path directory = configured != nullptr ? configured : "/usr/share/zoneinfo";
  // The folder holds tables of names as well; a zone's file starts with this.
  std::string magic(4, '\0');
  std::ifstream(directory / name, std::ios::binary).read(magic.data(), 4);
  return magic == "TZif";
}

}  // namespace pgtend::config
