#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

// What store does to files besides SQLite; private to agent/store.
namespace pgtend::store {

// Creates the file when it is missing and sets mode 0600; SQLite gives its log the same mode. Errors: io,
// invalid_argument for a device, a pipe or a folder, which keep their mode.
// REQUIRES: no connection to the file is open in this process (closing a descriptor would drop SQLite's locks).
Result<void> create_private(const std::string& path);

// Renames a database and its log files to PATH.WHY-MILLISECONDS and returns that name; nothing is deleted. Errors: io.
Result<std::string> move_aside(const std::string& path, const std::string& why, UtcTime now);

// Size of one file in bytes, 0 when it is missing.
[[nodiscard]] std::int64_t bytes_of(const std::string& path);
// Size of a database, its write-ahead log, their shared memory and the ballast in bytes.
[[nodiscard]] std::int64_t bytes_on_disk(const std::string& path);

struct Space {
  std::int64_t available = 0;  // bytes that this process may still use
  double ratio = 0;            // of the whole file system, 0 to 1
};
// Room on the file system of a file that exists or is to be made. Errors: io, retryable.
Result<Space> space_of(const std::string& path);

// The name of the ballast of a database.
[[nodiscard]] std::string ballast_of(const std::string& path);

// Holds `path`.lock for this process, so that two agents never share one file.
class FileLock {
 public:
  // Errors: conflict (held elsewhere), io.
  static Result<FileLock> take(const std::string& path);
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  int fd_ = -1;
};

}  // namespace pgtend::store
