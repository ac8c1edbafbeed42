#include "collectors/host/directories.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

constexpr const char* kMounts =
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "30 22 0:25 / /proc rw - proc proc rw\n"
    "41 22 259:2 / /var/lib/postgresql rw,noatime shared:9 - xfs /dev/nvme0n1p2 rw,attr2\n"
    "42 41 253:0 /wal /var/lib/postgresql/fast\\040disk rw - ext4 /dev/mapper/vg-wal rw\n"
    "43 22 0:60 / /var/lib/postgresql2 rw - tmpfs tmpfs rw\n"
    "44 41 259:3 / /var/lib/postgresql rw - xfs /dev/nvme1n1 rw\n"
    "a line that is none\n";

}  // namespace

TEST_CASE("a directory is on the longest mount point above it, and there on what was mounted last") {
  CHECK(mount_of(kMounts, "/srv/pg").mountpoint == "/");
  CHECK(mount_of(kMounts, "/srv/pg").source == "/dev/vda1");
  CHECK(mount_of(kMounts, "/var/lib/postgresql/15/main").source == "/dev/nvme1n1");
  CHECK(mount_of(kMounts, "/var/lib/postgresql").source == "/dev/nvme1n1");
  CHECK(mount_of(kMounts, "/var/lib/postgresql/fast disk/pg_wal").mountpoint == "/var/lib/postgresql/fast disk");
  CHECK(mount_of(kMounts, "/var/lib/postgresql2/x").source == "tmpfs");
  CHECK(mount_of(kMounts, "/var/lib/postgresql23").mountpoint == "/");
  CHECK(mount_of("", "/srv").mountpoint.empty());
}

TEST_CASE("directories of the server are told with the disk behind them, tablespaces by their names") {
  RowSet rows;
  rows.columns = {"directory", "tablespace", "path"};
  rows.rows = {
      {"data", std::nullopt, "/pg"}, {"tablespace", "fast", "/ssd"}, {"tablespace", "in place", "pg_tblspc/1"}};
  const auto directories = read_directories(rows);
  REQUIRE(directories.size() == 2);
  const std::vector<DirectoryUse> uses{{directories[0], "/", "vda", 1000, 400}, {directories[1], "/ssd", "", 50, 20}};
  const auto samples = directory_samples(uses);
  REQUIRE(samples.size() == 6);
  CHECK(samples[1].key->name == "pgtend_host_directory_avail_bytes");
  CHECK(samples[1].value == 400);
  CHECK(samples[1].key->labels == Labels{{"directory", "data"}});
  CHECK(samples[2].key->labels == Labels{{"device", "vda"}, {"directory", "data"}, {"mountpoint", "/"}});
  CHECK(samples[4].key->labels == Labels{{"directory", "tablespace"}, {"tablespace", "fast"}});
  CHECK(samples[4].value == 20);
}
