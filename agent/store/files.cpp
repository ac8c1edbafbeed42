#include "agent/store/files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace pgtend::store {

namespace {

tl::unexpected<Error> io_failure(const std::string& doing, int number) {
  Error error;
  error.code = number == ENOSPC ? Errc::resource_exhausted : Errc::io;
  error.message = doing + ": " + std::strerror(number);
  error.retryable = true;
  return fail(std::move(error));
}

tl::unexpected<Error> no_regular_file(const std::string& path) {
  return fail(Errc::invalid_argument, path + " is not a regular file; name a file of its own");
}

}  // namespace

Result<void> create_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return io_failure("create " + path, errno);
  // A device or a pipe is not ours to close to others, nor to rename when its content is unsound.
  struct stat found{};
  if (::fstat(fd, &found) == 0 && !S_ISREG(found.st_mode)) {
    ::close(fd);
    return no_regular_file(path);
  }
  const int mode = ::fchmod(fd, 0600);
  const int number = errno;
  ::close(fd);
  if (mode != 0) return io_failure("restrict the mode of " + path, number);
  return {};
}

std::int64_t bytes_of(const std::string& path) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  return missing ? 0 : static_cast<std::int64_t>(size);
}

std::int64_t bytes_on_disk(const std::string& path) {
  return bytes_of(path) + bytes_of(path + "-wal") + bytes_of(path + "-shm") + bytes_of(ballast_of(path));
}

std::string ballast_of(const std::string& path) {
  return path + ".ballast";
}

Result<Space> space_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  struct statvfs found{};
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &found) != 0)
    return io_failure("look at the disk of " + path, errno);
  const auto unit = static_cast<std::int64_t>(found.f_frsize);
  const auto total = static_cast<double>(found.f_blocks);
  return Space{static_cast<std::int64_t>(found.f_bavail) * unit,
               total > 0 ? static_cast<double>(found.f_bavail) / total : 1.0};
}

Result<std::string> move_aside(const std::string& path, const std::string& why, UtcTime now) {
  const auto first = path + "." + why + "-" + std::to_string(to_ms(now));
  auto target = first;
  std::error_code failed;
  for (int i = 1; std::filesystem::exists(target, failed); ++i) target = first + "-" + std::to_string(i);
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    if (!std::filesystem::exists(path + suffix, failed)) continue;
    std::filesystem::rename(path + suffix, target + suffix, failed);
    if (failed) return io_failure("rename " + path + suffix, failed.value());
  }
  return target;
}

Result<FileLock> FileLock::take(const std::string& path) {
  std::error_code unknown;
  const auto status = std::filesystem::status(path, unknown);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return no_regular_file(path);
  const auto name = path + ".lock";
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return io_failure("open " + name, errno);
  FileLock lock;
  lock.fd_ = fd;
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK)
    return fail(Errc::conflict, path + " is in use by another pgtend; stop it or name another file");
  return io_failure("lock " + name, errno);
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace pgtend::store
