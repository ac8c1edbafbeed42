#pragma once

#include <cstdint>

// What this process uses; private to this folder.
namespace pgtend::api {

struct ProcessUsage {
  double cpu_seconds = 0;
  double start_time_seconds = 0;  // since 1970; 0 unknown
  std::int64_t resident_bytes = 0, virtual_bytes = 0;
  std::int64_t open_fds = 0, max_fds = 0;
};

// Reads /proc/self and getrusage; what cannot be read stays 0.
[[nodiscard]] ProcessUsage read_process_usage();

}  // namespace pgtend::api
