#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "agent/change/kinds/kind.hpp"
#include "agent/change/pipeline.hpp"
#include "agent/store/ledger.hpp"

// Inside agent/change: what every step of the pipeline shares. Used from the I/O thread only.
namespace pgtend::change {

struct Core {
  Core(PipelineParts given, PipelineOptions wanted) : parts(std::move(given)), options(std::move(wanted)) {}

  PipelineParts parts;
  PipelineOptions options;
  bool stopping = false;
  std::mt19937_64 random;
  std::map<std::string, Progress> progress;       // by change id, while it is applied or undone
  std::map<std::string, Deadline> resting;        // by change id: not looked at before
  std::map<std::string, std::string> trouble;     // by change id: what made it rest last, until its next state
  std::map<std::string, std::string> busy;        // change id -> database, while it is worked on
  std::map<std::string, Deadline> adopted_waits;  // by change id: since when an adopted build only waits for others
  std::map<std::string, Deadline> measured;       // by change id: its statements are not measured again before
  std::map<std::string, std::string> tripped;     // by change id: the hard trip that the last look saw
  std::set<std::string> told;                     // change ids whose waiting was said in the log

  void fault(std::string_view point) const {
    if (parts.fault) parts.fault(point);
  }
  // random(0, limit)
  [[nodiscard]] Millis jitter(Millis limit);
  void rest(const std::string& id, Millis time) { resting[id] = parts.clock.steady_now() + time; }
  [[nodiscard]] Deadline in(Millis time) const { return parts.clock.steady_now() + time; }
};

using CorePtr = std::shared_ptr<Core>;

// Changes of the whole instance take their locks in the home database.
[[nodiscard]] std::string acting_database(const Core& core, const ProposedChange& plan);
// Whether doing it twice is harmless, and what it did, even in vain, makes the object differ from what it was.
[[nodiscard]] bool is_repeatable(const ProposedChange& plan);
// Ends a session or its statement, and waits for no other change: that session may be what the other one waits for.
[[nodiscard]] bool is_signal(const ProposedChange& plan);
[[nodiscard]] Work work_of(const Core& core, const Change& change, bool reverse);

// A job with the ledger on the store thread; the value comes back to the I/O thread.
template <class Job>
net::Task<std::invoke_result_t<Job, store::Ledger&>> with_ledger(CorePtr core, Job job) {
  auto bound = [ledger = &core->parts.ledger, job = std::move(job)]() mutable { return job(*ledger); };
  return net::run_on(core->parts.store, std::move(bound));
}

// Stores `next` if the ledger still has the state `from`; with its audit row. Stamps updated_at.
net::TaskResult<Change> move(CorePtr core, Change next, ChangeState from, std::string action, std::string result,
                             std::string actor);

// The freeze switch, by file, configuration or ledger. Errors: the ledger's.
struct Freeze {
  bool on = false;
  std::string by, reason;
  std::optional<UtcTime> since;
  std::string cure;  // what lifts it, for a person
};
net::TaskResult<Freeze> read_freeze(CorePtr core);
// Who froze; empty: not frozen. Errors as above.
net::TaskResult<std::string> frozen_by(CorePtr core);
// "frozen by ann since 2026-11-23 12:30 UTC: audit week".
[[nodiscard]] std::string describe(const Freeze& freeze);
// "2026-11-23 12:30 UTC".
[[nodiscard]] std::string minute_text(UtcTime at);

// What policy says of an approved change now, and in words what it waits for; empty when it need not wait.
struct Weighed {
  Decision decision;
  std::string waits;
};
net::TaskResult<Weighed> weigh(CorePtr core, Change change);

// Whether policy lets this change be applied now; asked again right before each application.
enum class Leave { go, wait, closed };  // closed: the change was moved to another state
net::Task<Leave> ask_policy(CorePtr core, Change change);

// What an open change waits for now, in words; empty: for nothing, or it has ended. Moves nothing.
net::Task<std::string> waits_for(CorePtr core, Change change);

}  // namespace pgtend::change
