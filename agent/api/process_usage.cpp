#include "agent/api/process_usage.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

namespace pgtend::api {

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::int64_t count_open_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
  if (!folder) return 0;
  // ".", ".." and the descriptor of this very listing do not count.
  std::int64_t count = -3;
  while (::readdir(folder.get()) != nullptr) ++count;
  return count;
}

// Seconds since 1970 at which the machine started; 0 when unknown.
double boot_time() {
  std::ifstream stat("/proc/stat");
  for (std::string line; std::getline(stat, line);)
    if (line.starts_with("btime ")) return std::strtod(line.c_str() + 6, nullptr);
  return 0;
}

// Field 22 of /proc/self/stat, in clock ticks after boot. Source: proc(5).
double ticks_at_start() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  const auto after_name = line.rfind(')');
  if (after_name == std::string::npos) return 0;
  std::istringstream fields(line.substr(after_name + 1));
  std::string field;
  for (int number = 3; number <= 22 && fields >> field;) ++number;
  return std::strtod(field.c_str(), nullptr);
}

double start_time() {
  const double boot = boot_time();
  return boot > 0 ? boot + ticks_at_start() / static_cast<double>(::sysconf(_SC_CLK_TCK)) : 0;
}

}  // namespace

ProcessUsage read_process_usage() {
  ProcessUsage usage;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) usage.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  std::ifstream statm("/proc/self/statm");
  std::int64_t pages = 0, resident = 0;
  if (statm >> pages >> resident) {
    usage.virtual_bytes = pages * ::sysconf(_SC_PAGESIZE);
    usage.resident_bytes = resident * ::sysconf(_SC_PAGESIZE);
  }
  usage.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.max_fds = static_cast<std::int64_t>(limit.rlim_cur);
  static const double started = start_time();
  usage.start_time_seconds = started;
  return usage;
}

}  // namespace pgtend::api
