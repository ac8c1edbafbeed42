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

// What the stages of the path share. Owned by Engine; all of it outlives every stage. io thread only, except where the
// types themselves say otherwise.
struct Parts {
  const Clock& clock;
  net::asio::any_io_executor io, store, blocking;
  std::shared_ptr<const config::Config> config;  // replaced whole by a reload
  pg::Lanes& lanes;
  store::HistoryFile& history;
  store::Ledger* ledger = nullptr;  // nullptr: it could not be opened, so pgtend only recommends
  std::string ledger_error;
  api::MetricsBoard& board;
  api::ConfigView config_view{};                            // of the files as they were loaded last
  std::shared_ptr<const promql::Lookbacks> lookbacks = {};  // of what is sampled seldom

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
