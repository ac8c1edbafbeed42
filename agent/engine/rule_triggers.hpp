#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/rule_set.hpp"
#include "agent/model/snapshot.hpp"

namespace pgtend::engine {

// Which alert rules are looked at before their group's turn: those that read a metric of which samples have just come
// that are not those of the run before, and those of which an alert has waited for its `for`. Recording rules keep
// their interval, because functions over a recorded range count its samples, and so do rules that read what rules
// record, or by a pattern of names. Bounded: samples that come close together make one round, and all rounds together
// cost no more than a share of a core. Pure: time comes in as an argument.
class RuleTriggers {
 public:
  // group and rule, by their places in the RuleSet
  using Place = std::pair<std::size_t, std::size_t>;

  // Takes a new set of rules and forgets everything of the one before.
  void set_rules(const RuleSet& rules);
  // What rounds may cost, of one core; until set, nothing is bounded.
  void set_budget(double cpu_ratio);

  // Samples have come: the rules that read metrics which changed are due, but for those of the group that made them,
  // which has just looked at them.
  void sampled(const SnapshotPtr& snapshot, Deadline now, std::optional<std::size_t> made_by = std::nullopt);
  // The first alert of this rule will have waited for `for` then; nullopt: none waits.
  void ripens(Place place, std::optional<Deadline> at);

  // When the next round is due; nullopt: nothing waits for one.
  [[nodiscard]] std::optional<Deadline> due() const;
  // The rules of a round that begins now, by group; empty when none is due.
  std::map<std::size_t, std::set<std::size_t>> take(Deadline now);
  // The whole group is looked at now: nothing of it waits any more.
  void took_group(std::size_t group);
  // What a round cost.
  void spent(Deadline now, std::chrono::nanoseconds cpu);

 private:
  void refill(Deadline now);
  [[nodiscard]] Deadline not_before() const;
  void note_metric(const std::string& name, Deadline now, std::optional<std::size_t> made_by);

  std::map<std::string, std::vector<Place>, std::less<>> readers_;   // by metric
  std::set<Place> in_turn_;                                          // rules that are looked at in their turn only
  std::map<std::pair<std::string, std::string>, SnapshotPtr> last_;  // run, by collector and database
  std::set<Place> sampled_;
  std::map<Place, Deadline> ripe_;
  std::optional<Deadline> sampled_at_;
  std::optional<Deadline> last_round_;
  double ratio_ = 0;   // 0: no bound
  double credit_ = 0;  // seconds of CPU that may be spent at once
  Deadline credited_at_{};
};

}  // namespace pgtend::engine
