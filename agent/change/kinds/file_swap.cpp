#include "agent/change/kinds/file_swap.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace pgtend::change {
namespace {

namespace fs = std::filesystem;
constexpr const char* kAcl = "system.posix_acl_access";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> failed(const std::string& what) {
  const int error = errno;
  const auto code = error == EACCES || error == EPERM || error == EROFS ? Errc::permission
                    : error == ENOENT                                   ? Errc::not_found
                                                                        : Errc::io;
  return fail(code, what + ": " + std::strerror(error));
}

// A symbolic link stays one: what it points to is replaced.
Result<fs::path> real_path(const std::string& path) {
  std::error_code error;
  auto out = fs::canonical(path, error);
  if (!error) return out;
  errno = error.value();
  return failed("find " + path);
}

std::string leftover_of(const fs::path& file, const std::string& mark) {
  return (file.parent_path() / ("." + file.filename().string() + "." + mark)).string();
}

// By passwd or group; the number where it has no name.
std::string user_name(uid_t id) {
  passwd entry{};
  passwd* found = nullptr;
  char text[4096];
  const int failed = ::getpwuid_r(id, &entry, text, sizeof text, &found);
  return failed == 0 && found != nullptr ? entry.pw_name : std::to_string(id);
}
std::string group_name(gid_t id) {
  group entry{};
  group* found = nullptr;
  char text[4096];
  const int failed = ::getgrgid_r(id, &entry, text, sizeof text, &found);
  return failed == 0 && found != nullptr ? entry.gr_name : std::to_string(id);
}

bool has_cap_chown() {
  std::ifstream in("/proc/self/status");
  std::string word, value;
  while (in >> word)
    if (word == "CapEff:" && in >> value) return (std::stoull(value, nullptr, 16) & 1) != 0;
  return false;
}

bool is_member(gid_t group) {
  if (::getegid() == group) return true;
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  return count > 0 && std::find(groups.begin(), groups.end(), group) != groups.end();
}

// The ACL, if the file has one, is what its owner grants to others besides the mode.
Result<void> copy_acl(int from, int to) {
  char acl[4096];
  const auto size = ::fgetxattr(from, kAcl, acl, sizeof acl);
  if (size < 0 && (errno == ENODATA || errno == ENOTSUP)) return {};
  if (size < 0 || ::fsetxattr(to, kAcl, acl, static_cast<std::size_t>(size), 0) != 0)
    return failed("keep the access control list");
  return {};
}

Result<void> write_all(int fd, const std::string& text, const std::string& path) {
  for (std::size_t at = 0; at < text.size();) {
    const auto wrote = ::write(fd, text.data() + at, text.size() - at);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failed("write " + path);
    at += static_cast<std::size_t>(wrote);
  }
  if (::fsync(fd) != 0) return failed("bring " + path + " to disk");
  return {};
}

// Whose it is comes first: nobody who may not read the old file may read the new one at any moment.
Result<void> fill(int old, int fresh, const std::string& text, const std::string& path) {
  struct stat was{}, is{};
  if (::fstat(old, &was) != 0 || ::fstat(fresh, &is) != 0) return failed("look at " + path);
  const bool same = was.st_uid == is.st_uid && was.st_gid == is.st_gid;
  if (!same && ::fchown(fresh, was.st_uid == is.st_uid ? -1 : was.st_uid, was.st_gid) != 0)
    return failed("keep the owner of " + path);
  if (::fchmod(fresh, was.st_mode & 07777) != 0) return failed("keep the mode of " + path);
  if (auto acl = copy_acl(old, fresh); !acl) return acl;
  return write_all(fresh, text, path);
}

}  // namespace

Result<std::string> read_whole(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts{};
  if (file.get() < 0 || ::fstat(file.get(), &facts) != 0) return failed("read " + path);
  if (!S_ISREG(facts.st_mode)) return fail(Errc::refused, path + " is no regular file");
  std::string out;
  char block[16'384];
  while (true) {
    const auto count = ::read(file.get(), block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read " + path);
    if (count == 0) return out;
    out.append(block, static_cast<std::size_t>(count));
    if (out.size() > kMostFileBytes) return fail(Errc::refused, path + " is larger than 1 MB");
  }
}

Result<std::vector<std::string>> missing_file_rights(const std::string& path) {
  const auto file = real_path(path);
  if (!file) return fail(file.error());
  const auto folder = file->parent_path();
  struct stat facts{}, around{};
  if (::stat(file->c_str(), &facts) != 0 || ::stat(folder.c_str(), &around) != 0) return failed("look at " + path);
  if (facts.st_nlink > 1)
    return fail(Errc::refused, path + " has a second hard link, which would go on with the old text");
  std::vector<std::string> out;
  const auto me = user_name(::geteuid());
  if (::faccessat(AT_FDCWD, file->c_str(), R_OK, AT_EACCESS) != 0)
    out.push_back("reading " + file->string() + ": chown " + me + " " + file->string());
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    out.push_back("a new file in " + folder.string() + ": " +
                  (errno == EROFS ? "systemctl edit pgtend, there [Service] ReadWritePaths=" + folder.string()
                                  : "setfacl -m u:" + me + ":rwx " + folder.string()));
  const bool may_chown = has_cap_chown();
  if (facts.st_uid != ::geteuid() && !may_chown)
    out.push_back("keeping " + user_name(facts.st_uid) + " its owner: chown " + me + " " + file->string());
  const bool inherits = (around.st_mode & S_ISGID) != 0 && around.st_gid == facts.st_gid;
  if (!inherits && !is_member(facts.st_gid) && !may_chown) {
    const auto group = group_name(facts.st_gid);
    out.push_back("keeping its group " + group + ": chgrp " + group + " " + folder.string() + " && chmod g+s " +
                  folder.string());
  }
  return out;
}

Result<void> swap_file(const std::string& path, const std::string& text, const std::string& mark) {
  const auto file = real_path(path);
  if (!file) return fail(file.error());
  const auto beside = leftover_of(*file, mark);
  ::unlink(beside.c_str());
  const Descriptor old(::open(file->c_str(), O_RDONLY | O_CLOEXEC));
  if (old.get() < 0) return failed("read " + path);
  const Descriptor fresh(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fresh.get() < 0) return failed("write " + beside);
  auto filled = fill(old.get(), fresh.get(), text, path);
  if (filled && ::rename(beside.c_str(), file->c_str()) != 0) filled = failed("replace " + path);
  if (!filled) {
    ::unlink(beside.c_str());
    return filled;
  }
  const Descriptor folder(::open(file->parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
  return {};
}

bool has_leftover(const std::string& path, const std::string& mark) {
  const auto file = real_path(path);
  return file && ::access(leftover_of(*file, mark).c_str(), F_OK) == 0;
}

void remove_leftover(const std::string& path, const std::string& mark) {
  if (const auto file = real_path(path)) ::unlink(leftover_of(*file, mark).c_str());
}

}  // namespace pgtend::change
