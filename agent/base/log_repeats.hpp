#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "agent/base/clock.hpp"

namespace pgtend::log {

// Keeps one cause that lasts from filling the log: a line is let through once in a while, with how often it came since.
// Safe from any thread.
class Repeats {
 public:
  // nullopt: it was let through less than a minute ago. Otherwise how many equal ones were held back since.
  std::optional<std::size_t> admit(const std::string& line, Deadline now);

 private:
  struct Seen {
    Deadline written_at;
    std::size_t held_back = 0;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Seen> seen_;
};

}  // namespace pgtend::log
