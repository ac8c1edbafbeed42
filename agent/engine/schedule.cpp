#include "agent/engine/schedule.hpp"

#include <algorithm>

#include "agent/model/series.hpp"

namespace pgtend::engine {

namespace {

Millis phase(const std::string& collector, const std::string& database, Millis most) {
  // What is asked in one database is asked in one go, so that the session there can end after it.
  const auto hash = fingerprint(Labels{{"collector", database.empty() ? collector : ""}, {"database", database}});
  const auto within = std::max<std::int64_t>(1, most.count());
  return Millis(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(within)));
}

}  // namespace

Millis slowed(Millis interval, CostClass cost, int slow_down) {
  return cost == CostClass::a ? interval : interval * slow_down;
}

Schedule::Job* Schedule::find(const std::string& collector, const std::string& database) {
  const auto place = places_.find({collector, database});
  return place == places_.end() ? nullptr : &jobs_[place->second];
}

void Schedule::add(std::string collector, std::string database, Millis interval, CostClass cost, Deadline now,
                   Millis first_within) {
  const Deadline first = now + phase(collector, database, std::min(interval, first_within));
  if (auto* known = find(collector, database)) {
    if (known->interval != interval) known->due = first;
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
    if (job.running || job.due - std::min(early, job.interval / 4) > now) continue;
    const bool here = job.database == database, best_here = best && jobs_[*best].database == database;
    if (!best || (here && !best_here) || (here == best_here && job.due < jobs_[*best].due)) best = i;
  }
  return best;
}

void Schedule::started(std::size_t job) {
  jobs_[job].running = true;
}

void Schedule::finished(const std::string& collector, const std::string& database, Deadline now) {
  auto* job = find(collector, database);
  if (job == nullptr) return;
  job->running = false;
  const auto every = std::max(slowed(job->interval, job->cost, slow_down_), Millis(1));
  job->due += every;
  if (job->due <= now) job->due += every * ((now - job->due) / every + 1);
}

void Schedule::hasten(const std::string& collector, const std::string& database, Deadline by) {
  if (auto* job = find(collector, database)) job->due = std::min(job->due, by);
}

}  // namespace pgtend::engine
