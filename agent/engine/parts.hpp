#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/api/metrics_board.hpp"
#include "agent/api/views.hpp"
#include "agent/config/config.hpp"
#include "agent/net/task.hpp"
#include "agent/pg/lanes.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/ledger.hpp"
#include "rules/promql/evaluator.hpp"

namespace pgtend::engine {

// Lets other threads go first; a thread that has done so stays so.
void lower_own_priority();

// What the stages of the path share. Owned by Engine; all of it outlives every stage. io thread only, except where the
// types themselves say otherwise.
struct Parts {
  const Clock& clock;
  net::asio::any_io_executor io, store, blocking;
  net::asio::any_io_executor sending;  // waits for receivers, each at most as long as its timeout
  net::asio::any_io_executor queries;  // what people and dashboards ask to be computed: it may wait, rules may not
  std::shared_ptr<const config::Config> config;  // replaced whole by a reload
  pg::Lanes& lanes;
  store::HistoryFile& history;
  store::Ledger* ledger = nullptr;  // nullptr: it could not be opened, so pgtend only recommends
  std::string ledger_error;
  api::MetricsBoard& board;
  api::ConfigView config_view{};                            // of the files as they were loaded last
  std::shared_ptr<const promql::Lookbacks> lookbacks = {};  // of what is sampled seldom

  // Runs what somebody asked to be computed, behind rules and samples where there are not cores enough for all.
  // `job` as for net::run_on.
  template <class Job>
  net::Task<std::invoke_result_t<Job&>> compute(Job job) {
    auto patient = [job = std::move(job)]() mutable {
      lower_own_priority();
      return job();
    };
    return net::run_on(queries, std::move(patient));
  }

  // Runs one ledger call on the store thread. `work` takes Ledger& and returns a Result.
  // Errors: unavailable when there is no ledger, and those of the call.
  template <class Work>
  net::Task<std::invoke_result_t<Work, store::Ledger&>> with_ledger(Work work) {
    using Answer = std::invoke_result_t<Work, store::Ledger&>;
    std::string why = ledger == nullptr ? ledger_error : std::string();
    auto job = [file = ledger, why = std::move(why), work = std::move(work)]() mutable -> Answer {
      if (file == nullptr) return Answer(fail(Errc::unavailable, "no ledger: " + why));
      return work(*file);
    };
    return net::run_on(store, std::move(job));
  }
};

}  // namespace pgtend::engine
