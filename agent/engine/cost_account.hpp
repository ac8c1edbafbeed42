#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"

namespace pgtend::engine {

// What the agent itself costs: its own CPU and that of its PostgreSQL backends (/proc/PID/schedstat), memory, queries
// and series; over budget it asks for a slow-down. Pure but for what is handed in.
class CostAccount {
 public:
  struct Reading {
    double agent_cpu_seconds = 0;               // since process start
    std::map<int, double> backend_cpu_seconds;  // by pid, since backend start
    std::int64_t rss_bytes = 0;
  };
  struct Budget {
    double cpu_ratio = 0.005;  // of one core
    std::int64_t rss_bytes = 64 << 20;
  };

  explicit CostAccount(Budget budget) : budget_(budget) {}
  void set_budget(Budget budget) { budget_ = budget; }
  [[nodiscard]] const Budget& budget() const { return budget_; }

  // Adds a reading and decides on the slow-down factor: doubled (at most 8) when the window's mean is over budget, and
  // halved when it is below half of it, at most once a window.
  void add(const Reading& reading, Deadline now);
  void count_query() { ++queries_; }

  [[nodiscard]] double agent_cpu_ratio() const { return agent_ratio_; }
  [[nodiscard]] double backend_cpu_ratio() const { return backend_ratio_; }
  [[nodiscard]] std::int64_t rss_bytes() const { return rss_; }
  [[nodiscard]] std::uint64_t queries() const { return queries_; }
  [[nodiscard]] int slow_down() const { return slow_down_; }
  [[nodiscard]] bool over_budget() const { return over_budget_; }
  // One sentence for a person: what is over which budget, or that it is inside.
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] double backend_cpu_seconds() const { return backend_total_; }

 private:
  struct Point {
    Deadline at;
    double agent = 0, backends = 0;
  };
  Budget budget_;
  std::deque<Point> points_;
  std::map<int, double> last_backend_;
  double backend_total_ = 0;
  double agent_ratio_ = 0, backend_ratio_ = 0;
  std::int64_t rss_ = 0;
  std::uint64_t queries_ = 0;
  int slow_down_ = 1;
  bool over_budget_ = false;
  Deadline decided_at_{};
};

// Reads getrusage, /proc/self/status and /proc/PID/schedstat of the given backends (skipping those that are not ours to
// read or on another host).
[[nodiscard]] CostAccount::Reading read_cost(const std::string& proc, const std::vector<int>& backend_pids);

// The CPU time that the calling thread has taken: differences of it are what a piece of work cost.
[[nodiscard]] std::chrono::nanoseconds thread_cpu_time();

}  // namespace pgtend::engine
