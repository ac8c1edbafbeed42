#include "agent/change/kinds/file_swap.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

using namespace pgtend;
using namespace pgtend::change;
using namespace pgtend::test;

namespace {

// As nobody, where the tests run as root.
template <class Job>
auto unprivileged(Job job) {
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::seteuid(65534) == 0);
  auto out = job();
  if (root) REQUIRE(::seteuid(0) == 0);
  return out;
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

}  // namespace

TEST_CASE("a file is replaced as a whole and keeps its owner and mode, also behind a link") {
  TempDir dir("pgtend-swap");
  const auto file = dir.path() / "pgbouncer.ini", link = dir.path() / "link";
  write_file(file, "old");
  REQUIRE(::chmod(file.c_str(), 0640) == 0);
  std::filesystem::create_symlink(file, link);
  struct stat was{}, is{};
  REQUIRE(::stat(file.c_str(), &was) == 0);
  // What an interrupted swap left is overwritten.
  write_file(dir.path() / ".pgbouncer.ini.mark", "half");
  CHECK(has_leftover(link, "mark"));
  REQUIRE(swap_file(link, "new", "mark"));
  CHECK(*read_whole(file) == "new");
  CHECK(std::filesystem::is_symlink(link));
  REQUIRE(::stat(file.c_str(), &is) == 0);
  CHECK(is.st_mode == was.st_mode);
  CHECK(is.st_uid == was.st_uid);
  CHECK(is.st_ino != was.st_ino);
  CHECK_FALSE(has_leftover(link, "mark"));
  CHECK(files_in(dir.path()) == 2);
  CHECK(missing_file_rights(link)->empty());
}

TEST_CASE("what is missing to replace a file is named with what cures it, and nothing is touched") {
  const auto missing = unprivileged([] { return missing_file_rights("/etc/passwd"); });
  REQUIRE(missing);
  REQUIRE(missing->size() >= 2);
  CHECK_THAT(missing->at(0), ContainsSubstring("a new file in /etc: "));
  CHECK_THAT(missing->at(1), ContainsSubstring("keeping root its owner: chown "));
  const auto swapped = unprivileged([] { return swap_file("/etc/passwd", "never", "mark"); });
  REQUIRE_FALSE(swapped);
  CHECK(swapped.error().code == Errc::permission);
  CHECK_FALSE(has_leftover("/etc/passwd", "mark"));
}

TEST_CASE("a second hard link, a folder and a huge file are refused") {
  TempDir dir("pgtend-swap");
  const auto file = dir.path() / "pgbouncer.ini";
  write_file(file, "old");
  std::filesystem::create_hard_link(file, dir.path() / "other");
  CHECK(missing_file_rights(file).error().code == Errc::refused);
  CHECK(read_whole(dir.path()).error().code == Errc::refused);
  write_file(dir.path() / "huge", std::string(kMostFileBytes + 1, 'x'));
  CHECK(read_whole(dir.path() / "huge").error().code == Errc::refused);
  CHECK(read_whole(dir.path() / "none").error().code == Errc::not_found);
}
