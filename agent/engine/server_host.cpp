#include "agent/engine/server_host.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "agent/engine/backend_schedstat.hpp"
#include "agent/engine/collect_status.hpp"
#include "agent/net/task.hpp"

namespace pgtend::engine {

namespace fs = std::filesystem;

namespace {

// Tablespaces come and go by hand.
constexpr std::chrono::minutes kDirectoriesInterval{5};

struct DirectoryReading {
  std::vector<collectors::DirectoryUse> uses;
  std::vector<std::pair<std::string, std::string>> unseen;  // path, why
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The whole disk behind a block device, as /proc/diskstats names it; empty when it is none.
std::string disk_of(dev_t device) {
  const fs::path link = "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
  std::error_code failed;
  auto folder = fs::canonical(link, failed);
  if (failed) return {};
  if (fs::exists(folder / "partition", failed)) folder = folder.parent_path();
  return folder.filename().string();
}

DirectoryReading read_uses(const std::string& proc, const std::vector<collectors::ServerDirectory>& directories) {
  DirectoryReading out;
  const auto mounts = text_of(proc + "/self/mountinfo");
  for (const auto& directory : directories) {
    struct stat status{};
    struct statvfs numbers{};
    if (stat(directory.path.c_str(), &status) != 0 || statvfs(directory.path.c_str(), &numbers) != 0) {
      out.unseen.emplace_back(directory.path, std::strerror(errno));
      continue;
    }
    std::error_code failed;
    const auto real = fs::canonical(directory.path, failed);
    const auto mount = collectors::mount_of(mounts, failed ? directory.path : real.string());
    collectors::DirectoryUse use;
    use.directory = directory;
    use.mountpoint = mount.mountpoint;
    use.device = disk_of(status.st_dev);
    // Filesystems of several devices, btrfs for one, have a number of their own that is no disk's.
    struct stat source{};
    if (use.device.empty() && stat(mount.source.c_str(), &source) == 0 && S_ISBLK(source.st_mode))
      use.device = disk_of(source.st_rdev);
    use.size_bytes = numbers.f_blocks * numbers.f_frsize;
    use.avail_bytes = numbers.f_bavail * numbers.f_frsize;
    out.uses.push_back(std::move(use));
  }
  return out;
}

pg::Capability unseen(const std::vector<std::pair<std::string, std::string>>& paths) {
  pg::Capability out;
  out.name = "server_directories";
  out.advice = true;
  for (const auto& [path, why] : paths) out.effect += (out.effect.empty() ? "" : ", ") + path + " (" + why + ")";
  out.effect = "the disk behind these directories of the server is not watched: " + out.effect;
  out.cure = "-- let the agent's user into the group of the data directory, and that group into it: chmod g+rx";
  return out;
}

}  // namespace

net::Task<std::optional<RowSet>> ServerHost::ask(std::shared_ptr<Snapshot> snapshot, std::string sql) {
  cost_.count_query();
  auto rows = co_await parts_.lanes.query(pg::Lane::sample, "", snapshot->collector, sql, {},
                                          parts_.config->postgresql.statement_timeout);
  if (!rows) {
    snapshot->status = status_of(rows.error());
    snapshot->detail = rows.error().describe();
    co_return std::nullopt;
  }
  const auto sessions = parts_.lanes.sessions();
  if (std::none_of(sessions.begin(), sessions.end(), [](const auto& session) { return session.local; })) {
    snapshot->status = CollectStatus::unsupported;
    snapshot->detail = "the server runs on another host";
    co_return std::nullopt;
  }
  co_return std::move(*rows);
}

std::string ServerHost::data_directory() const {
  for (const auto& directory : directories_)
    if (directory.name == "data") return directory.path;
  return {};
}

net::Task<void> ServerHost::run_directories(std::shared_ptr<Snapshot> snapshot) {
  const Deadline now = parts_.clock.steady_now();
  if (now >= directories_due_) {
    auto rows = co_await ask(snapshot, collectors::directories_sql());
    // The disks fill up while the server is away as well.
    if (rows) {
      directories_ = collectors::read_directories(*rows);
      directories_due_ = now + kDirectoriesInterval;
    } else if (directories_.empty()) {
      co_return;
    }
    snapshot->status = CollectStatus::ok;
    snapshot->detail.clear();
  }
  auto job = [proc = parts_.config->host.proc, directories = directories_] { return read_uses(proc, directories); };
  const auto reading = co_await net::run_on(parts_.blocking, job);
  snapshot->samples = collectors::directory_samples(reading.uses);
  capability_ = reading.unseen.empty() ? std::nullopt : std::optional(unseen(reading.unseen));
}

net::Task<void> ServerHost::run_backend_cpu(std::shared_ptr<Snapshot> snapshot) {
  auto rows = co_await ask(snapshot, collectors::server_processes_sql());
  if (!rows) co_return;
  const auto processes = collectors::read_server_processes(*rows);
  auto job = [proc = parts_.config->host.proc, pids = tally_.to_read(processes)] {
    return read_schedstats(proc, pids);
  };
  const auto cpu = co_await net::run_on(parts_.blocking, job);
  tally_.add(processes, cpu);
  // The epoch ends with the agent: its sums start again.
  snapshot->samples = tally_.samples(static_cast<std::uint64_t>(::getpid()));
}

}  // namespace pgtend::engine
