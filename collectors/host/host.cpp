#include "collectors/host/host.hpp"

#include <algorithm>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/model/rows.hpp"
#include "collectors/host/metrics.hpp"
#include "collectors/host/proc_text.hpp"

namespace pgtend::collectors {
namespace {

// Source: proc(5), USER_HZ; Linux has given 100 to user space on every architecture PostgreSQL runs on.
constexpr double kTicksPerSecond = 100;
// Source: Documentation/admin-guide/iostats.rst: sectors of /proc/diskstats are 512 bytes on every device.
constexpr double kSectorBytes = 512;

using Files = std::map<std::string, std::string>;

std::string_view text_of(const Files& files, const std::string& path) {
  const auto it = files.find(path);
  return it == files.end() ? std::string_view() : std::string_view(it->second);
}

double number_at(const std::vector<std::string>& fields, std::size_t at) {
  return at < fields.size() ? parse_number(fields[at]).value_or(0) : 0;
}

// Collects samples under both names; counters continue only within one boot.
class Sink {
 public:
  explicit Sink(std::string_view boot) : epoch_(epoch_hash(ServerIdentity{}, boot)) {}

  void add(std::string_view native, double value, const Labels& labels = {}) {
    const HostMetric& metric = host_metric(native);
    out_.push_back({{std::string(native), labels}, value, metric.kind, epoch_});
    if (!metric.node.empty()) out_.push_back({{std::string(metric.node), labels}, value, metric.kind, epoch_});
  }
  void add_node(std::string name, double value, const Labels& labels = {}) {
    out_.push_back({{std::move(name), labels}, value, MetricKind::counter, epoch_});
  }
  std::vector<SeriesSample> take() { return std::move(out_); }

 private:
  std::uint64_t epoch_;
  std::vector<SeriesSample> out_;
};

void stat(std::string_view text, Sink& sink) {
  constexpr std::string_view kModes[] = {"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"};
  double cpus = 0;
  for (const auto& line : split(text, '\n')) {
    const auto f = words(line);
    if (f.size() < 2) continue;
    if (f[0].starts_with("cpu")) {
      const std::string cpu = f[0].substr(3);
      if (!cpu.empty()) ++cpus;
      for (std::size_t i = 0; i < std::size(kModes) && i + 1 < f.size(); ++i) {
        const double seconds = number_at(f, i + 1) / kTicksPerSecond;
        if (cpu.empty()) {
          sink.add("pgtend_host_cpu_seconds_total", seconds, {{"mode", std::string(kModes[i])}});
        } else {
          sink.add_node("node_cpu_seconds_total", seconds, {{"cpu", cpu}, {"mode", std::string(kModes[i])}});
        }
      }
    } else if (f[0] == "btime") {
      sink.add("pgtend_host_boot_time_seconds", number_at(f, 1));
    } else if (f[0] == "ctxt") {
      sink.add("pgtend_host_context_switches_total", number_at(f, 1));
    } else if (f[0] == "procs_running") {
      sink.add("pgtend_host_processes_running", number_at(f, 1));
    } else if (f[0] == "procs_blocked") {
      sink.add("pgtend_host_processes_blocked", number_at(f, 1));
    }
  }
  if (cpus > 0) sink.add("pgtend_host_cpus", cpus);
}

std::map<std::string, double> meminfo_fields(std::string_view text) {
  std::map<std::string, double> out;
  for (const auto& line : split(text, '\n')) {
    const auto f = words(line);
    if (f.size() < 2 || !f[0].ends_with(':')) continue;
    out[f[0].substr(0, f[0].size() - 1)] = number_at(f, 1) * (f.size() > 2 && f[2] == "kB" ? 1024 : 1);
  }
  return out;
}

void meminfo(std::string_view text, Sink& sink) {
  const auto fields = meminfo_fields(text);
  for (const auto& metric : host_metric_table()) {
    std::string_view key = metric.node;
    if (metric.source != "/proc/meminfo" || !key.starts_with("node_memory_")) continue;
    key.remove_prefix(std::string_view("node_memory_").size());
    if (key.ends_with("_bytes")) key.remove_suffix(std::string_view("_bytes").size());
    if (const auto it = fields.find(std::string(key)); it != fields.end()) sink.add(metric.native, it->second);
  }
}

void loadavg(std::string_view text, Sink& sink) {
  const auto f = words(text);
  if (f.size() < 3) return;
  sink.add("pgtend_host_load1", number_at(f, 0));
  sink.add("pgtend_host_load5", number_at(f, 1));
  sink.add("pgtend_host_load15", number_at(f, 2));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Partitions count twice with their disk; loop and ram devices are files and memory.
bool is_whole_disk(const std::string& name) {
  for (const std::string_view prefix : {"loop", "ram", "fd", "sr", "zram"})
    if (name.starts_with(prefix)) return false;
  if (name.starts_with("nvme") || name.starts_with("mmcblk")) {
    const auto p = name.rfind('p');
    return p == std::string::npos || p + 1 >= name.size() || !is_digit(name[p + 1]);
  }
  for (const std::string_view prefix : {"sd", "vd", "hd", "xvd"})
    if (name.starts_with(prefix)) return !is_digit(name.back());
  return true;
}

void diskstats(std::string_view text, Sink& sink) {
  for (const auto& line : split(text, '\n')) {
    const auto f = words(line);
    if (f.size() < 14 || !is_whole_disk(f[2]) || (number_at(f, 3) == 0 && number_at(f, 7) == 0)) continue;
    const Labels device{{"device", f[2]}};
    sink.add("pgtend_host_disk_reads_total", number_at(f, 3), device);
    sink.add("pgtend_host_disk_read_bytes_total", number_at(f, 5) * kSectorBytes, device);
    sink.add("pgtend_host_disk_read_seconds_total", number_at(f, 6) / 1000, device);
    sink.add("pgtend_host_disk_writes_total", number_at(f, 7), device);
    sink.add("pgtend_host_disk_written_bytes_total", number_at(f, 9) * kSectorBytes, device);
    sink.add("pgtend_host_disk_write_seconds_total", number_at(f, 10) / 1000, device);
    sink.add("pgtend_host_disk_in_flight", number_at(f, 11), device);
    sink.add("pgtend_host_disk_busy_seconds_total", number_at(f, 12) / 1000, device);
    sink.add("pgtend_host_disk_weighted_seconds_total", number_at(f, 13) / 1000, device);
  }
}

void pressure(const std::string& resource, std::string_view text, Sink& sink) {
  for (const auto& line : split(text, '\n')) {
    const auto at = line.find("total=");
    const auto micros =
        at == std::string::npos ? std::nullopt : parse_number(trim(std::string_view(line).substr(at + 6)));
    if (!micros) continue;
    const bool some = line.starts_with("some");
    // A machine as a whole is never stalled for a processor; the kernel prints zeros there.
    if (!some && resource == "cpu") continue;
    const std::string what = some ? "waiting" : "stalled";
    sink.add("pgtend_host_pressure_" + what + "_seconds_total", *micros / 1e6, {{"resource", resource}});
    sink.add_node("node_pressure_" + resource + "_" + what + "_seconds_total", *micros / 1e6);
  }
}

void net_dev(std::string_view text, Sink& sink) {
  for (const auto& line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string name(trim(std::string_view(line).substr(0, colon)));
    const auto f = words(std::string_view(line).substr(colon + 1));
    if (name == "lo" || f.size() < 16 || (number_at(f, 1) == 0 && number_at(f, 9) == 0)) continue;
    const Labels device{{"device", name}};
    sink.add("pgtend_host_network_receive_bytes_total", number_at(f, 0), device);
    sink.add("pgtend_host_network_receive_packets_total", number_at(f, 1), device);
    sink.add("pgtend_host_network_receive_errors_total", number_at(f, 2), device);
    sink.add("pgtend_host_network_receive_dropped_total", number_at(f, 3), device);
    sink.add("pgtend_host_network_transmit_bytes_total", number_at(f, 8), device);
    sink.add("pgtend_host_network_transmit_packets_total", number_at(f, 9), device);
    sink.add("pgtend_host_network_transmit_errors_total", number_at(f, 10), device);
    sink.add("pgtend_host_network_transmit_dropped_total", number_at(f, 11), device);
  }
}

// The number behind `key` in lines of a key and a number.
std::optional<double> value_of(std::string_view text, std::string_view key) {
  for (const auto& line : split(text, '\n'))
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_number(trim(std::string_view(line).substr(key.size() + 1)));
  return std::nullopt;
}

// The control group's memory limit, nullopt for none ("max", or version 1's nearly 2^63).
std::optional<double> memory_limit(const Files& files) {
  for (const auto* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    const auto value = parse_number(trim(text_of(files, path)));
    if (value && *value > 0 && *value < 9e18) return value;
  }
  return std::nullopt;
}

void cgroup(const Files& files, Sink& sink) {
  if (const auto limit = memory_limit(files)) sink.add("pgtend_host_cgroup_memory_limit_bytes", *limit);
  if (const auto used = parse_number(trim(text_of(files, "/sys/fs/cgroup/memory.current"))))
    sink.add("pgtend_host_cgroup_memory_used_bytes", *used);
  const auto cpu = words(trim(text_of(files, "/sys/fs/cgroup/cpu.max")));
  if (cpu.size() == 2 && cpu[0] != "max" && number_at(cpu, 1) > 0)
    sink.add("pgtend_host_cgroup_cpu_limit", number_at(cpu, 0) / number_at(cpu, 1));
  if (const auto micros = value_of(text_of(files, "/sys/fs/cgroup/cpu.stat"), "throttled_usec"))
    sink.add("pgtend_host_cgroup_cpu_throttled_seconds_total", *micros / 1e6);
  if (const auto kills = value_of(text_of(files, "/sys/fs/cgroup/memory.events"), "oom_kill"))
    sink.add("pgtend_host_cgroup_oom_kills_total", *kills);
}

std::string boot_time(std::string_view stat_text) {
  for (const auto& line : split(stat_text, '\n'))
    if (line.starts_with("btime ")) return line;
  return {};
}

}  // namespace

std::vector<std::string> host_paths() {
  return {"/proc/stat",
          "/proc/meminfo",
          "/proc/loadavg",
          "/proc/diskstats",
          "/proc/pressure/cpu",
          "/proc/pressure/memory",
          "/proc/pressure/io",
          "/proc/net/dev",
          "/proc/vmstat",
          "/proc/self/mounts",
          "/sys/fs/cgroup/memory.max",
          "/sys/fs/cgroup/memory.current",
          "/sys/fs/cgroup/memory/memory.limit_in_bytes",
          "/sys/fs/cgroup/memory.events",
          "/sys/fs/cgroup/cpu.max",
          "/sys/fs/cgroup/cpu.stat"};
}

std::vector<FilesystemUse> filesystems(std::string_view mounts) {
  std::vector<FilesystemUse> out;
  std::set<std::string> seen;
  for (const auto& line : split(mounts, '\n')) {
    const auto f = words(line);
    if (f.size() < 3) continue;
    const bool has_disk = f[0].starts_with("/dev/") || f[2] == "zfs" || f[2] == "btrfs" || f[2] == "overlay" ||
                          f[2].starts_with("nfs") || f[2] == "cifs";
    if (!has_disk || f[2] == "squashfs" || f[2] == "iso9660" || f[0].starts_with("/dev/loop")) continue;
    // A bind mount repeats its device; the first mount is the one people know.
    if (f[0].starts_with("/dev/") && f[2] != "btrfs" && !seen.insert(f[0]).second) continue;
    FilesystemUse use;
    use.device = unescape_mount(f[0]);
    use.mountpoint = unescape_mount(f[1]);
    use.fstype = f[2];
    out.push_back(std::move(use));
  }
  return out;
}

std::vector<SeriesSample> host_samples(const Files& files, std::span<const FilesystemUse> filesystems, UtcTime) {
  const std::string_view stat_text = text_of(files, "/proc/stat");
  Sink sink(boot_time(stat_text));
  stat(stat_text, sink);
  meminfo(text_of(files, "/proc/meminfo"), sink);
  loadavg(text_of(files, "/proc/loadavg"), sink);
  diskstats(text_of(files, "/proc/diskstats"), sink);
  for (const std::string resource : {"cpu", "memory", "io"})
    pressure(resource, text_of(files, "/proc/pressure/" + resource), sink);
  net_dev(text_of(files, "/proc/net/dev"), sink);
  cgroup(files, sink);
  if (const auto kills = value_of(text_of(files, "/proc/vmstat"), "oom_kill"))
    sink.add("pgtend_host_oom_kills_total", *kills);
  for (const auto& use : filesystems) {
    if (use.size_bytes == 0) continue;
    const Labels labels{{"device", use.device}, {"fstype", use.fstype}, {"mountpoint", use.mountpoint}};
    sink.add("pgtend_host_filesystem_size_bytes", static_cast<double>(use.size_bytes), labels);
    sink.add("pgtend_host_filesystem_free_bytes", static_cast<double>(use.free_bytes), labels);
    sink.add("pgtend_host_filesystem_avail_bytes", static_cast<double>(use.avail_bytes), labels);
    sink.add("pgtend_host_filesystem_files", static_cast<double>(use.files), labels);
    sink.add("pgtend_host_filesystem_files_free", static_cast<double>(use.files_free), labels);
  }
  return sink.take();
}

std::int64_t ram_bytes(const Files& files) {
  const auto fields = meminfo_fields(text_of(files, "/proc/meminfo"));
  const auto total = fields.find("MemTotal");
  const auto limit = memory_limit(files);
  if (total == fields.end()) return static_cast<std::int64_t>(limit.value_or(0));
  return static_cast<std::int64_t>(std::min(total->second, limit.value_or(total->second)));
}

std::optional<ProcessCpu> parse_schedstat(std::string_view text) {
  const auto f = words(trim(text));
  if (f.size() < 2) return std::nullopt;
  const auto on_cpu = parse_number(f[0]), waiting = parse_number(f[1]);
  if (!on_cpu || !waiting) return std::nullopt;
  return ProcessCpu{*on_cpu / 1e9, *waiting / 1e9};
}

std::optional<std::int64_t> parse_rss_bytes(std::string_view text) {
  const auto fields = meminfo_fields(text);
  const auto rss = fields.find("VmRSS");
  if (rss == fields.end()) return std::nullopt;
  return static_cast<std::int64_t>(rss->second);
}

}  // namespace pgtend::collectors
