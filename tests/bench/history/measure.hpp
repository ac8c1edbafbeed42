#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgtend::bench {

// CPU seconds of this process, and of the calling thread.
[[nodiscard]] double process_cpu();
[[nodiscard]] double thread_cpu();
// Monotonic seconds.
[[nodiscard]] double wall();
// A field of /proc/self/io, or of /proc/self/status in kB turned into bytes.
[[nodiscard]] std::int64_t io_bytes(const std::string& field);
[[nodiscard]] std::int64_t memory_bytes(const std::string& field);
// Bytes of the files in a folder whose names start with `prefix`; the ballast, a fixed reserve without data, is left
// out.
[[nodiscard]] std::int64_t folder_bytes(const std::string& folder, const std::string& prefix);
// The value below which a share of them lies; 0 of nothing.
[[nodiscard]] double quantile(std::vector<double> values, double share);
// Seconds that fdatasync takes after 12 kB were appended, `rounds` times, in a folder.
[[nodiscard]] std::vector<double> fdatasync_times(const std::string& folder, int rounds);

}  // namespace pgtend::bench
