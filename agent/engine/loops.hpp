#pragma once

#include <memory>
#include <string>

#include "agent/change/pipeline.hpp"
#include "agent/engine/advising.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/collecting.hpp"
#include "agent/engine/cost_account.hpp"
#include "agent/engine/engine.hpp"
#include "agent/engine/pipeline.hpp"
#include "agent/engine/remote_writing.hpp"
#include "agent/engine/rights.hpp"
#include "agent/engine/sampling.hpp"
#include "agent/engine/supervisor.hpp"
#include "agent/engine/view.hpp"

namespace pgtend::engine {

// The stages and the loops that drive them. REQUIRES: io thread; `parts` outlives it.
struct Rooms {
  Rooms(Parts& parts, const EngineOptions& options);

  // Reads collectors, rules and checks by the present configuration. Errors: config, with every wrong rule; what was
  // loaded before stays then.
  Result<void> load();
  void start(Supervisor& supervisor);

  Parts& parts;
  CostAccount cost;
  Collecting collecting;
  Alerting alerting;
  Advising advising;
  std::unique_ptr<change::Pipeline> changes;  // nullptr without a ledger
  Pipeline pipeline;
  Sampling sampling;
  View view;
  Rights rights;
  RemoteWriting remote_writing;

 private:
  net::Task<void> discover_loop();
  net::Task<void> rules_loop();
  net::Task<void> outbox_loop(Supervisor* supervisor);
  net::Task<void> heartbeat_loop();
  net::Task<void> advise_loop();
  net::Task<void> commit_loop();
  net::Task<void> watchdog_loop();
  net::Task<void> change_loop();
  net::Task<void> note_refreshes();
  void on_identity(const ServerIdentity& was, const ServerIdentity& is);

  UtcTime refreshes_noted_until_;
};

}  // namespace pgtend::engine
