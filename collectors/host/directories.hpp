#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/rows.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

// The server's directories on this host: the data, the WAL and each tablespace, and the disk behind each. No file is
// opened here.
namespace pgtend::collectors {

struct ServerDirectory {
  std::string name;        // "data", "wal", "tablespace"
  std::string tablespace;  // its name, else empty
  std::string path;
};

struct DirectoryUse {
  ServerDirectory directory;
  std::string mountpoint;
  std::string device;  // as /proc/diskstats and pgtend_host_disk_* name it; empty: none of its own (tmpfs, overlay)
  std::uint64_t size_bytes = 0, avail_bytes = 0;  // statvfs: blocks, bavail × frsize
};

// One row per directory, the data directory only for a role that may read it (pg_read_all_settings).
[[nodiscard]] std::string directories_sql();
[[nodiscard]] std::vector<ServerDirectory> read_directories(const RowSet& rows);

// Of /proc/self/mountinfo, the mount that holds a canonical path: the longest mount point above it, the last one
// mounted there.
struct Mount {
  std::string mountpoint, source;
};
[[nodiscard]] Mount mount_of(std::string_view mountinfo, std::string_view path);

// Samples pgtend_host_directory_*.
[[nodiscard]] std::vector<SeriesSample> directory_samples(std::span<const DirectoryUse> directories);
[[nodiscard]] std::vector<MetricDef> directory_metrics();

}  // namespace pgtend::collectors
