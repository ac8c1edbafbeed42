#include "collectors/host/backend_cpu.hpp"

namespace pgtend::collectors {

namespace {

// Pairs of kind and database that are counted apart; the databases of later ones are `other`. Source: a dozen kinds,
// and the quota of series.
constexpr std::size_t kMostPairs = 100;
constexpr const char* kOtherDatabase = "other";

// A pid that comes again is another process when it has used less than before.
ProcessCpu since(const ProcessCpu& now, const ProcessCpu* before) {
  if (before == nullptr || now.on_cpu_seconds < before->on_cpu_seconds ||
      now.run_queue_seconds < before->run_queue_seconds)
    return now;
  return {now.on_cpu_seconds - before->on_cpu_seconds, now.run_queue_seconds - before->run_queue_seconds};
}

}  // namespace

std::string server_processes_sql() {
  return "SELECT a.pid, a.backend_type,"
         " (SELECT d.datname FROM pg_catalog.pg_database d WHERE d.oid = a.datid) AS datname,"
         " CASE WHEN a.state = 'idle' THEN a.state_change END AS idle_since"
         " FROM pg_catalog.pg_stat_get_activity(NULL) a LIMIT " +
         std::to_string(kMostProcesses);
}

std::vector<ServerProcess> read_server_processes(const RowSet& rows) {
  std::vector<ServerProcess> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto pid = static_cast<int>(rows.integer(i, "pid").value_or(0));
    if (pid > 0 && rows.get(i, "backend_type"))
      out.push_back({pid, rows.text(i, "backend_type"), rows.text(i, "datname"), rows.text(i, "idle_since")});
  }
  return out;
}

bool BackendCpuTally::rests(const ServerProcess& process) const {
  const auto before = last_.find(process.pid);
  return before != last_.end() && !process.idle_since.empty() && before->second.idle_since == process.idle_since;
}

std::vector<int> BackendCpuTally::to_read(const std::vector<ServerProcess>& processes) const {
  std::vector<int> out;
  for (const auto& process : processes)
    if (!rests(process)) out.push_back(process.pid);
  return out;
}

void BackendCpuTally::add(const std::vector<ServerProcess>& processes, const std::map<int, ProcessCpu>& cpu) {
  std::map<int, Reading> seen;
  for (const auto& process : processes) {
    if (rests(process)) {
      seen[process.pid] = last_[process.pid];
      continue;
    }
    const auto now = cpu.find(process.pid);
    if (now == cpu.end()) continue;
    Key key{process.backend_type, process.database};
    if (sums_.size() >= kMostPairs && !sums_.contains(key) && !key.second.empty()) key.second = kOtherDatabase;
    auto& sum = sums_[key];
    seen[process.pid] = {now->second, process.idle_since};
    const auto before = last_.find(process.pid);
    if (before == last_.end() && !begun_) continue;
    const auto more = since(now->second, before == last_.end() ? nullptr : &before->second.cpu);
    sum.on_cpu_seconds += more.on_cpu_seconds;
    sum.run_queue_seconds += more.run_queue_seconds;
  }
  last_ = std::move(seen);
  begun_ = true;
}

std::vector<SeriesSample> BackendCpuTally::samples(std::uint64_t epoch) const {
  std::vector<SeriesSample> out;
  for (const auto& [key, sum] : sums_) {
    const Labels labels{{"backend_type", key.first}, {"datname", key.second}};
    out.push_back({{"pgtend_backend_cpu_seconds_total", labels}, sum.on_cpu_seconds, MetricKind::counter, epoch});
    out.push_back(
        {{"pgtend_backend_run_queue_seconds_total", labels}, sum.run_queue_seconds, MetricKind::counter, epoch});
  }
  return out;
}

std::vector<MetricDef> backend_cpu_metrics() {
  constexpr const char* kSource = "/proc/PID/schedstat";
  return {
      {"pgtend_backend_cpu_seconds_total", MetricKind::counter, "seconds",
       "CPU time of the server's processes by backend type and database, since the agent was started.", kSource, ""},
      {"pgtend_backend_run_queue_seconds_total", MetricKind::counter, "seconds",
       "Time in which these processes could run and no processor was free.", kSource, ""}};
}

}  // namespace pgtend::collectors
