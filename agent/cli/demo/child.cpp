#include "agent/cli/demo/child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

namespace pgtend::cli::demo {

namespace {

constexpr Millis kPoll{20};
constexpr Millis kCommandTime{60'000};

struct UserIds {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Only calls that are safe between fork and exec.
[[noreturn]] void become(char* const* argv, const char* log, const UserIds* user, int stop_signal, pid_t parent) {
  setpgid(0, 0);
  const int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int in = open("/dev/null", O_RDONLY);
  if (out < 0 || in < 0) _exit(126);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  if (user != nullptr)
    if (setgroups(0, nullptr) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0 || chdir("/") != 0) _exit(126);
  // After the change of user, which clears it.
  prctl(PR_SET_PDEATHSIG, stop_signal);
  if (getppid() != parent) _exit(126);
  for (int number = 1; number < 32; ++number)
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(argv[0], argv);
  _exit(127);
}

}  // namespace

Result<Child> Child::start(const std::vector<std::string>& argv, const ChildOptions& options) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  UserIds ids;
  if (!options.user.empty()) {
    const passwd* entry = getpwnam(options.user.c_str());
    if (entry == nullptr) return fail(Errc::io, "there is no user " + options.user + " on this machine");
    ids = {entry->pw_uid, entry->pw_gid};
  }
  const std::string log = options.log.empty() ? "/dev/null" : options.log.string();
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return fail(Errc::io, std::string("fork: ") + std::strerror(errno));
  if (pid == 0) become(words.data(), log.c_str(), options.user.empty() ? nullptr : &ids, options.stop_signal, parent);
  setpgid(pid, pid);
  Child child;
  child.pid_ = pid;
  child.stop_signal_ = options.stop_signal;
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_), stop_signal_(other.stop_signal_) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    stop();
    pid_ = std::exchange(other.pid_, -1);
    status_ = other.status_;
    stop_signal_ = other.stop_signal_;
  }
  return *this;
}

Child::~Child() {
  stop();
}

bool Child::running() {
  if (pid_ <= 0) return false;
  int status = 0;
  const pid_t done = waitpid(pid_, &status, WNOHANG);
  if (done == 0) return true;
  status_ = done < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
  return false;
}

int Child::wait(Millis patience) {
  const Deadline until = std::chrono::steady_clock::now() + patience;
  while (running()) {
    if (std::chrono::steady_clock::now() >= until) return -1;
    std::this_thread::sleep_for(kPoll);
  }
  return status_;
}

void Child::stop(Millis patience) {
  if (!running()) return;
  const pid_t group = pid_;
  kill(pid_, stop_signal_);
  wait(patience);
  if (!running()) return;
  kill(-group, SIGKILL);
  wait(patience);
}

Result<std::string> run_to_end(const std::vector<std::string>& argv, ChildOptions options) {
  auto child = Child::start(argv, options);
  if (!child) return fail(std::move(child.error()), "start " + argv.front());
  const int status = child->wait(kCommandTime);
  const std::string written = read_text(options.log);
  if (status == 0) return written;
  if (status < 0) return fail(Errc::io, argv.front() + " did not end within a minute: " + written);
  return fail(Errc::server, argv.front() + " ended with status " + std::to_string(status) + ": " + written);
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

Result<void> write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) return fail(Errc::io, "cannot write " + path.string());
  return {};
}

}  // namespace pgtend::cli::demo
