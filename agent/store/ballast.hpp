#pragma once

#include <cstdint>
#include <string>

#include "agent/base/result.hpp"

namespace pgtend::store {

// A file of zeros beside the database. On a full disk nothing can be deleted from a database, since deleting writes to
// its log; giving up this file makes the room for that. Private to agent/store; store thread only.
class Ballast {
 public:
  Ballast() = default;
  Ballast(std::string path, std::int64_t bytes) : path_(std::move(path)), bytes_(bytes) {}

  // Writes the file if it is missing or short and the disk has room for it twice over. Errors: io, resource_exhausted.
  Result<void> fill();
  // Deletes the file. False: there was none.
  bool release();
  [[nodiscard]] std::int64_t bytes() const;

 private:
  std::string path_;
  std::int64_t bytes_ = 0;
};

}  // namespace pgtend::store
