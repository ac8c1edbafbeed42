#include "collectors/host/directories.hpp"

#include "agent/base/strings.hpp"
#include "collectors/host/proc_text.hpp"

namespace pgtend::collectors {

namespace {

// Tablespaces of one server. Source: servers have a handful; more than this is a test's.
constexpr int kMostTablespaces = 50;

}  // namespace

std::string directories_sql() {
  // pg_settings hides the row from those who may not read it, where current_setting() would fail.
  return "SELECT 'data' AS directory, NULL AS tablespace, setting AS path"
         " FROM pg_catalog.pg_settings WHERE name = 'data_directory'"
         " UNION ALL SELECT 'wal', NULL, setting || '/pg_wal'"
         " FROM pg_catalog.pg_settings WHERE name = 'data_directory'"
         " UNION ALL (SELECT 'tablespace', spcname, pg_catalog.pg_tablespace_location(oid)"
         " FROM pg_catalog.pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY oid LIMIT " +
         std::to_string(kMostTablespaces) + ")";
}

std::vector<ServerDirectory> read_directories(const RowSet& rows) {
  std::vector<ServerDirectory> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ServerDirectory directory{rows.text(i, "directory"), rows.text(i, "tablespace"), rows.text(i, "path")};
    // In place tablespaces, of allow_in_place_tablespaces, have a path below the data directory.
    if (directory.path.starts_with('/')) out.push_back(std::move(directory));
  }
  return out;
}

Mount mount_of(std::string_view mountinfo, std::string_view path) {
  Mount out;
  for (const auto& line : split(mountinfo, '\n')) {
    // 36 35 98:0 /root /mount options - type source super-options
    const auto fields = words(line);
    const auto dash = line.find(" - ");
    if (fields.size() < 7 || dash == std::string::npos) continue;
    auto mountpoint = unescape_mount(fields[4]);
    const std::string below = mountpoint == "/" ? "/" : mountpoint + "/";
    if (path != mountpoint && !path.starts_with(below)) continue;
    if (mountpoint.size() < out.mountpoint.size()) continue;
    const auto behind = words(std::string_view(line).substr(dash + 3));
    out = {std::move(mountpoint), behind.size() > 1 ? unescape_mount(behind[1]) : ""};
  }
  return out;
}

std::vector<SeriesSample> directory_samples(std::span<const DirectoryUse> directories) {
  std::vector<SeriesSample> out;
  const auto add = [&out](const char* name, double value, std::vector<Label> labels) {
    out.push_back({{name, Labels(std::move(labels))}, value, MetricKind::gauge, 0});
  };
  for (const auto& use : directories) {
    std::vector<Label> labels{{"directory", use.directory.name}};
    if (!use.directory.tablespace.empty()) labels.emplace_back("tablespace", use.directory.tablespace);
    add("pgtend_host_directory_size_bytes", static_cast<double>(use.size_bytes), labels);
    add("pgtend_host_directory_avail_bytes", static_cast<double>(use.avail_bytes), labels);
    labels.emplace_back("device", use.device);
    labels.emplace_back("mountpoint", use.mountpoint);
    add("pgtend_host_directory_info", 1, std::move(labels));
  }
  return out;
}

std::vector<MetricDef> directory_metrics() {
  constexpr auto kGauge = MetricKind::gauge;
  return {{"pgtend_host_directory_info", kGauge, "",
           "The mount point and the disk (device of pgtend_host_disk_*) behind the data directory, the WAL or a "
           "tablespace; the value is 1.",
           "/proc/self/mountinfo", ""},
          {"pgtend_host_directory_size_bytes", kGauge, "bytes", "Size of the filesystem that holds the directory.",
           "statvfs", ""},
          {"pgtend_host_directory_avail_bytes", kGauge, "bytes",
           "Free space for the server in the filesystem that holds the directory.", "statvfs", ""}};
}

}  // namespace pgtend::collectors
