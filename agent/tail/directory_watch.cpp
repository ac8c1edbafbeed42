#include "agent/tail/directory_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace pgtend::tail {

namespace {

constexpr std::uint32_t kNames = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
// What tells that the watch itself is no longer what it was.
constexpr std::uint32_t kLost = IN_Q_OVERFLOW | IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT;
// Buffers of events taken at a time: what is left makes the descriptor readable again.
constexpr int kMostReads = 64;

}  // namespace

DirectoryWatch::DirectoryWatch(const std::string& directory) : descriptor_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (descriptor_ < 0) return;
  if (inotify_add_watch(descriptor_, directory.c_str(), kNames | IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF) >= 0)
    return;
  ::close(descriptor_);
  descriptor_ = -1;
}

DirectoryWatch::~DirectoryWatch() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool DirectoryWatch::take() {
  bool names = false;
  std::array<char, 4096> buffer;
  for (int i = 0; descriptor_ >= 0 && i < kMostReads; ++i) {
    const auto got = ::read(descriptor_, buffer.data(), buffer.size());
    if (got <= 0) break;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      names = names || (event.mask & (kNames | kLost)) != 0;
      at += sizeof event + event.len;
    }
  }
  return names;
}

}  // namespace pgtend::tail
