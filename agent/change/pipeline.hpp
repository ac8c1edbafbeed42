#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/change/kinds/pooler.hpp"
#include "agent/change/options.hpp"
#include "agent/change/progress.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/change.hpp"
#include "agent/model/history.hpp"
#include "agent/model/policy.hpp"
#include "agent/net/task.hpp"

namespace pgtend::pg {
class Lanes;
}
namespace pgtend::store {
class Ledger;
}

namespace pgtend::change {

struct PipelineParts {
  pg::Lanes& lanes;                     // outlives the pipeline
  store::Ledger& ledger;                // outlives the pipeline; used only on `store`
  net::asio::any_io_executor store;     // the store thread
  net::asio::any_io_executor blocking;  // statvfs and history reads
  const Clock& clock;
  std::function<PolicyConfig()> policy;
  // A reader of history.db; called and used on `blocking`.
  std::function<Result<std::unique_ptr<HistoryReader>>()> history;
  // Statements (queryids) of the plan's database that touch its tables; may be empty. Called on the I/O thread.
  std::function<std::vector<std::int64_t>(const ProposedChange&)> statements_touching;
  // The poolers whose pgbouncer.ini may be edited; may be empty. Called on the I/O thread.
  std::function<std::vector<Pooler>()> poolers;
  std::string actor = "agent";
  std::string instance;    // configured name of the server, label `instance`
  std::uint64_t seed = 0;  // of the jitter; 0: from the clock
  // Called before and after each state is recorded ("before applying>post_validated", "after >proposed") and after each
  // statement ("applying.step"); a test raises SIGKILL there. Empty in production.
  std::function<void(std::string_view point)> fault;
};

// The one way by which the server is changed: proposed, gated, applied, observed, kept or undone; every step audited.
// REQUIRES: made and used on the I/O thread; destroyed only after run() has returned.
class Pipeline {
 public:
  Pipeline(PipelineParts parts, PipelineOptions options);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Enters a recommendation with policy's answer: `automatic` is approved at once, `needs_approval` waits as proposed.
  // The plan is completed from the catalogs (owner, previous value, way back) before it is frozen and hashed.
  // Returns the open change of the same object and intent when there is one.
  // Errors: refused (decision recommend or refused, or a denied setting), invalid_argument (the plan is not of its
  // kind), not_found (its object does not exist); unavailable and timeout are retryable.
  net::TaskResult<Change> submit(Recommendation recommendation, Decision decision);

  // The plan with what the catalogs know of it, its statements included, as submit_plan() would enter it. Touches
  // nothing. Errors: not_found, refused and unsupported (its object is not fit), the lane's (retryable).
  net::TaskResult<ProposedChange> complete(ProposedChange plan);

  // Enters a person's own plan; it waits for approval. Errors as submit.
  net::TaskResult<Change> submit_plan(ProposedChange plan, std::string actor);

  // Errors: not_found; conflict when the hash is not that of the plan or the change is not proposed; refused while
  // changes are frozen. Not retryable.
  net::TaskResult<Change> approve(std::string id, std::string plan_hash, std::string actor);
  // Errors: not_found; conflict when work on it has begun.
  net::TaskResult<Change> reject(std::string id, std::string reason, std::string actor);
  // Takes back a kept or observing change with its sql_down, through the same gates; returns once it is recorded.
  // Errors: not_found; conflict in another state; unsupported when it has no way back.
  net::TaskResult<Change> undo(std::string id, std::string actor);

  // Brings every change that a crash left open to a safe state: looks first, then adopts, resumes, cleans or closes.
  // What cannot be settled at once (server unreachable, build still running) is settled by run().
  net::Task<void> recover();

  // Works until stop(): one change in flight per database, besides those that end a session.
  net::Task<void> run();
  // No new step is begun; a statement that runs is cancelled, cleaned and deferred. run() returns soon after.
  void stop();

  // Of a change whose statement runs now; nullopt otherwise.
  [[nodiscard]] std::optional<Progress> progress(const std::string& id) const;
  // What an open change waits for now, in words: "frozen by …", "change abc12345 is being observed on … until …";
  // empty: for nothing, or it has ended.
  net::Task<std::string> waits_for(Change change);
  // Takes effect with the next step.
  void set_options(PipelineOptions options);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgtend::change
