#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace pgtend::test {

struct SpawnOptions {
  std::filesystem::path log;                       // stdout and stderr; /dev/null when empty
  std::map<std::string, std::string> environment;  // added to ours
  std::filesystem::path directory;                 // working directory; unchanged when empty
  bool as_postgres = false;                        // when we are root: PostgreSQL refuses to run as root
  int death_signal = 15;                           // sent to it when the thread that spawned it dies
};

// A child process, ended (SIGTERM, then SIGKILL after 5 s) when this goes out of scope.
class ChildProcess {
 public:
  ChildProcess() = default;
  // Throws std::runtime_error when it cannot be started.
  ChildProcess(const std::vector<std::string>& argv, const SpawnOptions& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running();
  void signal(int number) const;
  // Exit status (128 + n for signal n), or -1 when it still runs after `limit`.
  int wait(std::chrono::milliseconds limit);
  void stop();

 private:
  pid_t pid_ = -1;
  int status_ = -1;
};

struct CommandResult {
  int status = -1;     // exit status, 128 + n for signal n
  std::string output;  // stdout and stderr together
};

// Runs a command to its end (60 s at most) and returns what it wrote.
CommandResult run_command(const std::vector<std::string>& argv, SpawnOptions options = {});
// The same, throwing std::runtime_error with the output when the status is not 0.
std::string must_run(const std::vector<std::string>& argv, SpawnOptions options = {});

// A fresh directory below the system's temporary folder, given to postgres when we are root; removed with its content.
class TempDir {
 public:
  explicit TempDir(const std::string& prefix);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A TCP port on 127.0.0.1 that was free a moment ago.
int free_port();
// Polls `condition` each 20 ms; false when it is still false after `limit`.
bool eventually(const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::milliseconds(10'000));
// How often `word` is in `text`, without overlap.
int count_of(const std::string& text, const std::string& word);
std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& text);

}  // namespace pgtend::test
