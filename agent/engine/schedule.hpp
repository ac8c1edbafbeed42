#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/collector_def.hpp"

namespace pgtend::engine {

// How often a collector of this cost class really runs: B and C `slow_down` times less often than configured; class A
// is what alerting lives on and is never slowed.
[[nodiscard]] Millis slowed(Millis interval, CostClass cost, int slow_down);

// How often a collector runs of which a run costs the server so many seconds of CPU, beside a budget of so much of a
// core: at its interval, or less often, at most by half, where it takes more than its share.
[[nodiscard]] Millis paced(Millis interval, double cost_seconds, double cpu_ratio);

// The first values should be seen within seconds of a start, also those of hourly collectors.
inline constexpr Millis kFirstRunWithin{10'000};

// When which collector runs: intervals with a phase spread, one run at a time for each, slowed when the agent costs
// too much. Pure: time comes in as an argument.
class Schedule {
 public:
  using Key = std::pair<std::string, std::string>;  // collector, database
  struct Job {
    std::string collector;
    std::string database;  // empty: scope instance
    Millis interval{0};
    CostClass cost = CostClass::a;
    Deadline due;
    bool running = false;
    bool joins_beats = false;  // with the end of its next run
  };

  // Adds a job, first due within its interval (or `first_within`, if that is sooner) at a phase that is a hash of its
  // database, or of its name where it has none: a database is swept in one go, and a restart keeps the order. From its
  // first run on a job whose interval is a multiple of a beat is due at beats (beat.hpp), at which of them depends on
  // that hash; but for those of a longer `first_within`, which stay spread. Replaces one of the same name and database,
  // keeping its due time when the interval is the same.
  void add(std::string collector, std::string database, Millis interval, CostClass cost, Deadline now,
           Millis first_within = kFirstRunWithin);
  // Forgets the jobs that are not among these.
  void keep_only(const std::set<Key>& wanted);

  // Index of the longest overdue job that is not running; while there is one of `database`, the longest overdue of
  // those. `early`: those count, too, that are due within so long, or within a quarter of their interval where that is
  // less.
  [[nodiscard]] std::optional<std::size_t> next(Deadline now, const std::string& database,
                                                Millis early = Millis(0)) const;
  // Collectors of a database that next() would give now.
  [[nodiscard]] std::vector<std::string> due(Deadline now, const std::string& database, Millis early) const;
  void started(std::size_t job);
  // Of a run that has begun: with finished() it takes this interval, and keeps its beat.
  void set_interval(const std::string& collector, const std::string& database, Millis interval);
  // The next due time keeps the job's phase, once it has joined the beats; missed runs are skipped, not made up for.
  void finished(const std::string& collector, const std::string& database, Deadline now);

  // Due by then at the latest.
  void hasten(const std::string& collector, const std::string& database, Deadline by);

  // 1, 2, 4 or 8; see slowed().
  void set_slow_down(int factor) { slow_down_ = factor; }
  [[nodiscard]] int slow_down() const { return slow_down_; }
  [[nodiscard]] const std::vector<Job>& jobs() const { return jobs_; }

 private:
  [[nodiscard]] static bool is_due(const Job& job, Deadline now, Millis early);
  Job* find(const std::string& collector, const std::string& database);

  std::vector<Job> jobs_;
  std::map<Key, std::size_t> places_;  // in jobs_
  int slow_down_ = 1;
};

}  // namespace pgtend::engine
