#include "agent/store/active_sessions.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "agent/base/strings.hpp"

namespace pgtend::store {

namespace {

constexpr std::array<std::pair<SessionTrait, std::string_view>, 8> kTraits{{{SessionTrait::wait, "wait"},
                                                                            {SessionTrait::query, "query"},
                                                                            {SessionTrait::user, "user"},
                                                                            {SessionTrait::database, "database"},
                                                                            {SessionTrait::state, "state"},
                                                                            {SessionTrait::blocker, "blocker"},
                                                                            {SessionTrait::application, "application"},
                                                                            {SessionTrait::backend, "backend"}}};

// In memory four times as many as are kept, so that what is largest at the end was mostly counted from the start.
constexpr std::size_t kHeldPerKept = 4;
// Groups of wait and state that folding may leave. Source: a busy server shows some twenty waits in two states.
constexpr std::size_t kMostFolded = 64;

SessionTraits all_other() {
  return {kOther, kOther, kOther, kOther, kOther, kOther, kOther, 0};
}

SessionTraits folded(const SessionTraits& traits) {
  auto out = all_other();
  out.wait = traits.wait;
  out.state = traits.state;
  // That nobody blocks it is as true of the whole group.
  out.blocker = traits.blocker.empty() ? "" : kOther;
  return out;
}

bool is_folded(const SessionTraits& traits) {
  return traits.user == kOther && traits.application == kOther && traits.backend_type == kOther;
}

std::string name_of(const SessionTraits& traits, SessionTrait by) {
  switch (by) {
    case SessionTrait::wait:
      return traits.wait;
    case SessionTrait::query:
      if (traits.query_id != 0) return std::to_string(traits.query_id);
      return is_folded(traits) ? kOther : "";
    case SessionTrait::user:
      return traits.user;
    case SessionTrait::database:
      return traits.database;
    case SessionTrait::state:
      return traits.state;
    case SessionTrait::blocker:
      return traits.blocker;
    case SessionTrait::application:
      return traits.application;
    case SessionTrait::backend:
      return traits.backend_type;
  }
  return "";
}

}  // namespace

std::string_view to_string(SessionTrait trait) {
  for (const auto& [each, name] : kTraits)
    if (each == trait) return name;
  return "";
}

std::optional<SessionTrait> parse_session_trait(std::string_view name) {
  for (const auto& [trait, text] : kTraits)
    if (text == name) return trait;
  return std::nullopt;
}

Result<std::vector<SessionTrait>> parse_session_traits(std::string_view names) {
  std::vector<SessionTrait> out;
  for (const auto& name : split(names, ',')) {
    const auto trait = parse_session_trait(trim(name));
    if (!trait)
      return fail(Errc::invalid_argument, "by is one or more, separated by commas, of " +
                                              join(session_trait_names(), ", ") + "; not '" + name + "'");
    if (std::find(out.begin(), out.end(), *trait) == out.end()) out.push_back(*trait);
  }
  return out;
}

std::vector<std::string> session_trait_names() {
  std::vector<std::string> out;
  for (const auto& [trait, name] : kTraits) out.emplace_back(name);
  return out;
}

std::optional<std::int64_t> query_id_of(std::string_view name) {
  std::int64_t id = 0;
  const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (ec != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return id;
}

Result<void> check_session_steps(TimeRange range, Millis step) {
  if (step <= Millis(0) || (range.to - range.from) / step < kMostSessionSteps) return {};
  return fail(Errc::invalid_argument,
              "more than " + std::to_string(kMostSessionSteps) + " steps: take a larger step or a shorter range");
}

void SessionTally::add(UtcTime at, const std::vector<SessionTraits>& sessions) {
  if (samples_ == 0) from_ = at;
  to_ = at;
  ++samples_;
  const auto most = groups_ * kHeldPerKept;
  for (const auto& traits : sessions) {
    if (counts_.size() < most || counts_.contains(traits)) {
      ++counts_[traits];
      continue;
    }
    auto lesser = folded(traits);
    if (counts_.size() >= most + kMostFolded && !counts_.contains(lesser)) lesser = all_other();
    ++counts_[lesser];
  }
}

std::optional<SessionBucket> SessionTally::take(Millis interval) {
  if (samples_ == 0) return std::nullopt;
  SessionBucket out;
  out.samples = samples_;
  // A sampler that is slowed down, or missed some, speaks for the time between its samples.
  out.interval = interval;
  if (samples_ > 1) out.interval = std::clamp((to_ - from_) / (samples_ - 1), interval, interval * 10);
  out.from = from_;
  out.to = to_ + out.interval;
  std::vector<SessionCount> all;
  all.reserve(counts_.size());
  // What was folded on the way takes no place of a group that is told apart.
  std::map<SessionTraits, std::uint32_t> rest;
  for (const auto& [traits, seen] : counts_) {
    if (is_folded(traits)) {
      rest.emplace(traits, seen);
    } else {
      all.push_back({traits, seen});
    }
  }
  const auto larger = [](const SessionCount& a, const SessionCount& b) {
    return a.seen != b.seen ? a.seen > b.seen : a.traits < b.traits;
  };
  std::sort(all.begin(), all.end(), larger);
  for (std::size_t i = groups_; i < all.size(); ++i) {
    auto lesser = folded(all[i].traits);
    if (rest.size() >= kMostFolded && !rest.contains(lesser)) lesser = all_other();
    rest[lesser] += all[i].seen;
  }
  if (all.size() > groups_) all.resize(groups_);
  for (const auto& [traits, seen] : rest) all.push_back({traits, seen});
  out.groups = std::move(all);
  counts_.clear();
  samples_ = 0;
  return out;
}

SessionSummary::SessionSummary(SessionQuestion question) : question_(std::move(question)) {
  if (question_.step > Millis(0) && question_.range.to > question_.range.from) {
    const auto span = question_.range.to - question_.range.from;
    sampled_steps_.resize(static_cast<std::size_t>((span + question_.step - Millis(1)) / question_.step));
  }
}

void SessionSummary::add(const SessionBucket& bucket) {
  const auto& range = question_.range;
  if (bucket.samples == 0 || bucket.to <= range.from || bucket.from >= range.to) return;
  const Millis sampled = bucket.interval * bucket.samples;
  const auto weight = static_cast<double>(bucket.interval.count());
  sampled_ += sampled;
  samples_ += bucket.samples;
  std::optional<std::size_t> step;
  if (!sampled_steps_.empty()) {
    const auto offset = std::max(Millis(0), bucket.from - range.from);
    step = std::min(static_cast<std::size_t>(offset / question_.step), sampled_steps_.size() - 1);
    sampled_steps_[*step] += sampled;
  }
  for (const auto& [traits, seen] : bucket.groups) {
    std::vector<std::string> names;
    for (const auto by : question_.by) names.push_back(name_of(traits, by));
    const double session_ms = weight * seen;
    auto& sum = sums_[std::move(names)];
    sum.session_ms += session_ms;
    all_ms_ += session_ms;
    if (traits.state.starts_with("idle in transaction")) idle_ms_ += session_ms;
    if (!step) continue;
    sum.steps.resize(sampled_steps_.size());
    sum.steps[*step] += session_ms;
  }
}

SessionShare SessionSummary::share_of(std::vector<std::string> names, const Sum& sum) const {
  SessionShare out;
  out.names = std::move(names);
  if (sampled_ > Millis(0)) out.average = sum.session_ms / static_cast<double>(sampled_.count());
  if (all_ms_ > 0) out.share = sum.session_ms / all_ms_;
  for (std::size_t i = 0; i < sampled_steps_.size(); ++i) {
    const bool any = i < sum.steps.size() && sampled_steps_[i] > Millis(0);
    out.timeline.push_back(any ? sum.steps[i] / static_cast<double>(sampled_steps_[i].count()) : 0);
  }
  return out;
}

SessionReport SessionSummary::finish() const {
  SessionReport out;
  out.range = question_.range;
  out.by = question_.by;
  out.step = question_.step;
  out.sampled = sampled_;
  out.samples = samples_;
  out.sampled_steps = sampled_steps_;
  if (sampled_ > Millis(0)) {
    out.average = all_ms_ / static_cast<double>(sampled_.count());
    out.idle_in_transaction = idle_ms_ / static_cast<double>(sampled_.count());
  }
  std::vector<std::pair<std::vector<std::string>, const Sum*>> order;
  Sum rest;
  rest.steps.resize(sampled_steps_.size());
  const std::vector<std::string> others(question_.by.size(), kOther);
  for (const auto& [names, sum] : sums_)
    if (names != others) order.emplace_back(names, &sum);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second->session_ms > b.second->session_ms; });
  const auto fold = [&](const Sum& sum) {
    rest.session_ms += sum.session_ms;
    for (std::size_t i = 0; i < sum.steps.size(); ++i) rest.steps[i] += sum.steps[i];
  };
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i < question_.limit) {
      out.rows.push_back(share_of(order[i].first, *order[i].second));
    } else {
      fold(*order[i].second);
    }
  }
  if (const auto other = sums_.find(others); other != sums_.end()) fold(other->second);
  if (rest.session_ms > 0) out.rows.push_back(share_of(others, rest));
  return out;
}

}  // namespace pgtend::store
