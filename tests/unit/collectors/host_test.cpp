#include "collectors/host/host.hpp"

#include <set>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

const std::map<std::string, std::string> kFiles{
    {"/proc/stat",
     "cpu  200 0 100 4000 50 0 10 7 0 0\ncpu0 150 0 60 2000 50 0 10 7 0 0\ncpu1 50 0 40 2000 0 0 0 0 0 0\n"
     "intr 5 0 0\nctxt 798072\nbtime 1795430000\nprocesses 900\nprocs_running 2\nprocs_blocked 1\n"},
    {"/proc/meminfo",
     "MemTotal:       16000 kB\nMemFree:         500 kB\nMemAvailable:    8000 kB\nHugePages_Total:       4\n"},
    {"/proc/loadavg", "0.50 1.25 2.00 3/400 12345\n"},
    {"/proc/diskstats",
     "   7       0 loop0 5 0 10 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
     " 259       0 nvme0n1 100 5 2048 1500 200 6 4096 2500 3 4000 9000 0 0 0 0 0 0\n"
     " 259       1 nvme0n1p1 90 5 2000 1400 200 6 4096 2500 0 3900 8900 0 0 0 0 0 0\n"
     " 254       0 vda 1 0 8 1 0 0 0 0 0 1 1\n 254       1 vda1 1 0 8 1 0 0 0 0 0 1 1\n"
     " 253       0 dm-0 0 0 0 0 0 0 0 0 0 0 0\n"},
    {"/proc/pressure/io",
     "some avg10=0.06 avg60=0.04 avg300=0.00 total=6841970\nfull avg10=0.06 avg60=0.04 avg300=0.00 total=6304331\n"},
    {"/proc/pressure/cpu",
     "some avg10=0.00 avg60=0.00 avg300=0.00 total=100\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"/proc/net/dev",
     "Inter-|   Receive                                                |  Transmit\n"
     " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo\n"
     "    lo:  725346    1462    0    0    0     0          0         0   725346    1462    0    0    0     0       0  "
     " 0\n"
     "  eth0: 1000      10    1    2    0     0          0         0     2000      20    3    4    0     0       0   "
     "0\n"},
    {"/sys/fs/cgroup/memory.max", "8388608\n"},
    {"/sys/fs/cgroup/cpu.max", "150000 100000\n"},
    {"/sys/fs/cgroup/cpu.stat", "usage_usec 900\nnr_throttled 3\nthrottled_usec 2500000\n"},
    {"/sys/fs/cgroup/memory.events", "oom 7\noom_kill 2\noom_group_kill 0\n"},
    {"/proc/vmstat", "oom_kill_of_others 9\noom_kill 4\n"}};

std::map<std::string, SeriesSample> by_key(const std::vector<SeriesSample>& samples) {
  std::map<std::string, SeriesSample> out;
  for (const auto& sample : samples) {
    const auto key = to_string(sample.key);
    INFO(key);
    CHECK_FALSE(out.contains(key));
    out[key] = sample;
  }
  return out;
}

}  // namespace

TEST_CASE("the files of /proc become samples in base units under both names") {
  const auto s = by_key(host_samples(kFiles, {}, {}));
  CHECK(s.at(R"(pgtend_host_cpu_seconds_total{mode="user"})").value == 2);
  CHECK(s.at(R"(pgtend_host_cpu_seconds_total{mode="user"})").kind == MetricKind::counter);
  CHECK(s.at(R"(node_cpu_seconds_total{cpu="1",mode="idle"})").value == 20);
  CHECK(s.at("pgtend_host_cpus").value == 2);
  CHECK(s.at("node_boot_time_seconds").value == 1795430000);
  CHECK(s.at("node_memory_MemAvailable_bytes").value == 8000 * 1024);
  CHECK(s.at("pgtend_host_memory_available_bytes").value == 8000 * 1024);
  CHECK(s.at("node_memory_HugePages_Total").value == 4);
  CHECK(s.at("node_load5").value == 1.25);
  CHECK(s.at(R"(node_disk_read_bytes_total{device="nvme0n1"})").value == 2048 * 512);
  CHECK(s.at(R"(node_disk_io_time_seconds_total{device="nvme0n1"})").value == 4);
  CHECK(s.at(R"(pgtend_host_disk_write_seconds_total{device="nvme0n1"})").value == 2.5);
  CHECK(s.at(R"(pgtend_host_pressure_stalled_seconds_total{resource="io"})").value == Approx(6.304331));
  CHECK(s.at("node_pressure_io_waiting_seconds_total").value == Approx(6.84197));
  CHECK(s.at(R"(node_network_transmit_drop_total{device="eth0"})").value == 4);
  CHECK(s.at("pgtend_host_cgroup_cpu_limit").value == 1.5);
  CHECK(s.at("pgtend_host_cgroup_cpu_throttled_seconds_total").value == 2.5);
  CHECK(s.at("pgtend_host_cgroup_oom_kills_total").value == 2);
  CHECK(s.at("pgtend_host_oom_kills_total").value == 4);
  CHECK(s.at("node_vmstat_oom_kill").value == 4);
  CHECK(s.at("pgtend_host_cgroup_memory_limit_bytes").value == 8388608);
}

TEST_CASE("partitions, loop devices, idle devices and the loopback network are left out") {
  const auto s = by_key(host_samples(kFiles, {}, {}));
  for (const auto* device : {"loop0", "nvme0n1p1", "vda1", "dm-0"})
    CHECK_FALSE(s.contains("node_disk_reads_completed_total{device=\"" + std::string(device) + "\"}"));
  CHECK(s.contains(R"(node_disk_reads_completed_total{device="vda"})"));
  CHECK_FALSE(s.contains(R"(node_network_receive_bytes_total{device="lo"})"));
}

TEST_CASE("missing and malformed files cost only their own samples") {
  auto files = kFiles;
  files.erase("/proc/stat");
  files["/proc/diskstats"] = "garbage\n1 2\n";
  files["/proc/loadavg"] = "";
  files["/proc/pressure/io"] = "some avg10=x\n";
  const auto s = by_key(host_samples(files, {}, {}));
  CHECK(s.contains("node_memory_MemTotal_bytes"));
  CHECK_FALSE(s.contains("node_load1"));
  CHECK_FALSE(s.contains("pgtend_host_cpus"));
  CHECK(host_samples({}, {}, {}).empty());
}

TEST_CASE("a reboot begins a new epoch") {
  auto files = kFiles;
  const auto before = host_samples(files, {}, {})[0].epoch;
  CHECK(host_samples(files, {}, {})[0].epoch == before);
  files["/proc/stat"].replace(files["/proc/stat"].find("1795430000"), 10, "1795439999");
  CHECK(host_samples(files, {}, {})[0].epoch != before);
}

TEST_CASE("filesystems with a disk are found once each and report what statvfs said") {
  auto mounts = filesystems(
      "proc /proc proc rw 0 0\n/dev/vda / ext4 rw,relatime 0 0\n/dev/vda /var/bind ext4 rw 0 0\n"
      "tmpfs /dev/shm tmpfs rw 0 0\n/dev/loop3 /snap/x squashfs ro 0 0\n/dev/vdb /var/lib/my\\040data xfs rw 0 0\n");
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].mountpoint == "/");
  CHECK(mounts[1].mountpoint == "/var/lib/my data");
  CHECK(mounts[1].fstype == "xfs");
  mounts[0].size_bytes = 1000;
  mounts[0].avail_bytes = 250;
  const auto s = by_key(host_samples({}, mounts, {}));
  CHECK(s.at(R"(node_filesystem_avail_bytes{device="/dev/vda",fstype="ext4",mountpoint="/"})").value == 250);
  CHECK_FALSE(
      s.contains(R"(node_filesystem_size_bytes{device="/dev/vdb",fstype="xfs",mountpoint="/var/lib/my data"})"));
}

TEST_CASE("memory is the smaller of the machine's and the control group's") {
  CHECK(ram_bytes(kFiles) == 8388608);
  auto files = kFiles;
  files["/sys/fs/cgroup/memory.max"] = "max\n";
  CHECK(ram_bytes(files) == 16000 * 1024);
  CHECK(ram_bytes({}) == 0);
}

TEST_CASE("a process's CPU and resident memory are read from their files") {
  const auto cpu = parse_schedstat("1500000000 250000000 17\n");
  REQUIRE(cpu);
  CHECK(cpu->on_cpu_seconds == 1.5);
  CHECK(cpu->run_queue_seconds == 0.25);
  CHECK_FALSE(parse_schedstat("1500000000"));
  CHECK_FALSE(parse_schedstat("a b c"));
  CHECK(parse_rss_bytes("Name:\tpgtend\nVmRSS:\t    2048 kB\n") == 2048 * 1024);
  CHECK_FALSE(parse_rss_bytes("Name:\tpgtend\n"));
}

TEST_CASE("every host sample has a definition of the same kind") {
  std::map<std::string, MetricKind> defined;
  for (const auto& metric : host_metrics()) {
    CHECK_FALSE(metric.help.empty());
    defined[metric.name] = metric.kind;
  }
  for (const auto& sample : host_samples(kFiles, {}, {})) {
    INFO(sample.key->name);
    REQUIRE(defined.contains(sample.key->name));
    CHECK(defined[sample.key->name] == sample.kind);
  }
}
