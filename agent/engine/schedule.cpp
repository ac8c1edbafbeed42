#include "agent/engine/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/engine/beat.hpp"
#include "agent/model/series.hpp"

namespace pgtend::engine {

namespace {

// Of the budget, what the backends of one collector may take. Source: of the collectors of classes B and C on a server
// of 2,000 tables and 5,000 statements three take more than 6 ms a minute.
constexpr double kShareOfOne = 0.01;
// Times its interval, at most. Source: a window of five minutes, the shortest of the shipped rules and boards, holds
// two runs of what is asked for every minute.
constexpr int kMostPace = 2;

// Below `most`, and the same at each start.
std::int64_t place_among(const std::string& collector, const std::string& database, std::int64_t most) {
  // What is asked in one database is asked in one go, so that the session there can end after it.
  const auto hash = fingerprint(Labels{{"collector", database.empty() ? collector : ""}, {"database", database}});
  return static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(std::max<std::int64_t>(1, most)));
}

Millis phase(const std::string& collector, const std::string& database, Millis most) {
  return Millis(place_among(collector, database, most.count()));
}

}  // namespace

Millis slowed(Millis interval, CostClass cost, int slow_down) {
  return cost == CostClass::a ? interval : interval * slow_down;
}

Millis paced(Millis interval, double cost_seconds, double cpu_ratio) {
  const Millis most = interval * kMostPace;
  const double wanted =
      std::min(std::ceil(cost_seconds / (cpu_ratio * kShareOfOne) * 1000), static_cast<double>(most.count()));
  const Millis longer(static_cast<std::int64_t>(wanted));
  if (longer <= interval || interval % kBeat != Millis(0)) return std::max(interval, longer);
  return (longer + kBeat - Millis(1)) / kBeat * kBeat;
}

bool Schedule::is_due(const Job& job, Deadline now, Millis early) {
  return !job.running && job.due - std::min(early, job.interval / 4) <= now;
}

std::vector<std::string> Schedule::due(Deadline now, const std::string& database, Millis early) const {
  std::vector<std::string> out;
  for (const auto& job : jobs_)
    if (job.database == database && is_due(job, now, early)) out.push_back(job.collector);
  return out;
}

Schedule::Job* Schedule::find(const std::string& collector, const std::string& database) {
  const auto place = places_.find({collector, database});
  return place == places_.end() ? nullptr : &jobs_[place->second];
}

void Schedule::add(std::string collector, std::string database, Millis interval, CostClass cost, Deadline now,
                   Millis first_within) {
  const Deadline first = now + phase(collector, database, std::min(interval, first_within));
  const bool on_beats = interval % kBeat == Millis(0) && first_within <= kFirstRunWithin;
  if (auto* known = find(collector, database)) {
    if (known->interval != interval) {
      known->due = first;
      known->joins_beats = on_beats;
    }
    known->interval = interval;
    known->cost = cost;
    return;
  }
  places_.emplace(Key{collector, database}, jobs_.size());
  Job job;
  job.due = first;
  job.collector = std::move(collector);
  job.database = std::move(database);
  job.interval = interval;
  job.cost = cost;
  job.joins_beats = on_beats;
  jobs_.push_back(std::move(job));
}

void Schedule::keep_only(const std::set<Key>& wanted) {
  std::erase_if(jobs_, [&](const Job& job) { return !wanted.contains({job.collector, job.database}); });
  places_.clear();
  for (std::size_t i = 0; i < jobs_.size(); ++i) places_.emplace(Key{jobs_[i].collector, jobs_[i].database}, i);
}

std::optional<std::size_t> Schedule::next(Deadline now, const std::string& database, Millis early) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    const auto& job = jobs_[i];
    if (!is_due(job, now, early)) continue;
    const bool here = job.database == database, best_here = best && jobs_[*best].database == database;
    if (!best || (here && !best_here) || (here == best_here && job.due < jobs_[*best].due)) best = i;
  }
  return best;
}

void Schedule::started(std::size_t job) {
  jobs_[job].running = true;
}

void Schedule::set_interval(const std::string& collector, const std::string& database, Millis interval) {
  if (auto* job = find(collector, database)) job->interval = interval;
}

void Schedule::finished(const std::string& collector, const std::string& database, Deadline now) {
  auto* job = find(collector, database);
  if (job == nullptr) return;
  job->running = false;
  const auto every = std::max(slowed(job->interval, job->cost, slow_down_), Millis(1));
  if (std::exchange(job->joins_beats, false)) {
    // Long intervals are cut once, each by something else, so that not everything is due with every sixth beat.
    const auto sooner = place_among(collector, database, every / (2 * kBeat));
    job->due = beat_before(now) + every - sooner * kBeat;
  } else {
    job->due += every;
  }
  if (job->due <= now) job->due += every * ((now - job->due) / every + 1);
}

void Schedule::hasten(const std::string& collector, const std::string& database, Deadline by) {
  if (auto* job = find(collector, database)) job->due = std::min(job->due, by);
}

}  // namespace pgtend::engine
