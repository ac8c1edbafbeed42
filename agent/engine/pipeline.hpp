#pragma once

#include <set>
#include <string>

#include "agent/change/pipeline.hpp"
#include "agent/engine/advising.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/collecting.hpp"
#include "agent/engine/parts.hpp"

namespace pgtend::engine {

// The one path. Each arrow of the picture is one call in pipeline.cpp:
//
//   collect -> store -> evaluate -> alert -> deliver
//                |
//                +----> advise -> decide -> change -> verify -> keep | undo      every step -> audit
//
// REQUIRES: io thread.
class Pipeline {
 public:
  Pipeline(Parts& parts, Collecting& collecting, Alerting& alerting, Advising& advising, change::Pipeline* changes)
      : parts_(parts), collecting_(collecting), alerting_(alerting), advising_(advising), changes_(changes) {}

  net::Task<void> sample(std::string collector, std::string database);
  net::Task<void> watch(RuleTurns turns);
  net::Task<void> tend(std::string database);

  // decide: what policy says of a plan now, with what the ledger knows of the past. Errors: those of the ledger.
  net::TaskResult<Decision> decide(ProposedChange plan, Risk risk);

 private:
  void store(const SnapshotPtr& snapshot);
  // What an advisor leaves to the catalogs. Errors: why there is no such change, and the lane's.
  net::TaskResult<ProposedChange> complete(ProposedChange plan);
  net::TaskResult<bool> remember(Recommendation recommendation, Decision decision);
  net::Task<void> change(Recommendation recommendation, Decision decision);
  net::Task<void> publish(Advice advice, std::string database);

  Parts& parts_;
  Collecting& collecting_;
  Alerting& alerting_;
  Advising& advising_;
  change::Pipeline* changes_;  // nullptr without a ledger: then pgtend only recommends
};

}  // namespace pgtend::engine
