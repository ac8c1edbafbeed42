#include <pwd.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/fault/change/scene.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// A disk of its own that the server's user may write; only root may make one.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path folder, const std::string& size) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    const passwd* user = ::getpwnam("postgres");
    made_ = ::geteuid() == 0 && user != nullptr && set(size, 0) &&
            ::chown(folder_.c_str(), user->pw_uid, user->pw_gid) == 0;
  }
  ~SmallDisk() {
    if (made_) ::umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool is_made() const { return made_; }
  void grow(const std::string& size) const { REQUIRE(set(size, MS_REMOUNT)); }

 private:
  [[nodiscard]] bool set(const std::string& size, unsigned long flags) const {
    return ::mount("tmpfs", folder_.c_str(), "tmpfs", flags, ("size=" + size).c_str()) == 0;
  }
  std::filesystem::path folder_;
  bool made_ = false;
};

}  // namespace

TEST_CASE("a disk that is full within a build leaves nothing behind, and the next build goes on when there is room") {
  TempDir dir("pgtend-fault");
  // The server's user passes through to its tablespace.
  std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
  const SmallDisk disk(dir.path() / "disk", "512k");
  if (!disk.is_made()) {
    WARN("no tmpfs of its own for this user on this machine");
    return;
  }
  PgCluster server;
  make_shop(server, 150'000);
  server.exec("postgres", "CREATE TABLESPACE small LOCATION '" + (dir.path() / "disk").string() + "'");
  server.exec("postgres", "ALTER DATABASE shop SET default_tablespace TO small");
  Rig rig(server, {.ledger_file = dir.path() / "ledger.db"});
  const auto plan = index_plan();
  const auto id = rig.approved(plan).id;
  const auto full = rig.drive(id, [](const Change& now) { return !now.last_error.empty(); });
  CAPTURE(to_string(full.state), full.last_error);
  CHECK(full.last_error.find("53100") != std::string::npos);
  CHECK(invalid_indexes(server) == "0");
  CHECK(index_comment(server, "orders_customer_idx").empty());
  disk.grow("64m");
  const auto change = is_final(full.state) ? rig.drive(rig.approved(plan).id) : rig.drive(id);
  check_end(rig, server, change);
  CHECK(change.state == ChangeState::kept);
}
