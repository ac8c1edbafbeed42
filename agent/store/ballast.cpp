#include "agent/store/ballast.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "agent/store/files.hpp"

namespace pgtend::store {

Result<void> Ballast::fill() {
  const auto there = bytes_of(path_);
  if (bytes_ <= 0 || there == bytes_) return {};
  // One of a larger cap counts against this one.
  if (there > bytes_) release();
  if (const auto space = space_of(path_); !space || space->available < 2 * bytes_)
    return fail(Errc::resource_exhausted, "no room for " + path_, true);
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail(Errc::io, "create " + path_, true);
  // Blocks must be taken, not only promised: a sparse file would give nothing back.
  const int code = ::posix_fallocate(fd, 0, bytes_);
  ::close(fd);
  if (code == 0) return {};
  release();
  return fail(code == ENOSPC ? Errc::resource_exhausted : Errc::io, "fill " + path_, true);
}

bool Ballast::release() {
  return !path_.empty() && ::unlink(path_.c_str()) == 0;
}

std::int64_t Ballast::bytes() const {
  return path_.empty() ? 0 : bytes_of(path_);
}

}  // namespace pgtend::store
