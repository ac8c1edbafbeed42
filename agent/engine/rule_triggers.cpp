#include "agent/engine/rule_triggers.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace pgtend::engine {

namespace {

// Half of the second within which a broken rule is told: samples that come closer together share a round.
constexpr Millis kRoundGap{500};
// The agent's budget is for all that it does; rules looked at out of turn get half of it.
constexpr double kShareOfBudget = 0.5;
// What was not spent in so long is there for a moment in which much breaks. Source: the agent's own cost is judged by
// the mean of a minute (cost_account.cpp).
constexpr double kCreditSeconds = 60;

bool has_fixed_name(const std::vector<Matcher>& selector) {
  return std::any_of(selector.begin(), selector.end(), [](const Matcher& matcher) {
    return matcher.label() == "__name__" && matcher.op() == MatchOp::equal;
  });
}
bool names_all_it_reads(const promql::Expr& expr) {
  const auto selectors = promql::selectors(expr);
  return std::all_of(selectors.begin(), selectors.end(), has_fixed_name);
}

// Metrics that rules make, and the groups that record them; ALERTS is of no group in particular.
using Recorded = std::map<std::string, std::set<std::size_t>, std::less<>>;

Recorded recorded_by(const RuleSet& rules) {
  Recorded out{{"ALERTS", {}}, {"ALERTS_FOR_STATE", {}}};
  for (std::size_t group = 0; group < rules.groups.size(); ++group)
    for (const auto& rule : rules.groups[group].rules)
      if (rule.compiled.rule.kind == RuleKind::record) out[rule.compiled.rule.name].insert(group);
  return out;
}

// What rules recorded in their turn is older than a sample that has just come: a rule that reads both would compare
// two moments, find differences that never were and miss those that are.
bool needs_its_turn(const LoadedRule& rule, std::size_t group, const Recorded& recorded) {
  if (!names_all_it_reads(*rule.expr) || (rule.resolve && !names_all_it_reads(*rule.resolve))) return true;
  return std::any_of(rule.metrics.begin(), rule.metrics.end(), [&](const std::string& metric) {
    const auto made = recorded.find(metric);
    return made != recorded.end() && (rule.metrics.size() > 1 || made->second.contains(group));
  });
}

}  // namespace

namespace {

// Equal to what the run before brought, which the rules have seen. Counters that began anew are not.
bool is_unchanged(const SeriesSample& now, const SeriesSample& before) {
  return std::bit_cast<std::uint64_t>(now.value) == std::bit_cast<std::uint64_t>(before.value) &&
         now.epoch == before.epoch && now.key == before.key;
}

}  // namespace

void RuleTriggers::set_rules(const RuleSet& rules) {
  readers_.clear();
  in_turn_.clear();
  sampled_.clear();
  ripe_.clear();
  sampled_at_.reset();
  const auto recorded = recorded_by(rules);
  for (std::size_t group = 0; group < rules.groups.size(); ++group) {
    const auto& members = rules.groups[group].rules;
    for (std::size_t rule = 0; rule < members.size(); ++rule) {
      if (needs_its_turn(members[rule], group, recorded)) in_turn_.emplace(group, rule);
      // A query that looks back does not see a sample that has just come.
      if (members[rule].compiled.rule.kind != RuleKind::alert || rules.groups[group].query_offset > Millis(0)) continue;
      if (in_turn_.contains({group, rule})) continue;
      for (const auto& metric : members[rule].metrics) readers_[metric].emplace_back(group, rule);
    }
  }
}

void RuleTriggers::set_budget(double cpu_ratio) {
  const bool first = ratio_ <= 0;
  ratio_ = cpu_ratio * kShareOfBudget;
  credit_ = first ? ratio_ * kCreditSeconds : std::min(credit_, ratio_ * kCreditSeconds);
}

void RuleTriggers::sampled(const SnapshotPtr& snapshot, Deadline now, std::optional<std::size_t> made_by) {
  const auto before = std::exchange(last_[{snapshot->collector, snapshot->database}], snapshot);
  const auto& samples = snapshot->samples;
  // Another number of series: some are new, or gone.
  const bool same = before != nullptr && before->samples.size() == samples.size();
  const std::string* noted = nullptr;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (same && is_unchanged(samples[i], before->samples[i])) continue;
    const auto& name = samples[i].key->name;
    // Samples of one metric follow each other.
    if (noted != nullptr && *noted == name) continue;
    noted = &name;
    note_metric(name, now, made_by);
  }
}

void RuleTriggers::note_metric(const std::string& name, Deadline now, std::optional<std::size_t> made_by) {
  const auto readers = readers_.find(name);
  if (readers == readers_.end()) return;
  for (const auto& place : readers->second) {
    if (place.first == made_by) continue;
    sampled_.insert(place);
    if (!sampled_at_) sampled_at_ = now;
  }
}

void RuleTriggers::ripens(Place place, std::optional<Deadline> at) {
  if (at && !in_turn_.contains(place)) {
    ripe_[place] = *at;
  } else {
    ripe_.erase(place);
  }
}

Deadline RuleTriggers::not_before() const {
  if (ratio_ <= 0 || credit_ > 0) return Deadline::min();
  const std::chrono::duration<double> until(-credit_ / ratio_);
  // Rounded up, so that the credit is there by then.
  return credited_at_ + std::chrono::ceil<Millis>(until) + Millis(1);
}

std::optional<Deadline> RuleTriggers::due() const {
  std::optional<Deadline> first;
  if (sampled_at_) first = last_round_ ? std::max(*sampled_at_, *last_round_ + kRoundGap) : *sampled_at_;
  for (const auto& [place, at] : ripe_) first = std::min(first.value_or(at), at);
  if (first) first = std::max(*first, not_before());
  return first;
}

std::map<std::size_t, std::set<std::size_t>> RuleTriggers::take(Deadline now) {
  std::map<std::size_t, std::set<std::size_t>> out;
  refill(now);
  const auto at = due();
  if (!at || *at > now) return out;
  for (const auto& [group, rule] : sampled_) out[group].insert(rule);
  std::erase_if(ripe_, [&](const auto& each) {
    if (each.second > now) return false;
    out[each.first.first].insert(each.first.second);
    return true;
  });
  // What looked only at the end of a `for` does not hold up samples: there is one for each alert that waits.
  if (!sampled_.empty()) last_round_ = now;
  sampled_.clear();
  sampled_at_.reset();
  return out;
}

void RuleTriggers::took_group(std::size_t group) {
  std::erase_if(sampled_, [group](const Place& place) { return place.first == group; });
  std::erase_if(ripe_, [group](const auto& each) { return each.first.first == group; });
  if (sampled_.empty()) sampled_at_.reset();
}

void RuleTriggers::spent(Deadline now, std::chrono::nanoseconds cpu) {
  refill(now);
  credit_ -= std::chrono::duration<double>(cpu).count();
}

void RuleTriggers::refill(Deadline now) {
  if (credited_at_ != Deadline{} && now > credited_at_)
    credit_ =
        std::min(ratio_ * kCreditSeconds, credit_ + ratio_ * std::chrono::duration<double>(now - credited_at_).count());
  credited_at_ = now;
}

}  // namespace pgtend::engine
