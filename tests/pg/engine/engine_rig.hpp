#pragma once

#include <memory>
#include <string>
#include <utility>

#include "agent/engine/cost_account.hpp"
#include "agent/engine/parts.hpp"
#include "agent/engine/wiring.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"

namespace pgtend::test {

// This machine's time, and what a test moves it by.
class ShiftedClock final : public Clock {
 public:
  [[nodiscard]] UtcTime now() const override { return SystemClock().now() + by_; }
  [[nodiscard]] Deadline steady_now() const override { return SystemClock().steady_now() + by_; }
  void move(Millis by) { by_ += by; }

 private:
  Millis by_{0};
};

// What the engine gives one of its parts: real lanes to a cluster, a history in a real file, no ledger.
class EngineRig {
 public:
  explicit EngineRig(const PgCluster& cluster, const std::string& user = "postgres", config::ServerLogConfig logs = {})
      : config_(configured(cluster, user, std::move(logs))),
        lanes_(world_.io(), world_.blocking(), engine::lane_options(config_->postgresql), clock_, 1),
        history_(*store::HistoryFile::open(
            engine::history_options(config_->history), [](const std::function<void()>& job) { job(); }, clock_)),
        board_(api::BoardOptions{"test"}),
        parts_{clock_,
               world_.io(),
               world_.blocking(),
               world_.blocking(),
               world_.blocking(),
               world_.blocking(),
               config_,
               lanes_,
               *history_,
               nullptr,
               "",
               board_,
               {}},
        cost_({1, 1LL << 40}) {}
  ~EngineRig() { world_.run(lanes_.close()); }
  EngineRig(const EngineRig&) = delete;
  EngineRig& operator=(const EngineRig&) = delete;

  IoWorld& world() { return world_; }
  ShiftedClock& clock() { return clock_; }
  engine::Parts& parts() { return parts_; }
  engine::CostAccount& cost() { return cost_; }
  pg::Lanes& lanes() { return lanes_; }
  store::HistoryFile& history() { return *history_; }
  // Opens a lane's session, if it has none. Result: whether the server answered.
  bool connect(pg::Lane lane) {
    return world_.run(lanes_.query(lane, "", "test", "SELECT 1", {}, Millis(5'000))).has_value();
  }

 private:
  std::shared_ptr<const config::Config> configured(const PgCluster& cluster, const std::string& user,
                                                   config::ServerLogConfig logs) {
    config::Config out;
    out.postgresql.host = cluster.socket_dir();
    out.postgresql.port = cluster.port();
    out.postgresql.user = user;
    out.postgresql.logs = std::move(logs);
    out.history.path = (dir_.path() / "history.db").string();
    return std::make_shared<const config::Config>(std::move(out));
  }

  TempDir dir_{"pgtend-engine"};
  ShiftedClock clock_;
  IoWorld world_;
  std::shared_ptr<const config::Config> config_;
  pg::Lanes lanes_;
  std::unique_ptr<store::HistoryFile> history_;
  api::MetricsBoard board_;
  engine::Parts parts_;
  engine::CostAccount cost_;
};

}  // namespace pgtend::test
