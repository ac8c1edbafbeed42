#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "agent/engine/cost_account.hpp"
#include "agent/engine/parts.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/store/active_sessions.hpp"
#include "collectors/postgres/active_sessions.hpp"

namespace pgtend::engine {

// What these samples become on /metrics and in rules.
[[nodiscard]] std::vector<MetricDef> active_session_metrics();
// pgtend_active_sessions of a bucket; above `most` series the smallest become kOther.
[[nodiscard]] std::vector<SeriesSample> active_session_samples(const store::SessionBucket& bucket, std::size_t most);

// The history of active sessions: samples who is active, every second by default, on the probe's session, so that no
// slower statement blinds it while the server is in trouble. It never opens that session itself: whether the server is
// up is for the probe to find out. REQUIRES: io thread.
class ActiveSessions {
 public:
  ActiveSessions(Parts& parts, CostAccount& cost);

  // Samples until it is cancelled.
  net::Task<void> loop();
  // Whether loop() samples; off until it is told.
  void enable(bool on) { on_ = on; }
  // One sample; that it failed is said by the next run.
  net::Task<void> sample();
  // A run of the collector: what was sampled since the last one goes to history, and its averages into the snapshot.
  void run(Snapshot& snapshot);
  // What the last sample could not see, and the cure; empty: it saw all.
  [[nodiscard]] std::string hidden_detail() const;
  // What its numbers cannot be trusted for is among its warnings. Errors: timeout, io.
  net::TaskResult<store::SessionReport> report(store::SessionQuestion question);

 private:
  [[nodiscard]] bool probe_is_up() const;
  net::TaskResult<collectors::SampledSessions> look();

  Parts& parts_;
  CostAccount& cost_;
  bool on_ = false, first_run_ = true;
  store::SessionTally tally_;
  // Those of the last minutes, which may not be in the file yet.
  std::deque<std::shared_ptr<const store::SessionBucket>> recent_;
  std::optional<Error> trouble_;  // of the last sample
  std::size_t hidden_ = 0;        // sessions of the last sample whose state this role may not see
};

}  // namespace pgtend::engine
