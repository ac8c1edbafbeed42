#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

// The machine, from texts of /proc and /sys that the caller read: no file is opened here.
namespace pgtend::collectors {

struct FilesystemUse {
  std::string mountpoint, device, fstype;
  std::uint64_t size_bytes = 0, free_bytes = 0, avail_bytes = 0;  // statvfs: blocks, bfree, bavail × frsize
  std::uint64_t files = 0, files_free = 0;
};

// The files to read each time; one that does not exist is left out of `files` and costs only its own samples.
[[nodiscard]] std::vector<std::string> host_paths();

// Mounted filesystems that have a disk of their own, from /proc/self/mounts; the caller fills the numbers with statvfs.
[[nodiscard]] std::vector<FilesystemUse> filesystems(std::string_view mounts);

// Samples pgtend_host_*, and under node_exporter's names where it has one. Counters carry the boot time as their epoch.
// `files` maps a path of host_paths() to its text.
[[nodiscard]] std::vector<SeriesSample> host_samples(const std::map<std::string, std::string>& files,
                                                     std::span<const FilesystemUse> filesystems, UtcTime now);
[[nodiscard]] std::vector<MetricDef> host_metrics();

// min(MemTotal, cgroup memory.max) in bytes; 0 when neither is known.
[[nodiscard]] std::int64_t ram_bytes(const std::map<std::string, std::string>& files);

// CPU of one process from /proc/PID/schedstat, in seconds; nullopt when malformed.
struct ProcessCpu {
  double on_cpu_seconds = 0, run_queue_seconds = 0;
};
[[nodiscard]] std::optional<ProcessCpu> parse_schedstat(std::string_view text);
// VmRSS of /proc/self/status in bytes; nullopt when absent.
[[nodiscard]] std::optional<std::int64_t> parse_rss_bytes(std::string_view text);

}  // namespace pgtend::collectors
