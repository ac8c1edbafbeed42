#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/snapshot.hpp"
#include "alerts/template.hpp"

namespace pgtend::alerts {

// A rule with its texts compiled.
struct CompiledRule {
  Rule rule;
  std::string group;
  std::vector<std::pair<std::string, Template>> labels, annotations;
  int tolerate_gaps = 0;  // evaluations without a pending alert after which it goes on waiting all the same
};

// Annotations of a rule that are for pgtend; to Prometheus they are texts. How many evaluations in a row a pending
// alert may be missing (0 to 100), and an expression that a firing one has to be in before it may end, as long as what
// it compares is there.
inline constexpr const char* kTolerateGaps = "pgtend_tolerate_gaps";
inline constexpr const char* kResolveExpr = "pgtend_resolve_expr";

// Errors: parse, with file, line and what the template does not support; not retryable.
[[nodiscard]] Result<CompiledRule> compile(const Rule& rule, const std::string& group);

// The outcome of one evaluation. `known` false: the expression failed or a collector that it reads is blind; nothing
// may change state then, an alert least of all resolve.
struct Evaluation {
  bool known = true;
  std::string why_unknown;
  std::vector<Firing> firing;
  // What the rule compares, whether it fires or not; given where an alert of the rule fires, so that its end has a
  // value.
  std::vector<Firing> compared = {};
  std::optional<std::vector<Firing>> may_end = {};  // elements of the rule's kResolveExpr, where it has one
  // Alerts, by their key, whose series a run of a collector may have left out, and why: one that is not shown any more,
  // neither in `firing` nor in `compared`, may still hold.
  std::map<std::uint64_t, std::string> left_out = {};
  // Not known for want of its series: the collector that makes them is what fails, not the rule.
  bool blind = false;
  // For the rule's texts.
  QueryAnswers answers = {};
  std::string external_url = {};
};

// The answers that the rule's texts will ask for, by `query`; for an evaluation without them. Few are asked: beyond a
// hundred different questions the texts say so.
[[nodiscard]] QueryAnswers ask(const CompiledRule& rule, const Evaluation& evaluation, const Labels& external_labels,
                               const std::function<QueryAnswer(const std::string& expr)>& query);

// Gives every element the labels that it lacks: as Prometheus adds a target's labels to samples and its external labels
// to alerts, so that the alerts of two agents are two.
void add_labels(Evaluation& evaluation, const Labels& missing);

// All alerts of one rule, by the fingerprint of their labels.
using RuleAlerts = std::map<std::uint64_t, Alert>;

// How long a resolved alert is kept and resent. Source: Prometheus, rules/alerting.go, resolvedRetention.
inline constexpr Millis kResolvedRetention{15 * 60 * 1000};

// How long an alert stays as it is whose series is left out. Source: whoever is on duty has seen by then that it is
// not known; what it is about may be gone.
inline constexpr Millis kLeftOutRetention{24LL * 60 * 60 * 1000};

// Moves every alert of the rule one evaluation on: inactive -> pending -> firing -> resolved, with `for` and
// keep_firing_for as Prometheus defines them.
// Result: the alerts whose stored form changed (a caller saves exactly these); those removed have state inactive.
// Errors: invalid_argument when two elements have the same labels after the rule's labels are applied.
Result<std::vector<Alert>> step(const CompiledRule& rule, const Evaluation& evaluation, RuleAlerts& alerts, UtcTime now,
                                const Labels& external_labels);

// A pending alert that was not seen for longer than `tolerance` begins to wait anew: nobody knows what was meanwhile.
// Adds what changed to `changed`.
void restart_waits(RuleAlerts& alerts, UtcTime now, Millis tolerance, std::vector<Alert>& changed);

// The wall clock was set forward by so much, or the machine slept: what waits goes on waiting for what is left. Adds
// what changed to `changed`.
void shift_waits(RuleAlerts& alerts, Millis forward, std::vector<Alert>& changed);

// The alerts that a notification of this rule's group carries: firing ones, and those resolved since `since`.
[[nodiscard]] std::vector<Alert> notifiable(const RuleAlerts& alerts, UtcTime since);

// Adds the series that Prometheus keeps of a pending or firing alert: ALERTS, 1 with its labels and alertstate, and
// ALERTS_FOR_STATE, the moment at which its condition began, seconds since 1970.
void add_series(const Alert& alert, std::vector<SeriesSample>& to);

// The rule of these alerts is gone: nobody watches them any more, so they end. Adds what changed to `changed`.
void retire(RuleAlerts& alerts, UtcTime now, std::vector<Alert>& changed);

// "{}:{alertname=\"X\"}": the key by which messages are grouped, ordered and superseded.
[[nodiscard]] std::string group_key(const std::string& alertname);

}  // namespace pgtend::alerts
