#include "agent/engine/cost_account.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/engine/backend_schedstat.hpp"

namespace pgtend::engine {

namespace {

// Long enough that one exact-size sweep does not count as a habit. Source: reference measurement method, 5-minute
// share.
constexpr std::chrono::minutes kWindow{5};
// A first judgement needs some readings; start-up work (probing, first sweep) is not a rate.
constexpr std::chrono::minutes kFirstJudgement{2};
constexpr int kLargestSlowDown = 8;

}  // namespace

void CostAccount::add(const Reading& reading, Deadline now) {
  for (const auto& [pid, seconds] : reading.backend_cpu_seconds) {
    const auto it = last_backend_.find(pid);
    // A new pid, or a pid that the system gave away again.
    const double before = it == last_backend_.end() || it->second > seconds ? 0 : it->second;
    backend_total_ += seconds - before;
  }
  last_backend_ = reading.backend_cpu_seconds;
  rss_ = reading.rss_bytes;
  points_.push_back({now, reading.agent_cpu_seconds, backend_total_});
  while (points_.size() > 2 && now - points_[1].at >= kWindow) points_.pop_front();

  const double seconds = std::chrono::duration<double>(now - points_.front().at).count();
  if (seconds <= 0) {
    decided_at_ = now;
    return;
  }
  agent_ratio_ = (points_.back().agent - points_.front().agent) / seconds;
  backend_ratio_ = (points_.back().backends - points_.front().backends) / seconds;
  const double total = agent_ratio_ + backend_ratio_;
  if (now - decided_at_ < (slow_down_ == 1 ? std::chrono::duration_cast<Millis>(kFirstJudgement)
                                           : std::chrono::duration_cast<Millis>(kWindow)))
    return;
  decided_at_ = now;
  over_budget_ = total > budget_.cpu_ratio || rss_ > budget_.rss_bytes;
  if (over_budget_) {
    slow_down_ = std::min(slow_down_ * 2, kLargestSlowDown);
  } else if (total < budget_.cpu_ratio / 2) {
    slow_down_ = std::max(slow_down_ / 2, 1);
  }
}

std::string CostAccount::describe() const {
  char cpu[96];
  std::snprintf(cpu, sizeof cpu, "%.2f %% of one core (agent %.2f, backends %.2f; budget %.2f), ",
                (agent_ratio_ + backend_ratio_) * 100, agent_ratio_ * 100, backend_ratio_ * 100,
                budget_.cpu_ratio * 100);
  return cpu + format_bytes(static_cast<double>(rss_)) + " resident (budget " +
         format_bytes(static_cast<double>(budget_.rss_bytes)) + ")" +
         (slow_down_ > 1 ? ", collectors of class B and C run " + std::to_string(slow_down_) + " times less often"
                         : "");
}

namespace {

std::int64_t resident_bytes(const std::string& proc) {
  std::ifstream file(proc + "/self/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("VmRSS:")) continue;
    std::istringstream fields(line.substr(6));
    std::int64_t kilobytes = 0;
    fields >> kilobytes;
    return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

CostAccount::Reading read_cost(const std::string& proc, const std::vector<int>& backend_pids) {
  CostAccount::Reading reading;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  reading.agent_cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  reading.rss_bytes = resident_bytes(proc);
  for (const auto& [pid, cpu] : read_schedstats(proc, backend_pids))
    reading.backend_cpu_seconds[pid] = cpu.on_cpu_seconds;
  return reading;
}

std::chrono::nanoseconds thread_cpu_time() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

}  // namespace pgtend::engine
