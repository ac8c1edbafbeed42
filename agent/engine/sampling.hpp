#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/collecting.hpp"
#include "agent/engine/pipeline.hpp"
#include "agent/engine/schedule.hpp"

namespace pgtend::engine {

// Runs the collectors by their schedule in three sequential lines, so that none waits for a slower kind: the probe,
// what is asked once per instance, and what roves from database to database. REQUIRES: io thread.
class Sampling {
 public:
  Sampling(Parts& parts, Collecting& collecting, Pipeline& pipeline, CostAccount& cost);

  enum class Line { probe, home, rove };
  net::Task<void> run(Line line);

  // Fits the schedule to the collectors and databases there are now; jobs that stay keep their phase.
  void reschedule();
  // Looks for new and dropped databases. Errors: those of the lane; what was known stays.
  net::TaskResult<std::size_t> discover();
  [[nodiscard]] const std::vector<std::string>& databases() const { return databases_; }

 private:
  [[nodiscard]] static Line line_of(const Schedule::Job& job);
  // The next job of a line: the one most overdue, but while several are due the rover stays in its database.
  [[nodiscard]] std::optional<std::size_t> pick(Line line, Deadline now) const;
  [[nodiscard]] Deadline wake_at(Line line, Deadline now) const;

  Parts& parts_;
  Collecting& collecting_;
  Pipeline& pipeline_;
  CostAccount& cost_;
  Schedule schedule_;
  std::vector<std::string> databases_;
  std::string roving_in_;
};

}  // namespace pgtend::engine
