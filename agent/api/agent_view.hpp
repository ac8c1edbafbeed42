#pragma once

#include <string>
#include <vector>

#include "agent/api/history_page.hpp"
#include "agent/api/views.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/history.hpp"
#include "agent/net/task.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/integrity.hpp"

namespace pgtend::api {

// The agent as the API sees it; the engine implements it. Every method may answer unavailable (starting, stopping; the
// API says 503) and not_found for an id that it does not know. `actor` is Identity::name and goes to the audit.
// REQUIRES: I/O thread; the object outlives the server.
class AgentView {
 public:
  virtual ~AgentView() = default;

  virtual net::TaskResult<StatusView> status() = 0;
  virtual net::TaskResult<std::vector<Finding>> findings() = 0;
  virtual net::TaskResult<std::vector<RecommendationView>> recommendations() = 0;
  virtual net::TaskResult<RecommendationView> recommendation(std::string id) = 0;
  // Newest first.
  virtual net::TaskResult<std::vector<Change>> changes(bool open_only, int limit) = 0;
  virtual net::TaskResult<Change> change(std::string id) = 0;
  virtual net::TaskResult<ChangeProgress> change_progress(std::string id) = 0;
  virtual net::TaskResult<std::vector<Alert>> alerts() = 0;
  // Entries with sequence >= from, ascending.
  virtual net::TaskResult<std::vector<AuditEntry>> audit(std::int64_t from, int limit) = 0;
  virtual net::TaskResult<AuditVerification> audit_verify() = 0;
  // What of history is kept, how long and at what size.
  virtual net::TaskResult<store::StorageReport> history_report() = 0;
  // Reads all of history.db and checks every sum. Seconds for a large file.
  virtual net::TaskResult<store::IntegrityReport> history_check() = 0;
  // Copies history.db to a new file on the agent's machine. Errors: conflict (it exists), unavailable (there is none).
  virtual net::TaskResult<std::string> history_backup(std::string to) = 0;

  // Makes the change of a recommendation and approves it. Errors: conflict (the plan's hash is another by now, or a
  // change is open), refused (policy, freeze, standby).
  virtual net::TaskResult<Change> approve_recommendation(std::string id, std::string plan_hash, std::string actor) = 0;
  // Approves a proposed change. Errors: as above, conflict also for another state.
  virtual net::TaskResult<Change> approve(std::string id, std::string plan_hash, std::string actor) = 0;
  virtual net::TaskResult<Change> reject(std::string id, std::string reason, std::string actor) = 0;
  // Takes a kept or observed change back. Errors: conflict (state), refused (no way back).
  virtual net::TaskResult<Change> undo(std::string id, std::string actor) = 0;
  // A person's own plan enters the same pipeline as a proposed change. Errors: invalid_argument, refused, conflict.
  virtual net::TaskResult<Change> propose(ProposedChange plan, std::string actor) = 0;
  virtual net::TaskResult<FreezeView> set_freeze(bool frozen, std::string reason, std::string actor) = 0;

  // Errors: parse and invalid_argument (the expression), unsupported (a construct by name), resource_exhausted.
  virtual net::TaskResult<QueryResult> query(std::string expr, UtcTime at) = 0;
  virtual net::TaskResult<QueryResult> query_range(std::string expr, TimeRange range, Millis step) = 0;
  // Keys of stored series that match one of the selectors ("name{a=\"b\"}"); none given: all.
  virtual net::TaskResult<std::vector<SeriesKey>> history_series(std::vector<std::string> selectors,
                                                                 TimeRange range) = 0;
  // Stored samples of those series, a page at a time.
  virtual net::TaskResult<HistoryPage> history_page(std::vector<std::string> selectors, TimeRange range,
                                                    std::optional<PageCursor> cursor) = 0;
};

}  // namespace pgtend::api
