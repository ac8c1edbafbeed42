#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/engine/parts.hpp"
#include "agent/engine/rule_set.hpp"
#include "agent/http/client.hpp"
#include "agent/model/alert.hpp"

namespace pgtend::engine {

// What one evaluation of a group gave, rule by rule.
struct GroupResult {
  std::shared_ptr<const RuleSet> rules;
  std::size_t group = 0;
  UtcTime at;
  std::vector<alerts::Evaluation> evaluations;  // as many as the group has rules
};

// The watching half of the path: evaluate -> alert -> deliver.
// REQUIRES: io thread; one evaluation of a group at a time.
class Alerting {
 public:
  // `blind` says why the collector behind a metric cannot be trusted now; empty: it can, or nobody makes the metric.
  Alerting(Parts& parts, std::function<std::string(const std::string& metric)> blind);

  // Takes a new set of rules; state of alerts whose group, name and labels are still there stays.
  void set_rules(std::shared_ptr<const RuleSet> rules);
  [[nodiscard]] std::shared_ptr<const RuleSet> rules() const { return rules_; }
  // Reads alerts back from the ledger exactly as they were. Errors: those of the ledger.
  net::TaskResult<std::size_t> restore();

  // evaluate: the group's expressions over history, in the blocking pool; recorded series go to history.
  net::TaskResult<GroupResult> evaluate(std::size_t group, UtcTime now);
  // alert: steps the life cycle; state and outbox rows are one transaction. Result: the alerts that changed.
  net::TaskResult<std::vector<Alert>> alert(GroupResult result);
  // deliver: sends what is due from the outbox, at most a batch. Result: how many were tried.
  net::TaskResult<std::size_t> deliver();
  // Queues what an Alertmanager must hear again before its endsAt lapses.
  net::TaskResult<std::size_t> resend();

  [[nodiscard]] std::vector<Alert> alerts() const;
  // When the evaluation of every group last succeeded: what a watchdog and a heartbeat look at.
  [[nodiscard]] UtcTime last_evaluation() const { return last_evaluation_; }

 private:
  struct RuleKey {
    std::string group, rule;
    auto operator<=>(const RuleKey&) const = default;
  };

  std::vector<OutboxMessage> messages_for(const std::vector<Alert>& changed, UtcTime now) const;
  OutboxMessage webhook_message(const config::WebhookReceiver& receiver, const std::string& rule,
                                const std::vector<Alert>& group, UtcTime now) const;
  OutboxMessage alertmanager_message(std::size_t index, const std::string& rule, const std::vector<Alert>& group,
                                     UtcTime now) const;
  net::Task<void> send(OutboxMessage message);

  Parts& parts_;
  std::function<std::string(const std::string&)> blind_;
  std::shared_ptr<const RuleSet> rules_;
  std::map<RuleKey, alerts::RuleAlerts> state_;
  std::shared_ptr<HistoryReader> reader_;
  http::Client client_;
  UtcTime last_evaluation_;
  std::uint64_t seed_;
};

}  // namespace pgtend::engine
