#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

namespace pgtend::cli::demo {

struct ChildOptions {
  std::filesystem::path log;  // takes stdout and stderr; empty: thrown away
  std::string user;           // run as this user; empty: as we are
  int stop_signal = 15;       // asks it to end in order; also sent when the demo itself is killed
};

// A process of the demo's own: leader of its group, so that Ctrl-C reaches only the demo, which then ends it in order.
class Child {
 public:
  Child() = default;
  // Errors: io. REQUIRES: the main thread, which outlives the child.
  [[nodiscard]] static Result<Child> start(const std::vector<std::string>& argv, const ChildOptions& options);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  // stop().
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  // Exit status, 128 + n for signal n; -1: it still runs after `patience`.
  int wait(Millis patience);
  // Its stop signal, and SIGKILL for the whole group when that did not help within `patience`.
  void stop(Millis patience = Millis(15'000));

 private:
  pid_t pid_ = -1;
  int status_ = -1;
  int stop_signal_ = 15;
};

// Runs a command to its end and returns what it wrote.
// Errors: io (cannot start, 60 s passed), server (its exit status is not 0; the message is what it wrote).
[[nodiscard]] Result<std::string> run_to_end(const std::vector<std::string>& argv, ChildOptions options);

[[nodiscard]] std::string read_text(const std::filesystem::path& path);
[[nodiscard]] Result<void> write_text(const std::filesystem::path& path, std::string_view text);

}  // namespace pgtend::cli::demo
