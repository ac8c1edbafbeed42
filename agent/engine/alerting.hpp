#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/clock_steps.hpp"
#include "agent/engine/dispatching.hpp"
#include "agent/engine/group_run.hpp"
#include "agent/engine/held_messages.hpp"
#include "agent/engine/pace.hpp"
#include "agent/engine/parts.hpp"
#include "agent/engine/rule_set.hpp"
#include "agent/engine/rule_triggers.hpp"
#include "agent/engine/store_wait.hpp"
#include "agent/engine/unread_samples.hpp"
#include "agent/http/client.hpp"
#include "agent/model/alert.hpp"
#include "agent/net/turnstile.hpp"
#include "agent/net/wakeup.hpp"

namespace pgtend::engine {

// When a group of the present rules was last evaluated, and how long that took.
struct GroupRun {
  UtcTime at;
  std::chrono::nanoseconds took{0};  // from the decision to the recorded series, waits for the blocking pool included
  std::vector<std::chrono::nanoseconds> rules;
};

// The watching half of the path: evaluate -> alert -> deliver.
// REQUIRES: io thread; one evaluation of a group at a time.
class Alerting {
 public:
  // `blind` says why the collector behind a metric cannot be trusted now; empty: it can, or nobody makes the metric.
  // `left_out` says why it may have left out series of the metric, those of an alert with such labels; empty: it has
  // not.
  using LeftOut = std::function<std::string(const std::string& metric, const Labels* alert)>;
  Alerting(Parts& parts, std::function<std::string(const std::string& metric)> blind, LeftOut left_out);

  // Takes a new set of rules, and the routes of the present configuration; state of alerts whose group, name and labels
  // are still there stays. Alerts whose rule is gone are resolved by the next dispatch().
  void set_rules(std::shared_ptr<const RuleSet> rules);
  [[nodiscard]] std::shared_ptr<const RuleSet> rules() const { return rules_; }
  // Reads alerts, groups and silences back from the ledger exactly as they were. Errors: those of the ledger.
  net::TaskResult<std::size_t> restore();

  // evaluate: the expressions of these rules over history, in the blocking pool; recorded series go to history.
  net::TaskResult<std::vector<GroupResult>> evaluate(RuleTurns turns, UtcTime now);
  // alert: steps the life cycle; state, groups and outbox rows are one transaction. Result: the alerts that changed.
  net::TaskResult<std::vector<Alert>> alert(GroupResult result);
  // Gives samples to history; the rules that read them are due, see RuleTriggers, unless these are `quiet`.
  void store(const SnapshotPtr& snapshot, std::optional<std::size_t> made_by = std::nullopt, bool quiet = false);
  // Rules to be looked at out of turn, and what ends the sleep of who does that.
  [[nodiscard]] RuleTriggers& triggers() { return triggers_; }
  [[nodiscard]] net::Wakeup& wakeup() { return wakeup_; }
  // Whether the disk of history and ledger holds up what was asked of it: rules and messages go on from memory.
  [[nodiscard]] bool disk_stalls() { return store_.is_stalled(); }
  // Parts::with_ledger() for whoever must go on meanwhile.
  // Errors: unavailable when there is no ledger, timeout when its disk does not answer, and those of the call.
  template <class Work>
  net::Task<std::invoke_result_t<Work, store::Ledger&>> with_ledger(Work work,
                                                                    StoreWait::Late late = StoreWait::Late::never) {
    using Answer = std::invoke_result_t<Work, store::Ledger&>;
    if (parts_.ledger == nullptr) co_return Answer(fail(Errc::unavailable, "no ledger: " + parts_.ledger_error));
    auto job = [file = parts_.ledger, work = std::move(work)]() mutable -> Answer { return work(*file); };
    auto answer = co_await store_.run(std::move(job), late);
    if (answer) co_return std::move(*answer);
    co_return Answer(fail(Errc::timeout, "the disk of the ledger does not answer", true));
  }
  // Flushes the groups whose time has come, ends silences and alerts that are over. Result: messages made.
  net::TaskResult<std::size_t> dispatch();
  // What is due for one way out of the agent, in its order: what memory holds, then what the outbox gave.
  struct Batch {
    std::string receiver;
    std::vector<OutboxMessage> held, claimed;
  };
  // deliver: takes what is due. Nobody waits for a receiver that does not answer but what is for itself: it gets
  // nothing more until send() of what was taken before has ended.
  net::Task<std::vector<Batch>> take_due();
  net::Task<void> send(Batch batch);
  // Ends the sleep of who delivers.
  [[nodiscard]] net::Wakeup& outbox() { return outbox_; }
  // Queues what an Alertmanager must hear again before its endsAt lapses.
  net::TaskResult<std::size_t> resend();
  // Calls the heartbeat's address if rules were evaluated and the outbox was worked on lately. Result: whether it did.
  net::TaskResult<bool> heartbeat();

  // A person's acts; each is audited. Errors: not_found, invalid_argument, unavailable (no ledger).
  net::TaskResult<Silence> add_silence(Silence silence, std::string actor);
  net::TaskResult<Silence> end_silence(std::string id, std::string actor);
  // A silence of exactly this alert; `until` absent: until it is resolved.
  net::TaskResult<Silence> acknowledge(std::string id, std::optional<UtcTime> until, std::string comment,
                                       std::string actor);
  // Sends a marked message to each way of a receiver, past outbox and routes. Result: a line for each.
  net::TaskResult<std::vector<std::string>> test_receiver(std::string name, std::string actor);

  [[nodiscard]] std::vector<Alert> alerts() const;
  // The labels of those that wait or fire.
  [[nodiscard]] std::vector<Labels> watched() const;
  // By fingerprint or a unique prefix of it. Errors: not_found, conflict (the prefix is ambiguous).
  [[nodiscard]] Result<Alert> find(const std::string& id) const;
  [[nodiscard]] const std::vector<Silence>& silences() const { return silences_; }
  // Why a firing alert is not told by any of its routes; nullopt: at least one tells it, or it does not fire.
  [[nodiscard]] std::optional<std::string> muted(const Alert& alert) const;
  // Of a rule by its labels rule and group, in Prometheus's words: ok, err, or unknown while a collector is blind.
  [[nodiscard]] std::string health(const Labels& rule) const;
  // Why it is not "ok"; empty when it is.
  [[nodiscard]] std::string why_unhealthy(const Labels& rule) const;
  // Of the group at this place of rules(); nullopt: not evaluated since these rules were taken.
  [[nodiscard]] std::optional<GroupRun> last_run(std::size_t group) const;
  // When the evaluation of every group last succeeded: what a watchdog and a heartbeat look at.
  [[nodiscard]] UtcTime last_evaluation() const { return last_evaluation_; }

 private:
  struct RuleKey {
    std::string group, rule;
    auto operator<=>(const RuleKey&) const = default;
  };
  using States = std::map<RuleKey, alerts::RuleAlerts>;

  [[nodiscard]] alerts::DispatchInputs inputs(const States& states) const;
  // What becomes of alerts that changed, alertmanagers included. `states` are those after the change.
  [[nodiscard]] DispatchPlan plan(const States& states, const std::vector<Alert>& changed, UtcTime now) const;
  [[nodiscard]] OutboxMessage render(const Notification& notification, UtcTime now) const;
  [[nodiscard]] OutboxMessage alertmanager_message(std::size_t index, const RuleKey& rule,
                                                   const std::vector<Alert>& group, UtcTime now) const;
  net::TaskResult<bool> save(std::vector<Alert> changed, DispatchPlan plan);
  // While the ledger takes nothing, messages are sent from memory: see alert_unsaved.cpp.
  // Whether an error of the ledger is of its disk, not of what it was asked.
  [[nodiscard]] static bool cannot_write(const Error& error);
  void hold(std::vector<OutboxMessage> messages, const std::string& why);
  // Puts what the ledger could not take before what it is to take now.
  void add_missed(std::vector<Alert>& changed, DispatchPlan& plan) const;
  // Whether memory told this, or something newer of its group, or is about to: the ledger may have taken it, late.
  [[nodiscard]] bool is_told_from_memory(const OutboxMessage& message) const;
  net::Task<void> send_held(OutboxMessage message);
  net::Task<void> add_facts(std::vector<Alert>* changed, UtcTime now);
  [[nodiscard]] std::string server_error() const;
  [[nodiscard]] std::vector<alerts::RuleAlerts> by_rule(const LoadedGroup& group, const States& states) const;
  // Of each of a rule's alerts that a run may have left out, why.
  [[nodiscard]] std::map<std::uint64_t, std::string> left_out(const LoadedRule& rule,
                                                              const alerts::RuleAlerts& alerts) const;
  [[nodiscard]] GroupTask task_for(std::size_t group, UtcTime now, std::set<std::size_t> only) const;
  net::TaskResult<std::vector<GroupResult>> run_rules(RuleTurns turns, UtcTime now);
  void note_evaluated(GroupResult& result, bool whole, Deadline began);
  // ALERTS and ALERTS_FOR_STATE of one group, by its id. `news`: rules that read them are due.
  void store_alert_series(const std::string& group, const States& states, UtcTime at, bool news);
  // As it is kept now; nothing: it is not.
  [[nodiscard]] std::optional<AlertState> state_before(const Alert& alert) const;
  void note_waiting(RuleTriggers::Place place, const LoadedRule& rule, const alerts::RuleAlerts& alerts,
                    const alerts::Evaluation& evaluation, UtcTime now);
  net::Task<void> refresh_expected();
  net::TaskResult<std::size_t> retire();
  void follow_clock(std::vector<Alert>& changed);
  net::Task<void> note_last_looks();
  net::Task<void> end_silences(UtcTime now);
  // Tells one way of a receiver the test message, past outbox and routes. Result: what became of it, a line.
  net::Task<std::string> try_way(std::string receiver, std::string id, bool opens_incident, UtcTime now);
  net::TaskResult<net::Turnstile::Permit> turn();
  [[nodiscard]] bool standby() const;
  // The place of the Alertmanager that a message is for; nullopt: it is for a receiver.
  [[nodiscard]] static std::optional<std::size_t> alertmanager_index(const std::string& receiver);
  void note_reach(std::size_t alertmanager, const alerts::Delivery& outcome);
  net::Task<void> send(OutboxMessage message);
  // How many messages each way may get now.
  [[nodiscard]] std::map<std::string, int> allowance(Deadline now);
  net::TaskResult<std::vector<OutboxMessage>> claim_due();
  net::TaskResult<bool> look_at_outbox();
  net::Task<void> combine_waiting(Deadline now);
  net::Task<alerts::Delivery> attempt(const OutboxMessage* message);
  net::Task<void> finish(OutboxMessage message, alerts::Delivery outcome);
  [[nodiscard]] std::vector<OutboxMessage> dead_letters(const OutboxMessage& message, const std::string& reason) const;
  void note_health(const Labels& rule, const alerts::Evaluation& evaluation);
  void publish_outbox(const store::OutboxStats& stats);
  net::Task<void> read_dropped();
  void add_dropped(Notification& notification) const;
  net::Task<void> note_dropped_told(const std::vector<OutboxMessage>* told);
  void note_changes(const std::vector<Change>& changes);
  // What became of the predictions of each class, read again after each change that ended.
  net::Task<void> note_track_records(const std::vector<Change>* changes);
  // Queues the change events that are not in the outbox yet.
  net::Task<void> tell_changes(const std::vector<Change>* changes);
  net::Task<void> count_rule_series();

  Parts& parts_;
  std::function<std::string(const std::string&)> blind_;
  LeftOut left_out_;
  std::shared_ptr<const RuleSet> rules_;
  RuleTriggers triggers_;
  net::Wakeup wakeup_, outbox_;
  States state_;
  net::Turnstile turnstile_{1};  // one change of state_ and dispatch_ at a time
  alerts::DispatchRules routes_;
  DispatchState dispatch_;
  std::vector<Silence> silences_;
  std::vector<alerts::ExpectedByChange> expected_;
  std::map<std::string, Deadline> expected_until_;  // by change, also after it has ended
  Deadline expected_due_, stats_due_, rule_series_due_;
  std::map<Labels, double> rule_series_;
  std::vector<SeriesSample> change_samples_, record_samples_;
  std::optional<UtcTime> records_until_;                      // the newest end of a change that they know
  std::optional<std::set<std::string>> told_changes_;         // nullopt: the outbox was not asked yet
  std::map<std::size_t, GroupRun> runs_;                      // by the group's place in rules_
  std::map<Labels, std::string> failed_rules_, blind_rules_;  // by how the last evaluation gave no answer; why
  UntrustedRecords untrusted_;
  std::map<std::size_t, std::vector<std::vector<SeriesKey>>> recorded_;  // in the last run, by group and rule
  std::set<std::string> with_alert_series_;                              // groups, by id
  ClockSteps clock_steps_;
  bool restored_ = false, retire_due_ = false, readmit_due_ = false;
  std::map<std::string, Pace> paces_;                  // by integration
  std::set<std::string> busy_;                         // integrations that have not answered yet
  std::map<std::size_t, Deadline> unreachable_since_;  // Alertmanagers, by index
  std::set<std::size_t> reached_;
  std::set<std::string> digests_;                               // integrations for which a digest waits
  std::map<std::string, std::int64_t> dropped_, dropped_told_;  // messages, by integration
  HeldMessages held_;
  std::map<std::pair<std::string, std::string>, std::int64_t> told_held_;  // the last sequence, by receiver and group
  bool ledger_behind_ = false;           // it lacks alerts or messages that are in memory
  std::set<std::string> ended_unsaved_;  // groups whose end it lacks
  StoreWait store_;
  UnreadSamples unread_;
  std::shared_ptr<HistoryReader> reader_;
  http::Client client_;
  UtcTime last_evaluation_, last_delivery_;
  std::int64_t uncounted_dead_ = 0;  // refused for good while the ledger took nothing
  bool stood_by_ = false;            // at the dispatch before
  std::uint64_t seed_;
};

}  // namespace pgtend::engine
