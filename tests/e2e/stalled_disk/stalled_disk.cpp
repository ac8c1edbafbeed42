#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// Preloaded into a process, it makes a disk that stalls: while the file named by PGTEND_TEST_STALLED is there, what
// writes or flushes a database file waits, as in an I/O queue that does not move.
namespace {

bool is_database(int file) {
  char link[64], path[PATH_MAX];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
  const auto length = ::readlink(link, path, sizeof(path));
  return length > 0 && std::string_view(path, static_cast<std::size_t>(length)).find(".db") != std::string_view::npos;
}

void wait_for_disk(int file) {
  const char* stalled = std::getenv("PGTEND_TEST_STALLED");
  if (stalled == nullptr || ::access(stalled, F_OK) != 0 || !is_database(file)) return;
  while (::access(stalled, F_OK) == 0) ::usleep(10'000);
}

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  wait_for_disk(file);
  return next(file, bytes, size, at);
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  wait_for_disk(file);
  return next(file, bytes, size, at);
}

int fdatasync(int file) {
  static const auto next = real<int (*)(int)>("fdatasync");
  wait_for_disk(file);
  return next(file);
}

int fsync(int file) {
  static const auto next = real<int (*)(int)>("fsync");
  wait_for_disk(file);
  return next(file);
}
}
