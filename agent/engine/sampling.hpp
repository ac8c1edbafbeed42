#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/collecting.hpp"
#include "agent/engine/pipeline.hpp"
#include "agent/engine/schedule.hpp"
#include "agent/engine/supervisor.hpp"
#include "agent/net/wakeup.hpp"

namespace pgtend::engine {

// Runs the collectors by their schedule in sequential lines, so that none waits for a slower kind: the probe, what is
// asked once per instance, what roves from database to database, and one for each neighbour. REQUIRES: io thread.
class Sampling {
 public:
  Sampling(Parts& parts, Collecting& collecting, Pipeline& pipeline, CostAccount& cost);

  // Runs every line as a task. REQUIRES: the supervisor outlives the tasks.
  void start(Supervisor& supervisor);

  // Fits the schedule to the collectors and databases there are now; jobs that stay keep their phase.
  void reschedule();
  // Looks for new and dropped databases. Errors: those of the lane; what was known stays.
  net::TaskResult<std::size_t> discover();
  [[nodiscard]] const std::vector<std::string>& databases() const { return databases_; }
  // Ends the session that somebody else, advice's checks for one, left in a database; a sweep that goes on keeps its
  // own, and so does a rover that stays.
  void leave();

 private:
  void use(std::vector<std::string> databases);
  // "probe", "home", "rove", or the name of a neighbour's collector.
  using Line = std::string;
  net::Task<void> run(Line line);
  net::Task<void> run_next(Line line, std::size_t job);
  // What can be asked in one go of the line's jobs that are due, in the database of this one.
  net::Task<void> ask_ahead(Line line, std::size_t job);
  [[nodiscard]] Line line_of(const std::string& collector, const std::string& database) const;
  // A line for each neighbour that has none yet.
  void start_lines();
  // Ends the sweep. Whether its session stays in its database: it does where that is the only one to rove to, and
  // others have sessions there, too.
  net::Task<bool> end_sweep();
  [[nodiscard]] static Deadline wake_at(const Schedule& schedule, Deadline now);

  Parts& parts_;
  Collecting& collecting_;
  Pipeline& pipeline_;
  CostAccount& cost_;
  struct LineJobs {
    Schedule schedule;
    net::Wakeup changed;  // rung when it has other jobs than before
  };
  std::map<Line, LineJobs> lines_;
  std::vector<std::string> databases_;
  std::string roving_in_;
  bool stays_ = false;  // the rover, between two sweeps
  Supervisor* supervisor_ = nullptr;
  std::set<Line> neighbours_;  // lines of neighbours that run
};

}  // namespace pgtend::engine
