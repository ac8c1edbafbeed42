#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/history.hpp"
#include "agent/model/routing.hpp"
#include "agent/net/task.hpp"

namespace pgtend::api {

// A part of a rule's expression and what it gave when the alert fired.
struct ExplainedPart {
  std::string expr;
  std::vector<std::pair<std::string, double>> values;  // "{datname=\"shop\"}"; at most ten
  std::size_t more = 0;
  std::string error;  // instead of values
};

// Why an alert is what it is.
struct AlertExplanation {
  Alert alert;
  std::string muted;  // why nobody is told; empty: somebody is, or it does not fire
  UtcTime at;         // the moment looked at: when it fired, else when it became active
  std::vector<ExplainedPart> parts;
  std::vector<SeriesData> series;   // the rule's series around that moment, at most 200 samples each
  std::vector<std::string> causes;  // top contributors then
  std::vector<Change> changes;      // of pgtend in that window
};

// What people do with alerts; part of AgentView. Every method may answer unavailable, and not_found for an unknown id.
// REQUIRES: I/O thread; the object outlives the server.
class AlertView {
 public:
  virtual ~AlertView() = default;

  // By fingerprint or a unique prefix; with `at` the episode of that moment, which may be over. Errors: conflict (the
  // prefix is ambiguous).
  virtual net::TaskResult<AlertExplanation> explain_alert(std::string id, std::optional<UtcTime> at);
  // Keeps an alert from being told until a time, or until it is resolved. Errors: conflict (it is over).
  virtual net::TaskResult<Silence> acknowledge(std::string id, std::optional<UtcTime> until, std::string comment,
                                               std::string actor);
  virtual net::TaskResult<std::vector<Silence>> silences();
  // Errors: invalid_argument (no matcher, no end).
  virtual net::TaskResult<Silence> add_silence(Silence silence, std::string actor);
  virtual net::TaskResult<Silence> end_silence(std::string id, std::string actor);
  // A line for each way of the receiver.
  virtual net::TaskResult<std::vector<std::string>> test_receiver(std::string name, std::string actor);
  // Messages of the outbox in a state (queued, sent, dead, superseded), newest first.
  virtual net::TaskResult<std::vector<OutboxMessage>> notifications(std::string state, int limit);
};

}  // namespace pgtend::api
