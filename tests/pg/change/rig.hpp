#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <string>

#include "agent/change/pipeline.hpp"
#include "agent/pg/lanes.hpp"
#include "agent/store/ledger.hpp"
#include "tests/pg/change/scripted_history.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"

namespace pgtend::test {

// One server of each version (0: Debian's) for all cases of this executable, and a fresh database "shop" for each.
PgCluster& shared_cluster(int major = 0);
void make_shop(PgCluster& cluster, int rows = 2'000);

ProposedChange index_plan(const std::string& name = "orders_customer_idx", const std::string& column = "customer_id",
                          const std::string& table = "orders");
// The same with what follows USING written by hand: "btree (lower(note))".
ProposedChange shaped_index_plan(const std::string& shape);
ProposedChange maintenance_plan(bool vacuum);
ProposedChange refresh_plan(bool concurrently);
ProposedChange system_setting_plan(const std::string& name, const std::string& value, bool restart = false);
ProposedChange role_setting_plan(const std::string& role, const std::string& name, const std::string& value);

// This machine's time, and what a test moves it by; steady time goes on.
class MovedClock final : public Clock {
 public:
  [[nodiscard]] UtcTime now() const override { return SystemClock().now() + Millis(by_ms_.load()); }
  [[nodiscard]] Deadline steady_now() const override { return SystemClock().steady_now(); }
  void move(Millis by) { by_ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> by_ms_{0};
};

// An agent's pipeline with everything that it needs, short intervals and a scripted history.
struct RigOptions {
  std::string ledger_file;
  std::map<std::string, std::string> monitor{};  // libpq's parameters; empty: the cluster's
  pg::ConnectSpec operator_{};                   // empty: as the monitor
  std::function<void(std::string_view)> fault{};
  double buffers = 0.2, wal = 1;  // effect of the change on the scripted target statements
  std::string freeze_file{};
  Millis wait_budget{10'000};
  std::function<std::vector<change::Pooler>(net::asio::any_io_executor blocking)> poolers{};
};

class Rig {
 public:
  Rig(PgCluster& cluster, RigOptions options);
  ~Rig();

  template <class T>
  T run(net::Task<T> task) {
    return world_.run(std::move(task));
  }
  // Works until `done` says so of this change, 30 s at most, then stops the pipeline; the change as it is then.
  Change drive(const std::string& id, const std::function<bool(const Change&)>& done);
  // The same until its state is final.
  Change drive(const std::string& id);
  Change get(const std::string& id);
  std::vector<AuditEntry> audit();
  // Proposed as a person's plan and approved.
  Change approved(ProposedChange plan);
  Change approved(Change change);

  change::Pipeline& pipeline() { return *pipeline_; }
  store::Ledger& ledger() { return *ledger_; }
  pg::Lanes& lanes() { return *lanes_; }
  PolicyConfig& policy() { return policy_; }
  IoWorld& world() { return world_; }
  MovedClock& clock() { return clock_; }
  change::PipelineOptions& options() { return options_; }
  void apply_options() { pipeline_->set_options(options_); }
  // A new pipeline on the same ledger, as after a restart of the agent.
  void restart();

 private:
  net::Task<Change> watch(std::string id, std::function<bool(const Change&)> done);

  RigOptions given_;
  MovedClock clock_;
  std::shared_ptr<ScriptedHistory::Script> script_;
  IoWorld world_;
  boost::asio::thread_pool store_{1};
  std::unique_ptr<store::Ledger> ledger_;
  std::unique_ptr<pg::Lanes> lanes_;
  PolicyConfig policy_;
  change::PipelineOptions options_;
  std::unique_ptr<change::Pipeline> pipeline_;
};

// An agent of its own process that leads `life` and is killed (SIGKILL, by itself) when it comes to `point`; throws
// when it ends in another way.
void run_until_killed(PgCluster& cluster, RigOptions options, const std::string& point,
                      const std::function<void(Rig&)>& life);
// The same for one that works on an approved change.
void run_agent_until(PgCluster& cluster, RigOptions options, const std::string& id, const std::string& point);
void run_agent_until(PgCluster& cluster, const std::string& ledger, const std::string& id, const std::string& point,
                     double buffers = 0.2);

// INVALID indexes anywhere in the database.
std::string invalid_indexes(PgCluster& cluster);
// "" when there is no index of this name; else its comment, or "-" without one.
std::string index_comment(PgCluster& cluster, const std::string& name);

}  // namespace pgtend::test
