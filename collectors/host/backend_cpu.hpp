#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/rows.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"
#include "collectors/host/host.hpp"

// What the server's processes cost the processors, by what they are and for which database. No file is opened here.
namespace pgtend::collectors {

struct ServerProcess {
  int pid = 0;
  std::string backend_type, database;  // empty where it works for none
  std::string idle_since;              // as the server spells it; empty: it is not idle
};

// One row per process of the server, at most kMostProcesses.
[[nodiscard]] std::string server_processes_sql();
// Those whose kind this role may see.
[[nodiscard]] std::vector<ServerProcess> read_server_processes(const RowSet& rows);
inline constexpr int kMostProcesses = 2'000;

// Adds up readings of /proc/PID/schedstat. What a process took between its last reading and its end is in none.
class BackendCpuTally {
 public:
  // Those to be read now: the others have been idle since before they were read last.
  [[nodiscard]] std::vector<int> to_read(const std::vector<ServerProcess>& processes) const;
  // `cpu`: of those of to_read() that could be read, by pid. The first call only says where counting begins.
  void add(const std::vector<ServerProcess>& processes, const std::map<int, ProcessCpu>& cpu);
  // pgtend_backend_*, as of the last add().
  [[nodiscard]] std::vector<SeriesSample> samples(std::uint64_t epoch) const;

 private:
  using Key = std::pair<std::string, std::string>;  // backend type, database
  struct Reading {
    ProcessCpu cpu;
    std::string idle_since;
  };
  [[nodiscard]] bool rests(const ServerProcess& process) const;

  bool begun_ = false;
  std::map<int, Reading> last_;
  std::map<Key, ProcessCpu> sums_;
};

[[nodiscard]] std::vector<MetricDef> backend_cpu_metrics();

}  // namespace pgtend::collectors
