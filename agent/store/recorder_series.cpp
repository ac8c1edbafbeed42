#include <algorithm>
#include <bit>
#include <cmath>

#include "agent/store/recorder.hpp"

// Which series a sample belongs to, and which place a series has.
namespace pgtend::store {

namespace {

// The label that marks the series into which those above the quota go.
constexpr std::string_view kOtherLabel = "pgtend_series";
constexpr std::string_view kOtherValue = "other";

}  // namespace

Result<Recorder::Scope*> Recorder::find_or_create_scope(const Snapshot& snapshot) {
  const ScopeKey key{snapshot.instance, snapshot.collector, snapshot.database};
  if (const auto it = scopes_.find(key); it != scopes_.end()) return it->second.get();
  if (next_scope_ >= kMaxScopes)
    return fail(Errc::resource_exhausted, "history knows too many collectors and databases");
  auto scope = std::make_unique<Scope>();
  scope->id = next_scope_++;
  scope->key = key;
  pending_.scopes.push_back(
      {scope->id, as_utf8(snapshot.instance), as_utf8(snapshot.collector), as_utf8(snapshot.database)});
  scope_by_id_[scope->id] = scope.get();
  {
    const std::lock_guard guard(head_.mutex());
    head_.scopes[scope->id].times_from = scope->next_seq;
  }
  return scopes_.emplace(key, std::move(scope)).first->second.get();
}

bool Recorder::is_of(SeriesState& state, const SharedKey& key) {
  if (state.key.is_same(key)) return true;
  if (!state.series->name->is(key)) return false;
  state.key = key;
  return true;
}

Recorder::SeriesState* Recorder::find(Scope& scope, const SeriesKey& key) {
  if (const auto it = scope.states.find(key); it != scope.states.end()) return it->second.get();
  return nullptr;
}

void Recorder::show(const SeriesPtr& series) {
  added_.push_back(series);
  pending_.series.push_back(series);
}

Result<std::uint32_t> Recorder::free_place(Scope& scope) {
  if (!scope.free.empty()) {
    const auto place = scope.free.back();
    scope.free.pop_back();
    return place;
  }
  if (scope.places.size() >= static_cast<std::size_t>(kMaxGroups) * codec::kBlockSlots)
    return fail(Errc::resource_exhausted, "history knows too many series of one collector");
  scope.places.push_back(nullptr);
  scope.owners.push_back(nullptr);
  return static_cast<std::uint32_t>(scope.places.size() - 1);
}

Result<Recorder::SeriesState*> Recorder::create(Scope& scope, const SeriesSample& sample, std::int64_t at) {
  auto* known = find(scope, sample.key);
  if (known != nullptr && !known->ended) return known;
  if (known != nullptr && scope.places[known->series->place] == nullptr &&
      scope.owners[known->series->place] == known) {
    // It is back before its place was needed.
    std::erase(scope.free, known->series->place);
    auto open = *known->series;
    open.last_seq = open.last_ms = INT64_MAX;
    known->series = std::make_shared<const IndexedSeries>(std::move(open));
  } else {
    auto place = free_place(scope);
    if (!place) return fail(std::move(place).error());
    if (known != nullptr) {
      scope.displaced.push_back(known->series);
    } else {
      auto name = names_.make(sample.key, pending_.pairs);
      auto state = std::make_unique<SeriesState>();
      known = state.get();
      known->series = std::make_shared<const IndexedSeries>(IndexedSeries{0, name, sample.kind});
      scope.states.emplace(std::move(name), std::move(state));
    }
    known->series = std::make_shared<const IndexedSeries>(IndexedSeries{
        next_series_++, known->series->name, sample.kind, scope.id, *place, scope.next_seq, INT64_MAX, at});
    ++known_;
    ++counts_.new_series;
  }
  known->ended = false;
  known->bits = 0;
  known->place = known->series->place;
  scope.places[known->place] = scope.owners[known->place] = known;
  ++scope.active;
  ++active_;
  show(known->series);
  return known;
}

void Recorder::end_series(Scope& scope, SeriesState& state, std::int64_t last_seq) {
  auto closed = *state.series;
  closed.last_seq = last_seq;
  closed.last_ms = state.last_ms;
  state.series = std::make_shared<const IndexedSeries>(std::move(closed));
  state.ended = true;
  state.alive = false;
  state.key = {};
  scope.places[state.series->place] = nullptr;
  scope.free.push_back(state.series->place);
  --scope.active;
  --active_;
  show(state.series);
}

// Counters beyond the quota are added up per metric: rates over the sum stay meaningful while its members are the same,
// and a change of members begins an epoch. The sum of gauges is no value of any of them, and rules would read it as
// one.
void Recorder::add_other(Scope& scope, const std::vector<const SeriesSample*>& over, std::int64_t at,
                         std::vector<Placed>& placed) {
  std::map<std::string, SeriesSample> sums;
  for (const auto* sample : over) {
    ++over_quota_;
    if (sample->kind != MetricKind::counter) continue;
    const auto& key = *sample->key;
    auto [it, fresh] = sums.try_emplace(key.name);
    auto& sum = it->second;
    if (fresh) {
      Labels labels{{std::string(kOtherLabel), std::string(kOtherValue)}};
      if (const auto instance = key.labels.get("instance"); !instance.empty())
        labels.set("instance", as_utf8(instance));
      sum.key = SharedKey(as_utf8(key.name), std::move(labels));
      sum.kind = sample->kind;
    }
    if (!std::isnan(sample->value)) sum.value += sample->value;
    sum.epoch = std::rotl(sum.epoch, 1) ^ SeriesKeyHash {}(key) ^ sample->epoch;
  }
  for (auto& [name, sum] : sums) {
    auto state = create(scope, sum, at);
    if (!state) continue;
    others_.push_back(std::move(sum));
    placed.push_back({*state, &others_.back()});
  }
}

Result<void> Recorder::resolve(Scope& scope, const Snapshot& snapshot, std::vector<Placed>& placed) {
  const auto at = to_ms(snapshot.taken_at);
  placed.reserve(snapshot.samples.size());
  std::vector<const SeriesSample*> unknown;
  std::size_t hint = 0;
  for (const auto& sample : snapshot.samples) {
    if (hint + kAhead < scope.order.size()) __builtin_prefetch(scope.order[hint + kAhead]);
    // Collectors give their series in the same order nearly always.
    SeriesState* state = nullptr;
    for (std::size_t ahead = 0; ahead < 2 && state == nullptr && hint + ahead < scope.order.size(); ++ahead) {
      auto* candidate = scope.order[hint + ahead];
      if (candidate->ended || !is_of(*candidate, sample.key)) continue;
      state = candidate;
      hint += ahead + 1;
    }
    if (state == nullptr) {
      state = find(scope, sample.key);
      // Behind series that are gone the order goes on.
      if (state != nullptr && state->turn < scope.order.size() && scope.order[state->turn] == state)
        hint = state->turn + 1;
    }
    if (state == nullptr || state->ended) {
      unknown.push_back(&sample);
    } else {
      placed.push_back({state, &sample});
    }
  }
  if (unknown.empty()) return {};
  // Places are given in order of names: neighbours in a block are alike and pack well.
  std::sort(unknown.begin(), unknown.end(),
            [](const SeriesSample* a, const SeriesSample* b) { return *a->key < *b->key; });
  std::vector<const SeriesSample*> over;
  for (const auto* sample : unknown) {
    SeriesSample repaired;
    const SeriesSample* stored = sample;
    if (!is_utf8(*sample->key)) {
      repaired = {as_utf8(sample->key), sample->value, sample->kind, sample->epoch};
      stored = &repaired;
    }
    const auto* known = find(scope, stored->key);
    if ((known == nullptr || known->ended) && scope.active >= options_.max_series) {
      over.push_back(sample);
      continue;
    }
    auto state = create(scope, *stored, at);
    if (!state) return fail(std::move(state).error());
    placed.push_back({*state, sample});
  }
  if (!over.empty()) add_other(scope, over, at, placed);
  return {};
}

void Recorder::publish() {
  if (added_.empty() && removed_.empty()) return;
  index_ = index_->with(added_, removed_);
  added_.clear();
  removed_.clear();
}

void Recorder::forget_series_before(std::int64_t cutoff_ms) {
  const auto lose = [&](const SeriesPtr& series) {
    removed_.push_back(series);
    std::erase_if(added_, [&](const SeriesPtr& other) { return other->id == series->id; });
    pending_.lost_series.push_back(series->id);
    std::erase_if(pending_.series, [&](const SeriesPtr& other) { return other->id == series->id; });
    --known_;
  };
  for (auto& [key, scope] : scopes_) {
    std::erase_if(scope->displaced, [&](const SeriesPtr& series) {
      if (series->last_ms >= cutoff_ms) return false;
      lose(series);
      return true;
    });
    std::erase_if(scope->states, [&, s = scope.get()](const auto& entry) {
      auto& state = *entry.second;
      if (!state.ended || state.last_ms >= cutoff_ms) return false;
      lose(state.series);
      std::erase(s->order, &state);
      if (s->owners[state.series->place] == &state) s->owners[state.series->place] = nullptr;
      return true;
    });
  }
}

}  // namespace pgtend::store
