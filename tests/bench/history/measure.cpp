#include "tests/bench/history/measure.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace pgtend::bench {

namespace {

double read_clock(clockid_t which) {
  timespec now{};
  ::clock_gettime(which, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::int64_t field_of(const char* file, const std::string& field) {
  std::ifstream in(file);
  for (std::string name; in >> name;) {
    std::int64_t value = 0;
    if (name == field + ":" && in >> value) return value;
  }
  return 0;
}

}  // namespace

double process_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double thread_cpu() {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

double wall() {
  return read_clock(CLOCK_MONOTONIC);
}

std::int64_t io_bytes(const std::string& field) {
  return field_of("/proc/self/io", field);
}

std::int64_t memory_bytes(const std::string& field) {
  return field_of("/proc/self/status", field) * 1024;
}

std::int64_t folder_bytes(const std::string& folder, const std::string& prefix) {
  std::int64_t bytes = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(folder, gone)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(prefix) || name.ends_with(".ballast")) continue;
    const auto size = entry.file_size(gone);
    if (!gone) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

std::vector<double> fdatasync_times(const std::string& folder, int rounds) {
  const auto path = folder + "/fdatasync-probe";
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot write into " + folder);
  const std::string block(12 * 1024, 'x');
  std::vector<double> out;
  for (int i = 0; i < rounds; ++i) {
    if (::write(file, block.data(), block.size()) < 0) break;
    const double began = wall();
    ::fdatasync(file);
    out.push_back(wall() - began);
  }
  ::close(file);
  std::filesystem::remove(path);
  return out;
}

}  // namespace pgtend::bench
