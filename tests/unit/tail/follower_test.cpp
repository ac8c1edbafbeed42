// Following a file that grows and is rotated, on a real file system.
#include "agent/tail/follower.hpp"

#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "agent/tail/access.hpp"
#include "agent/tail/directory_watch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

using namespace pgtend;
using namespace pgtend::tail;
using namespace pgtend::test;
namespace fs = std::filesystem;

namespace {

struct Scene {
  TempDir dir{"pgtend-tail-"};
  std::string text;  // "|" at each jump into the middle of a line, "/" at each to a beginning
  Receiver receiver{[this](std::string_view bytes) { text += bytes; },
                    [this](bool at_line_start) { text += at_line_start ? "/" : "|"; }};
  Follower follower{{dir.path(), "log*", ""}};

  [[nodiscard]] fs::path file(const std::string& name) const { return dir.path() / name; }
  void append(const std::string& name, const std::string& more) { std::ofstream(file(name), std::ios::app) << more; }
  // What one step gives.
  std::string step(bool names_changed = true, std::int64_t budget = 1 << 20, std::int64_t most_behind = 1 << 20) {
    text.clear();
    last = follower.step(budget, most_behind, names_changed, receiver);
    return text;
  }
  Result<Step> last;
};

// Runs as somebody without rights, which root is not.
template <class Work>
void as_nobody(Work work) {
  constexpr uid_t kNobody = 65534;
  if (geteuid() != 0) return work();
  std::vector<gid_t> groups(static_cast<std::size_t>(getgroups(0, nullptr)));
  REQUIRE(getgroups(static_cast<int>(groups.size()), groups.data()) >= 0);
  REQUIRE((setgroups(0, nullptr) == 0 && setegid(kNobody) == 0 && seteuid(kNobody) == 0));
  work();
  REQUIRE((seteuid(0) == 0 && setegid(0) == 0 && setgroups(groups.size(), groups.data()) == 0));
  // A process that changed its user is closed to the leak sanitizer.
  prctl(PR_SET_DUMPABLE, 1);
}

}  // namespace

TEST_CASE("what is there at first counts as read, then each byte comes once") {
  Scene s;
  s.append("log.1", "old\n");
  CHECK(s.step() == "/");
  CHECK(s.step().empty());
  s.append("log.1", "new\nhal");
  CHECK(s.step() == "new\nhal");
  s.append("log.1", "f\n");
  CHECK(s.step(false) == "f\n");
}

TEST_CASE("a file that ends in the middle of a line is entered as such") {
  Scene s;
  s.append("log.1", "hal");
  CHECK(s.step() == "|");
  s.append("log.1", "f\nnew\n");
  CHECK(s.step() == "f\nnew\n");
}

TEST_CASE("rotation by a new name, by renaming, and by cutting") {
  Scene s;
  s.append("log.1", "a\n");
  s.step();
  s.append("log.1", "b\n");
  s.append("log.2", "c\n");
  CHECK(s.step() == "b\n/c\n");
  s.append("log.2", "d\n");
  fs::rename(s.file("log.2"), s.file("old"));
  CHECK(s.step() == "d\n");
  // Until the server opens the new one it writes on into the old one.
  s.append("log.2", "");
  s.append("old", "e\n");
  CHECK(s.step() == "e\n");
  s.append("log.2", "f\n");
  CHECK(s.step() == "/f\n");
  fs::resize_file(s.file("log.2"), 0);
  s.append("log.2", "g");
  CHECK(s.step() == "/g");
  // A file that was there before is used again, cut and then not.
  fs::resize_file(s.file("log.1"), 0);
  s.append("log.1", "h\n");
  CHECK(s.step() == "/h\n");
  s.append("log.2", "i\n");
  CHECK(s.step() == "|i\n");
}

TEST_CASE("several rotations while nobody looked leave nothing out") {
  Scene s;
  s.append("log.1", "");
  s.step();
  for (int i = 2; i < 6; ++i) {
    s.append("log." + std::to_string(i), std::to_string(i) + "\n");
    fs::last_write_time(s.file("log." + std::to_string(i)), fs::file_time_type::clock::now() + std::chrono::seconds(i));
  }
  CHECK(s.step() == "/2\n/3\n/4\n/5\n");
}

TEST_CASE("a budget bounds a step, and what is too far behind is skipped and counted") {
  Scene s;
  s.append("log.1", "");
  s.step();
  s.append("log.1", std::string(1'000, 'x'));
  CHECK(s.step(true, 300, 10'000).size() == 300);
  CHECK(s.last->behind == 700);
  CHECK(s.step(true, 300, 600) == "|" + std::string(300, 'x'));
  CHECK(s.last->skipped == 400);
  CHECK(s.last->read == 300);
  CHECK(s.last->behind == 0);
}

TEST_CASE("a deleted file is let go, and the log that comes then is read from its beginning") {
  Scene s;
  s.append("log.1", "a\n");
  s.step();
  fs::remove(s.file("log.1"));
  s.step();
  CHECK(s.step().empty());
  REQUIRE_FALSE(s.last);
  CHECK(s.last.error().code == Errc::not_found);
  s.append("log.1", "b\n");
  CHECK(s.step() == "/b\n");
}

TEST_CASE("without a folder or a file the step says so, and begins when there is one") {
  Scene s;
  CHECK(s.step().empty());
  REQUIRE_FALSE(s.last);
  CHECK(s.last.error().code == Errc::not_found);
  CHECK(s.last.error().message.find("log*") != std::string::npos);
  s.append("log.1", "first\n");
  CHECK(s.step() == "/first\n");
  CHECK(find_readable({"/nowhere", "*", ""}).error().code == Errc::not_found);
  fs::create_directory(s.file("log.d"));
  CHECK(find_readable({s.dir.path(), "log.d", ""}).error().code == Errc::not_found);
}

TEST_CASE("the file that the server names is the one to begin with") {
  TempDir dir("pgtend-tail-");
  write_file(dir.path() / "log.1", "");
  write_file(dir.path() / "log.2", "");
  CHECK(*find_readable({dir.path(), "log*", dir.path() / "log.1"}) == dir.path() / "log.1");
}

TEST_CASE("a file that may not be read comes with the one thing that cures it") {
  TempDir dir("pgtend-tail-");
  const auto path = dir.path() / "log.1";
  write_file(path, "secret");
  fs::permissions(dir.path(), fs::perms(0755));
  const auto message = [&] {
    std::string out;
    as_nobody([&] {
      const auto found = find_readable({dir.path(), "log*", ""});
      REQUIRE_FALSE(found);
      CHECK(found.error().code == Errc::permission);
      out = found.error().message;
    });
    return out;
  };
  fs::permissions(path, fs::perms(0600));
  CHECK(message().find("cure: ALTER SYSTEM SET log_file_mode = '0640'; SELECT pg_reload_conf();  -- and usermod") !=
        std::string::npos);
  if (geteuid() != 0) return;
  fs::permissions(path, fs::perms(0640));
  CHECK(message().find("cure: usermod --append --groups ") != std::string::npos);
  CHECK(message().find("ALTER SYSTEM") == std::string::npos);
  fs::permissions(dir.path(), fs::perms(0700));
  CHECK(message().find("cure: ALTER SYSTEM SET log_directory = '/var/log/postgresql'") != std::string::npos);
  CHECK(message().find("is closed to everyone but its owner") != std::string::npos);
}

TEST_CASE("the watch tells of writes, and of names that come and go") {
  TempDir dir("pgtend-tail-");
  DirectoryWatch watch(dir.path());
  REQUIRE(watch.descriptor() >= 0);
  CHECK_FALSE(watch.take());
  write_file(dir.path() / "log.1", "a");
  CHECK(watch.take());
  std::ofstream(dir.path() / "log.1", std::ios::app) << "b";
  CHECK_FALSE(watch.take());
  fs::rename(dir.path() / "log.1", dir.path() / "log.2");
  CHECK(watch.take());
  CHECK(DirectoryWatch("/nowhere").descriptor() == -1);
}
