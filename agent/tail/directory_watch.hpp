#pragma once

#include <string>

namespace pgtend::tail {

// Tells when something is written, made, renamed or deleted in a folder: one descriptor that becomes readable, and no
// work while nothing happens.
class DirectoryWatch {
 public:
  // Without a watch (no inotify instance is left, or the folder is on a network) the descriptor is -1.
  explicit DirectoryWatch(const std::string& directory);
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;
  DirectoryWatch& operator=(const DirectoryWatch&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  // Takes what was told so far; never waits. Whether files came, went or were renamed, or something was lost.
  [[nodiscard]] bool take();

 private:
  int descriptor_ = -1;
};

}  // namespace pgtend::tail
