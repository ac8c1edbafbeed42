#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "agent/engine/unread_samples.hpp"
#include "agent/model/history.hpp"
#include "rules/promql/evaluator.hpp"

// One run of a group of rules: each in its order, over history and over what those before it recorded in this run.
namespace pgtend::engine {

// Recorded metrics that cannot be trusted now, and why: their rule gave no answer, or was not looked at yet.
struct Untrusted {
  std::string why;
  bool blind = false;  // for want of what it reads, not by its own fault
};
using UntrustedRecords = std::map<std::string, Untrusted>;

struct GroupTask {
  std::shared_ptr<const RuleSet> rules;
  std::size_t group = 0;
  UtcTime at;
  std::set<std::size_t> only;  // places of the rules that are looked at out of turn; empty: the group
  // As many as the group has rules:
  std::vector<bool> fires;                         // an alert of it fires: if that ends now, the value is wanted too
  std::vector<std::string> blind;                  // why a collector that it reads cannot be trusted; empty: it can
  std::vector<std::vector<SeriesKey>> recorded{};  // what it recorded in the run before
  UntrustedRecords untrusted;
  // Why series may have been left out whose absence makes its results; empty: none were.
  std::vector<std::string> denied{};
  std::vector<std::map<std::uint64_t, std::string>> left_out{};  // see alerts::Evaluation
  std::vector<Unread> unread{};                                  // what history does not show yet, while it cannot
  // For the alerts: labels that every one has, and what their texts read.
  Labels alert_labels{}, external_labels{};
  std::string external_url{};
};

// Whose turn it is: groups by their place in the RuleSet, and the places of their rules that are looked at out of turn;
// empty: the whole group.
using RuleTurns = std::map<std::size_t, std::set<std::size_t>>;

// What one evaluation of a group, or of some of its rules, gave.
struct GroupResult {
  std::shared_ptr<const RuleSet> rules;
  std::size_t group = 0;
  UtcTime at;
  // As many as the group has rules; nullopt: it was not its turn.
  std::vector<std::optional<alerts::Evaluation>> evaluations;
  std::vector<std::chrono::nanoseconds> took;  // of each of them
  std::chrono::nanoseconds cpu{0};
  std::vector<std::vector<SeriesKey>> recorded;  // by each of them
};

// Blocks; one thread per reader. `options` has a clock. An expression that fails is no error: its evaluation is not
// known.
[[nodiscard]] GroupResult run_group(const GroupTask& task, HistoryReader& history, const promql::EvalOptions& options);

// The samples of the group's recording rules that were looked at; nullptr: none was.
[[nodiscard]] SnapshotPtr recorded_samples(const GroupResult& result);

// Takes what this run says of the group's recording rules.
void note_records(const GroupResult& result, UntrustedRecords& untrusted);

// Of rules that were just taken: nobody has looked at their records yet. What is known of those before stays.
[[nodiscard]] UntrustedRecords records_of(const RuleSet& rules, const RuleSet& before, const UntrustedRecords& known);

}  // namespace pgtend::engine
