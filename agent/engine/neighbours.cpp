#include "agent/engine/neighbours.hpp"

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/engine/collect_status.hpp"
#include "agent/engine/self_metrics.hpp"
#include "agent/store/names.hpp"

namespace pgtend::engine {

void Neighbours::load() {
  decltype(places_) next;
  for (auto& spec : neighbour_specs(*parts_.config)) {
    const auto found = places_.find(spec.collector);
    if (found != places_.end() && found->second->spec.config == spec.config) {
      next.insert(*found);
      continue;
    }
    const auto seed = static_cast<std::uint64_t>(to_ms(parts_.clock.now())) + next.size();
    auto neighbour = make_neighbour(spec.config, parts_.blocking, parts_.clock);
    const auto name = spec.collector;
    next.emplace(name, std::make_shared<Place>(
                           Place{std::move(spec), std::move(neighbour), pg::ConnectGate(parts_.clock, seed), {}}));
  }
  places_ = std::move(next);
}

std::vector<CollectorDef> Neighbours::defs() const {
  std::vector<CollectorDef> out;
  for (const auto& [name, place] : places_) {
    CollectorDef def;
    def.name = name;
    def.interval = place->spec.interval;
    out.push_back(std::move(def));
  }
  return out;
}

std::string Neighbours::kind_of(const std::string& collector) const {
  const auto found = places_.find(collector);
  return found == places_.end() ? collector : found->second->spec.kind;
}

net::Task<void> Neighbours::run(std::shared_ptr<Snapshot> snapshot) {
  const auto found = places_.find(snapshot->collector);
  if (found == places_.end()) {
    snapshot->status = CollectStatus::unsupported;
    snapshot->detail = "no such neighbour is configured";
    co_return;
  }
  // Held: a reload may replace it while it is asked.
  const auto place = found->second;
  Result<NeighbourAnswer> answer = fail(Errc::unavailable, "");
  if (place->gate.closed_until()) {
    answer = fail(place->gate.refusal());
  } else {
    place->gate.begin();
    const Deadline deadline = parts_.clock.steady_now() + place->spec.timeout;
    auto asked = co_await place->neighbour->ask(deadline);
    answer = std::move(asked);
    if (answer) {
      place->gate.succeeded();
    } else {
      place->gate.failed(answer.error());
      place->neighbour->hang_up();
    }
  }
  snapshot->samples.push_back({{place->spec.up_metric, place->spec.labels}, answer ? 1.0 : 0.0, MetricKind::gauge, 0});
  if (!answer) {
    snapshot->status = status_of(answer.error());
    snapshot->detail = answer.error().describe();
    co_return;
  }
  if (const auto until = answer->certificate_not_after)
    snapshot->samples.push_back(certificate_sample(place->spec.collector, *until));
  const auto quota = static_cast<std::size_t>(parts_.config->collection.max_series_per_collector);
  if (answer->samples.size() > quota) {
    snapshot->left_out = answer->samples.size() - quota;
    snapshot->detail = std::to_string(snapshot->left_out) + " series beyond the quota were left out";
    answer->samples.resize(quota);
  }
  for (auto& sample : answer->samples) {
    // Names of databases and users come from clients, as bytes.
    if (!store::is_utf8(*sample.key)) sample.key = store::as_utf8(*sample.key);
    snapshot->samples.push_back(std::move(sample));
  }
  report_lost(*place, answer->lost, *snapshot);
}

void Neighbours::report_lost(Place& place, const std::vector<std::string>& lost, Snapshot& snapshot) const {
  if (lost.empty()) return;
  snapshot.detail += (snapshot.detail.empty() ? "" : "; ") + ("not told: " + join(lost, ", "));
  std::vector<std::string> news;
  for (const auto& what : lost)
    if (place.reported.insert(what).second) news.push_back(what);
  if (!news.empty())
    log::warn("figures are missing in the answer; only their metrics are lost",
              {{"collector", place.spec.collector}, {"missing", join(news, ", ")}});
}

}  // namespace pgtend::engine
