#include "tests/support/process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace pgtend::test {
namespace {

using std::chrono::milliseconds;

const passwd* postgres_user() {
  static const passwd* entry = getpwnam("postgres");
  return entry;
}

int exit_code(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* argv, char* const* environment, int output, const char* directory,
                         const passwd* user, int death_signal) {
  const int input = open("/dev/null", O_RDONLY);
  dup2(input, 0);
  dup2(output, 1);
  dup2(output, 2);
  for (int fd = 3; fd < 256; ++fd) close(fd);
  setsid();
  if (user != nullptr && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) _exit(126);
  prctl(PR_SET_PDEATHSIG, death_signal);
  if (directory != nullptr && chdir(directory) != 0) _exit(126);
  execvpe(argv[0], argv, environment);
  _exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv, const SpawnOptions& options) {
  auto words = argv;
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!options.environment.contains(text.substr(0, text.find('=')))) variables.push_back(text);
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  const auto words_z = pointers(words);
  const auto variables_z = pointers(variables);
  const std::string log = options.log.empty() ? "/dev/null" : options.log.string();
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) throw std::runtime_error("cannot write " + log);
  const passwd* user = options.as_postgres && geteuid() == 0 ? postgres_user() : nullptr;
  // A child of postgres cannot enter our working directory when it belongs to root.
  const std::string directory = options.directory.empty() ? (user ? "/tmp" : "") : options.directory.string();
  pid_ = fork();
  if (pid_ == 0)
    become(words_z.data(), variables_z.data(), output, directory.empty() ? nullptr : directory.c_str(), user,
           options.death_signal);
  close(output);
  if (pid_ < 0) throw std::runtime_error("cannot fork");
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    stop();
    pid_ = std::exchange(other.pid_, -1);
    status_ = other.status_;
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  stop();
}

bool ChildProcess::running() {
  return wait(milliseconds(0)) < 0 && pid_ > 0;
}

void ChildProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

int ChildProcess::wait(milliseconds limit) {
  if (pid_ <= 0) return status_;
  int status = 0;
  const auto gone = [&] { return waitpid(pid_, &status, WNOHANG) == pid_; };
  if (!eventually(gone, limit)) return -1;
  status_ = exit_code(status);
  pid_ = -1;
  return status_;
}

void ChildProcess::stop() {
  if (pid_ <= 0) return;
  signal(SIGTERM);
  if (wait(milliseconds(5'000)) >= 0 || pid_ <= 0) return;
  signal(SIGKILL);
  wait(milliseconds(5'000));
}

CommandResult run_command(const std::vector<std::string>& argv, SpawnOptions options) {
  TempDir scratch("pgtend-run-");
  options.log = scratch.path() / "output";
  write_file(options.log, "");
  ChildProcess child(argv, options);
  CommandResult result;
  result.status = child.wait(milliseconds(60'000));
  child.stop();
  result.output = read_file(options.log);
  return result;
}

std::string must_run(const std::vector<std::string>& argv, SpawnOptions options) {
  auto result = run_command(argv, std::move(options));
  if (result.status != 0) throw std::runtime_error(argv[0] + " failed: " + result.output);
  return result.output;
}

TempDir::TempDir(const std::string& prefix) {
  std::string pattern = (std::filesystem::temp_directory_path() / (prefix + "XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  path_ = pattern;
  if (geteuid() == 0 && postgres_user() != nullptr &&
      chown(pattern.c_str(), postgres_user()->pw_uid, postgres_user()->pw_gid) != 0)
    throw std::runtime_error("cannot give " + pattern + " to postgres");
  std::filesystem::permissions(path_, std::filesystem::perms::owner_all | std::filesystem::perms::others_exec |
                                          std::filesystem::perms::group_exec);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  close(fd);
  return ntohs(address.sin_port);
}

bool eventually(const std::function<bool()>& condition, milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

int count_of(const std::string& text, const std::string& word) {
  int count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + word.size())) ++count;
  return count;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace pgtend::test
