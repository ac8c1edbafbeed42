#include "agent/engine/rule_facts.hpp"

#include <algorithm>
#include <cmath>

#include "agent/base/strings.hpp"

namespace pgtend::engine {

namespace {

constexpr Millis kHour{3'600'000};
// Samples of one metric that are looked at. Source: an hour of 1,000 series every 10 s.
constexpr std::size_t kMostSamples = 360'000;

// A name that is a counter's alone.
bool ends_like_counter(std::string_view name) {
  return name.ends_with("_total") || name.ends_with("_bucket");
}

// The other half of a summary or histogram: `_count` and `_sum` are counters only together.
std::optional<std::string> partner_of(const std::string& name) {
  for (const auto& [end, other] : {std::pair{"_count", "_sum"}, std::pair{"_sum", "_count"}})
    if (name.ends_with(end)) return name.substr(0, name.size() - std::string_view(end).size()) + other;
  return std::nullopt;
}

struct Behaviour {
  std::size_t rises = 0, falls = 0;
  std::vector<std::int64_t> distances;
};

void watch(const SeriesData& series, Behaviour& out, MetricFacts& facts) {
  const Sample* before = nullptr;
  std::size_t resets = 0;
  for (const auto& sample : series.samples) {
    if (std::isnan(sample.value)) continue;
    facts.least = std::min(facts.least.value_or(sample.value), sample.value);
    facts.most = std::max(facts.most.value_or(sample.value), sample.value);
    if (before != nullptr) {
      out.distances.push_back((sample.time - before->time).count());
      if (sample.value > before->value) ++out.rises;
      // A counter that begins again begins near 0.
      if (sample.value < before->value) ++(sample.value > before->value / 10 ? out.falls : resets);
    }
    before = &sample;
  }
  // Source: a counter begins again when its server does, and none is restarted twice within the hour that is read.
  if (resets > 1) ++out.falls;
}

}  // namespace

RuleFacts::RuleFacts(HistoryReader& history, TimeRange window, const std::vector<MetricDef>& defs, const RuleSet& rules)
    : history_(history), window_(window) {
  for (const auto& def : defs) {
    defined_.emplace(def.name, def.kind);
    if (!def.exporter_name.empty()) defined_.emplace(def.exporter_name, def.kind);
  }
  for (const auto& group : rules.groups)
    for (const auto& rule : group.rules) {
      if (rule.compiled.rule.kind == RuleKind::record) recorded_.insert(rule.compiled.rule.name);
      if (rule.compiled.rule.kind == RuleKind::alert) recorded_.insert({"ALERTS", "ALERTS_FOR_STATE"});
    }
}

const MetricFacts& RuleFacts::of(const std::string& metric) {
  const auto found = known_.find(metric);
  if (found != known_.end()) return found->second;
  return known_.emplace(metric, look_up(metric)).first->second;
}

MetricFacts RuleFacts::look_up(const std::string& metric) {
  MetricFacts facts;
  const auto defined = defined_.find(metric);
  facts.made = defined != defined_.end() || recorded_.contains(metric);
  if (defined != defined_.end()) facts.kind = defined->second;
  if (!facts.kind && is_named_as_counter(metric)) facts.kind = MetricKind::counter;
  const std::vector<Matcher> matchers{Matcher::make("__name__", MatchOp::equal, metric).value()};
  // What was read for another rule may have asked for a coarse copy, whose distances are not those of the samples.
  history_.hint({});
  const auto keys = history_.series(matchers, window_);
  facts.stored = keys && !keys->empty();
  if (!facts.stored) return facts;
  const auto series = history_.select(matchers, {std::max(window_.from, window_.to - kHour), window_.to}, kMostSamples);
  if (!series) return facts;
  Behaviour seen;
  for (const auto& one : *series) watch(one, seen, facts);
  if (!seen.distances.empty()) {
    const auto middle = seen.distances.begin() + static_cast<std::ptrdiff_t>(seen.distances.size() / 2);
    std::nth_element(seen.distances.begin(), middle, seen.distances.end());
    facts.interval = Millis(*middle);
  }
  if (!facts.kind && seen.falls > 0) facts.kind = MetricKind::gauge;
  // Source: ten rises without one fall are no accident of a gauge that goes both ways (2 to the power of -10). What a
  // rule records may be an age or a sum of them.
  if (!facts.kind && seen.rises >= 10 && !recorded_.contains(metric)) facts.kind = MetricKind::counter;
  return facts;
}

bool RuleFacts::is_named_as_counter(const std::string& metric) {
  if (ends_like_counter(metric)) return true;
  const auto partner = partner_of(metric);
  if (!partner) return false;
  if (defined_.contains(*partner)) return true;
  const auto there = matches({Matcher::make("__name__", MatchOp::equal, *partner).value()});
  return there && *there;
}

Result<bool> RuleFacts::matches(const std::vector<Matcher>& matchers) {
  const auto keys = history_.series(matchers, window_);
  if (!keys) return fail(keys.error());
  return !keys->empty();
}

std::optional<std::string> RuleFacts::nearest_name(const std::string& metric) {
  std::set<std::string> names;
  for (const auto& [name, kind] : defined_) names.insert(name);
  if (const auto keys = history_.series({}, window_))
    for (const auto& key : *keys) names.insert(key.name);
  const std::vector<std::string> candidates(names.begin(), names.end());
  return nearest(metric, candidates);
}

}  // namespace pgtend::engine
