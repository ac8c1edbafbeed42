// What this host tells about a real server that runs on it.
#include <chrono>
#include <filesystem>
#include <set>

#include "agent/engine/server_host.hpp"
#include "collectors/host/host.hpp"
#include "tests/pg/engine/engine_rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;
namespace fs = std::filesystem;

namespace {

class Host {
 public:
  explicit Host(const PgCluster& cluster) : rig_(cluster) {}
  Snapshot directories() { return run(&engine::ServerHost::run_directories); }
  Snapshot backend_cpu() { return run(&engine::ServerHost::run_backend_cpu); }
  const std::optional<pg::Capability>& capability() { return host_.capability(); }

 private:
  Snapshot run(net::Task<void> (engine::ServerHost::*collect)(std::shared_ptr<Snapshot>)) {
    auto snapshot = std::make_shared<Snapshot>();
    rig_.world().run((host_.*collect)(snapshot));
    return *snapshot;
  }
  EngineRig rig_;
  engine::ServerHost host_{rig_.parts(), rig_.cost()};
};

std::set<std::string> names(const Snapshot& snapshot) {
  std::set<std::string> out;
  for (const auto& sample : snapshot.samples)
    if (sample.key->name == "pgtend_host_directory_info")
      out.insert(std::string(sample.key->labels.get("directory")) + std::string(sample.key->labels.get("tablespace")));
  return out;
}

double client_cpu(const Snapshot& snapshot, const std::string& database) {
  for (const auto& sample : snapshot.samples)
    if (sample.key->name == "pgtend_backend_cpu_seconds_total" && sample.key->labels.get("datname") == database &&
        sample.key->labels.get("backend_type") == "client backend")
      return sample.value;
  return -1;
}

double own_cpu(const std::string& pid) {
  const auto cpu = collectors::parse_schedstat(read_file("/proc/" + pid + "/schedstat"));
  REQUIRE(cpu);
  return cpu->on_cpu_seconds;
}

}  // namespace

TEST_CASE("the disk behind the data, the WAL and each tablespace is found, a WAL that is a link elsewhere too") {
  PgCluster cluster;
  TempDir space("pgtend-space"), disk("pgtend-disk");
  cluster.exec("postgres", "CREATE TABLESPACE fast LOCATION '" + space.path().string() + "'");
  cluster.stop();
  const auto inside = cluster.data_dir() / "pg_wal", wal = disk.path() / "wal";
  fs::rename(inside, wal);
  fs::create_directory_symlink(wal, inside);
  cluster.start();
  Host host(cluster);
  const auto snapshot = host.directories();
  INFO(snapshot.detail);
  CHECK(snapshot.status == CollectStatus::ok);
  CHECK(names(snapshot) == std::set<std::string>{"data", "tablespacefast", "wal"});
  CHECK_FALSE(host.capability());
  for (const auto& sample : snapshot.samples) {
    if (sample.key->name.ends_with("_info")) {
      CHECK_FALSE(sample.key->labels.get("mountpoint").empty());
    } else {
      CHECK(sample.value > 1e6);
    }
  }
  // The disks are looked at while the server is away, and what cannot be seen is named with its cure.
  cluster.stop();
  fs::rename(wal, disk.path() / "gone");
  CHECK(names(host.directories()) == std::set<std::string>{"data", "tablespacefast"});
  REQUIRE(host.capability());
  CHECK(host.capability()->effect.find("pg_wal (No such file or directory)") != std::string::npos);
  CHECK(host.capability()->cure.find("chmod g+rx") != std::string::npos);
}

TEST_CASE("the CPU of the server's processes is what the kernel counts for them, by kind and database") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  auto worker = cluster.session("shop");
  Host host(cluster);
  const auto pid = worker.value("SELECT pg_backend_pid()");
  const double begun = own_cpu(pid);
  const auto first = host.backend_cpu();
  INFO(first.detail);
  REQUIRE(first.status == CollectStatus::ok);
  CHECK(client_cpu(first, "shop") == 0);
  worker.exec("SELECT sum(i % 7) FROM generate_series(1, 2000000) i");
  const auto after = host.backend_cpu();
  const double spent = own_cpu(pid) - begun;
  CHECK(spent > 0.05);
  // Nothing runs between the readings but the end of a statement.
  CHECK(client_cpu(after, "shop") == Approx(spent).margin(0.02));
  std::set<std::string> kinds;
  for (const auto& sample : after.samples) kinds.insert(std::string(sample.key->labels.get("backend_type")));
  CHECK(kinds.contains("checkpointer"));
}
