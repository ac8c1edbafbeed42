#include "tests/support/pg_programs.hpp"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace pgtend::test {
namespace fs = std::filesystem;

namespace {

fs::path debian(int major, const std::string& name) {
  return "/usr/lib/postgresql/" + std::to_string(major) + "/bin/" + name;
}

}  // namespace

fs::path test_cache() {
  if (const char* folder = std::getenv("PGTEND_TEST_SERVERS")) return folder;
  if (geteuid() == 0) return "/var/cache/pgtend";
  if (const char* folder = std::getenv("XDG_CACHE_HOME")) return fs::path(folder) / "pgtend";
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "/" : home) / ".cache/pgtend";
}

fs::path pg_program(int major, const std::string& name) {
  if (major == 0) {
    if (const char* folder = std::getenv("PGTEND_TEST_PG_BIN")) return fs::path(folder) / name;
    for (const int one : {15, 17, 16, 18, 14, 13})
      if (fs::exists(debian(one, name))) return debian(one, name);
    throw std::runtime_error("PostgreSQL is not installed below /usr/lib/postgresql: ./dev setup");
  }
  if (fs::exists(debian(major, name))) return debian(major, name);
  const fs::path path = test_cache() / "servers/node_modules" / ("pg" + std::to_string(major)) / "native/bin" / name;
  if (fs::exists(path)) return path;
  throw std::runtime_error("there is no PostgreSQL " + std::to_string(major) + " at " + path.string() +
                           ": ./dev setup");
}

std::vector<int> all_majors() {
  return {13, 14, 15, 16, 17, 18};
}

std::vector<int> sample_majors() {
  if (std::getenv("PGTEND_TEST_ALL_VERSIONS") != nullptr) return all_majors();
  return {all_majors().front(), all_majors().back()};
}

}  // namespace pgtend::test
