#include "collectors/host/metrics.hpp"

#include <map>

#include "collectors/host/host.hpp"

namespace pgtend::collectors {
namespace {

constexpr auto kGauge = MetricKind::gauge;
constexpr auto kCounter = MetricKind::counter;

constexpr HostMetric kTable[] = {
    {"pgtend_host_cpu_seconds_total", "", kCounter, "seconds", "CPU time of all processors by mode.", "/proc/stat"},
    {"pgtend_host_cpus", "", kGauge, "", "Processors online.", "/proc/stat"},
    {"pgtend_host_boot_time_seconds", "node_boot_time_seconds", kGauge, "seconds", "Start of the machine, Unix time.",
     "/proc/stat"},
    {"pgtend_host_context_switches_total", "node_context_switches_total", kCounter, "", "Context switches.",
     "/proc/stat"},
    {"pgtend_host_processes_running", "node_procs_running", kGauge, "", "Processes that run or wait for a processor.",
     "/proc/stat"},
    {"pgtend_host_processes_blocked", "node_procs_blocked", kGauge, "", "Processes that wait for input or output.",
     "/proc/stat"},
    {"pgtend_host_load1", "node_load1", kGauge, "", "Load average over 1 minute.", "/proc/loadavg"},
    {"pgtend_host_load5", "node_load5", kGauge, "", "Load average over 5 minutes.", "/proc/loadavg"},
    {"pgtend_host_load15", "node_load15", kGauge, "", "Load average over 15 minutes.", "/proc/loadavg"},
    {"pgtend_host_memory_total_bytes", "node_memory_MemTotal_bytes", kGauge, "bytes", "Memory of the machine.",
     "/proc/meminfo"},
    {"pgtend_host_memory_free_bytes", "node_memory_MemFree_bytes", kGauge, "bytes", "Memory used for nothing.",
     "/proc/meminfo"},
    {"pgtend_host_memory_available_bytes", "node_memory_MemAvailable_bytes", kGauge, "bytes",
     "Memory that a new process can get without swapping.", "/proc/meminfo"},
    {"pgtend_host_memory_buffers_bytes", "node_memory_Buffers_bytes", kGauge, "bytes", "Block device buffers.",
     "/proc/meminfo"},
    {"pgtend_host_memory_cached_bytes", "node_memory_Cached_bytes", kGauge, "bytes", "Page cache.", "/proc/meminfo"},
    {"pgtend_host_memory_shared_bytes", "node_memory_Shmem_bytes", kGauge, "bytes", "Shared memory and tmpfs.",
     "/proc/meminfo"},
    {"pgtend_host_memory_anonymous_bytes", "node_memory_AnonPages_bytes", kGauge, "bytes", "Private memory in use.",
     "/proc/meminfo"},
    {"pgtend_host_memory_dirty_bytes", "node_memory_Dirty_bytes", kGauge, "bytes", "Memory that waits to be written.",
     "/proc/meminfo"},
    {"pgtend_host_memory_writeback_bytes", "node_memory_Writeback_bytes", kGauge, "bytes", "Memory being written.",
     "/proc/meminfo"},
    {"pgtend_host_memory_committed_bytes", "node_memory_Committed_AS_bytes", kGauge, "bytes",
     "Memory promised to processes.", "/proc/meminfo"},
    {"pgtend_host_memory_commit_limit_bytes", "node_memory_CommitLimit_bytes", kGauge, "bytes",
     "Memory that may be promised under vm.overcommit_memory=2.", "/proc/meminfo"},
    {"pgtend_host_swap_total_bytes", "node_memory_SwapTotal_bytes", kGauge, "bytes", "Swap space.", "/proc/meminfo"},
    {"pgtend_host_swap_free_bytes", "node_memory_SwapFree_bytes", kGauge, "bytes", "Swap space not in use.",
     "/proc/meminfo"},
    {"pgtend_host_huge_pages", "node_memory_HugePages_Total", kGauge, "", "Huge pages reserved.", "/proc/meminfo"},
    {"pgtend_host_huge_pages_free", "node_memory_HugePages_Free", kGauge, "", "Huge pages not in use.",
     "/proc/meminfo"},
    {"pgtend_host_disk_reads_total", "node_disk_reads_completed_total", kCounter, "", "Reads completed.",
     "/proc/diskstats"},
    {"pgtend_host_disk_read_bytes_total", "node_disk_read_bytes_total", kCounter, "bytes", "Bytes read.",
     "/proc/diskstats"},
    {"pgtend_host_disk_read_seconds_total", "node_disk_read_time_seconds_total", kCounter, "seconds",
     "Time of all reads.", "/proc/diskstats"},
    {"pgtend_host_disk_writes_total", "node_disk_writes_completed_total", kCounter, "", "Writes completed.",
     "/proc/diskstats"},
    {"pgtend_host_disk_written_bytes_total", "node_disk_written_bytes_total", kCounter, "bytes", "Bytes written.",
     "/proc/diskstats"},
    {"pgtend_host_disk_write_seconds_total", "node_disk_write_time_seconds_total", kCounter, "seconds",
     "Time of all writes.", "/proc/diskstats"},
    {"pgtend_host_disk_in_flight", "node_disk_io_now", kGauge, "", "Requests in flight.", "/proc/diskstats"},
    {"pgtend_host_disk_busy_seconds_total", "node_disk_io_time_seconds_total", kCounter, "seconds",
     "Time with at least one request in flight.", "/proc/diskstats"},
    {"pgtend_host_disk_weighted_seconds_total", "node_disk_io_time_weighted_seconds_total", kCounter, "seconds",
     "Time of requests in flight, each counted.", "/proc/diskstats"},
    {"pgtend_host_pressure_waiting_seconds_total", "", kCounter, "seconds",
     "Time in which some task waited for the resource.", "/proc/pressure"},
    {"pgtend_host_pressure_stalled_seconds_total", "", kCounter, "seconds",
     "Time in which every task waited for the resource.", "/proc/pressure"},
    {"pgtend_host_network_receive_bytes_total", "node_network_receive_bytes_total", kCounter, "bytes",
     "Bytes received.", "/proc/net/dev"},
    {"pgtend_host_network_receive_packets_total", "node_network_receive_packets_total", kCounter, "",
     "Packets received.", "/proc/net/dev"},
    {"pgtend_host_network_receive_errors_total", "node_network_receive_errs_total", kCounter, "",
     "Packets received in error.", "/proc/net/dev"},
    {"pgtend_host_network_receive_dropped_total", "node_network_receive_drop_total", kCounter, "",
     "Received packets dropped.", "/proc/net/dev"},
    {"pgtend_host_network_transmit_bytes_total", "node_network_transmit_bytes_total", kCounter, "bytes", "Bytes sent.",
     "/proc/net/dev"},
    {"pgtend_host_network_transmit_packets_total", "node_network_transmit_packets_total", kCounter, "", "Packets sent.",
     "/proc/net/dev"},
    {"pgtend_host_network_transmit_errors_total", "node_network_transmit_errs_total", kCounter, "",
     "Packets that could not be sent.", "/proc/net/dev"},
    {"pgtend_host_network_transmit_dropped_total", "node_network_transmit_drop_total", kCounter, "",
     "Packets dropped before sending.", "/proc/net/dev"},
    {"pgtend_host_filesystem_size_bytes", "node_filesystem_size_bytes", kGauge, "bytes", "Size of the filesystem.",
     "statvfs"},
    {"pgtend_host_filesystem_free_bytes", "node_filesystem_free_bytes", kGauge, "bytes",
     "Free space, root's reserve included.", "statvfs"},
    {"pgtend_host_filesystem_avail_bytes", "node_filesystem_avail_bytes", kGauge, "bytes",
     "Free space for ordinary users.", "statvfs"},
    {"pgtend_host_filesystem_files", "node_filesystem_files", kGauge, "", "Inodes.", "statvfs"},
    {"pgtend_host_filesystem_files_free", "node_filesystem_files_free", kGauge, "", "Inodes free.", "statvfs"},
    {"pgtend_host_cgroup_memory_limit_bytes", "", kGauge, "bytes", "Memory limit of the control group.",
     "/sys/fs/cgroup"},
    {"pgtend_host_cgroup_memory_used_bytes", "", kGauge, "bytes", "Memory charged to the control group.",
     "/sys/fs/cgroup"},
    {"pgtend_host_cgroup_cpu_limit", "", kGauge, "", "Processors the control group may use.", "/sys/fs/cgroup"},
    {"pgtend_host_cgroup_cpu_throttled_seconds_total", "", kCounter, "seconds",
     "Time that the control group's processes stood still because of that limit.", "/sys/fs/cgroup/cpu.stat"},
    {"pgtend_host_cgroup_oom_kills_total", "", kCounter, "",
     "Processes of the control group that the kernel killed for want of memory.", "/sys/fs/cgroup/memory.events"},
    {"pgtend_host_oom_kills_total", "node_vmstat_oom_kill", kCounter, "",
     "Processes that the kernel killed for want of memory.", "/proc/vmstat"},
};

// node_exporter's names whose labels differ from ours, so that no row above can pair them.
constexpr HostMetric kNodeOnly[] = {
    {"node_cpu_seconds_total", "", kCounter, "seconds", "CPU time by processor and mode.", "/proc/stat"},
    {"node_pressure_cpu_waiting_seconds_total", "", kCounter, "seconds", "Time some task waited for a processor.",
     "/proc/pressure"},
    {"node_pressure_memory_waiting_seconds_total", "", kCounter, "seconds", "Time some task waited for memory.",
     "/proc/pressure"},
    {"node_pressure_memory_stalled_seconds_total", "", kCounter, "seconds", "Time every task waited for memory.",
     "/proc/pressure"},
    {"node_pressure_io_waiting_seconds_total", "", kCounter, "seconds", "Time some task waited for input or output.",
     "/proc/pressure"},
    {"node_pressure_io_stalled_seconds_total", "", kCounter, "seconds", "Time every task waited for input or output.",
     "/proc/pressure"},
};

}  // namespace

std::span<const HostMetric> host_metric_table() {
  return kTable;
}

const HostMetric& host_metric(std::string_view native) {
  static const auto by_name = [] {
    std::map<std::string_view, const HostMetric*> out;
    for (const auto& metric : kTable) out.emplace(metric.native, &metric);
    return out;
  }();
  return *by_name.at(native);
}

std::vector<MetricDef> host_metrics() {
  std::vector<MetricDef> out;
  const auto add = [&out](std::string_view name, const HostMetric& m, std::string_view twin) {
    out.push_back({std::string(name), m.kind, std::string(m.unit), std::string(m.help), std::string(m.source),
                   std::string(twin)});
  };
  for (const auto& metric : kTable) {
    add(metric.native, metric, metric.node);
    if (!metric.node.empty()) add(metric.node, metric, {});
  }
  for (const auto& metric : kNodeOnly) add(metric.native, metric, {});
  return out;
}

}  // namespace pgtend::collectors
