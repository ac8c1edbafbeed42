#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/dispatching.hpp"
#include "agent/store/ledger.hpp"
#include "alerts/life_cycle.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/seeds.hpp"

namespace pgtend::test {

// What may go wrong, in percent of the chances it has.
struct Faults {
  int lost = 0;       // the request never arrives
  int lost_ack = 0;   // it arrives, the answer does not
  int busy = 0;       // 429, with or without Retry-After, or 503
  int kill = 0;       // the agent dies at a point of its path
  int disk_full = 0;  // a transaction fails
  int clock_jump = 0;
};

// Life cycle, dispatcher and a real ledger on a virtual clock, with receivers that keep what arrives. The daemon's own
// functions do the work; only their loop and the network are the test's.
class DeliveryWorld {
 public:
  DeliveryWorld(std::uint64_t seed, Faults faults, int flapping_per_hour);
  ~DeliveryWorld();
  DeliveryWorld(const DeliveryWorld&) = delete;
  DeliveryWorld& operator=(const DeliveryWorld&) = delete;

  // One evaluation round: conditions come and go, alerts step, groups flush, messages leave.
  void step(bool quiet);
  // No more faults; conditions stay as they are until everything that waits has arrived.
  void settle();

  struct Received {
    std::string integration, group_key;
    std::int64_t sequence = 0;
    nlohmann::json body;
  };
  struct Fired {
    std::string fingerprint;
    UtcTime at;
  };

  [[nodiscard]] const std::vector<Received>& received() const { return received_; }
  [[nodiscard]] const std::vector<Fired>& fired() const { return fired_; }
  [[nodiscard]] std::set<std::string> firing_now() const;
  // Fingerprints that fire, by what an integration was told.
  [[nodiscard]] std::set<std::string> told_firing(const std::string& integration) const;
  [[nodiscard]] int repeats_allowed() const { return repeats_allowed_; }
  [[nodiscard]] std::vector<std::string> integrations() const { return {"first/webhook/0", "second/webhook/0"}; }
  [[nodiscard]] std::size_t waiting();
  [[nodiscard]] int digests() const { return digests_; }

 private:
  void open();
  void die();
  bool save(const std::vector<Alert>& changed, const engine::DispatchPlan& plan);
  void evaluate(bool quiet);
  void flush();
  void deliver(bool quiet);
  // As if the bucket of one receiver were empty now.
  void combine();
  bool deliver_one(const OutboxMessage& message, bool quiet);
  [[nodiscard]] alerts::DispatchInputs inputs(const std::map<std::string, alerts::RuleAlerts>& states) const;
  [[nodiscard]] OutboxMessage render(const Notification& notification) const;
  alerts::Delivery receive(const OutboxMessage& message, bool quiet);

  std::uint64_t seed_;
  Dice dice_;
  Faults faults_;
  FakeClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<store::Ledger> ledger_;
  std::vector<alerts::CompiledRule> rules_;
  alerts::DispatchRules routes_;
  std::map<std::string, alerts::RuleAlerts> state_;
  DispatchState dispatch_;
  std::set<std::pair<std::string, std::string>> conditions_;  // rule, database
  std::vector<Received> received_;
  std::vector<Fired> fired_;
  int repeats_allowed_ = 0, digests_ = 0;
};

}  // namespace pgtend::test
