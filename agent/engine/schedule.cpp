#include "agent/engine/schedule.hpp"

#include <algorithm>

#include "agent/model/series.hpp"

namespace pgtend::engine {

namespace {

// The first values should be seen within seconds of a start, also those of hourly collectors.
constexpr Millis kFirstRunWithin{10'000};

Millis phase(const std::string& collector, const std::string& database, Millis interval) {
  // What is asked in one database is asked in one go, so that the session there can end after it.
  const auto hash = fingerprint(Labels{{"collector", database.empty() ? collector : ""}, {"database", database}});
  const auto within = std::max<std::int64_t>(1, std::min(interval, kFirstRunWithin).count());
  return Millis(static_cast<std::int64_t>(hash % static_cast<std::uint64_t>(within)));
}

}  // namespace

Millis slowed(Millis interval, CostClass cost, int slow_down) {
  return cost == CostClass::a ? interval : interval * slow_down;
}

void Schedule::add(std::string collector, std::string database, Millis interval, CostClass cost, Deadline now) {
  for (auto& job : jobs_) {
    if (job.collector != collector || job.database != database) continue;
    if (job.interval != interval) job.due = now + phase(collector, database, interval);
    job.interval = interval;
    job.cost = cost;
    return;
  }
  Job job;
  job.due = now + phase(collector, database, interval);
  job.collector = std::move(collector);
  job.database = std::move(database);
  job.interval = interval;
  job.cost = cost;
  jobs_.push_back(std::move(job));
}

void Schedule::remove(const std::string& collector, const std::string& database) {
  std::erase_if(jobs_, [&](const Job& job) { return job.collector == collector && job.database == database; });
}

std::vector<std::size_t> Schedule::due(Deadline now) const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < jobs_.size(); ++i)
    if (!jobs_[i].running && jobs_[i].due <= now) out.push_back(i);
  std::sort(out.begin(), out.end(), [this](std::size_t a, std::size_t b) { return jobs_[a].due < jobs_[b].due; });
  return out;
}

void Schedule::started(std::size_t job) {
  jobs_[job].running = true;
}

void Schedule::finished(const std::string& collector, const std::string& database, Deadline now) {
  for (auto& job : jobs_) {
    if (job.collector != collector || job.database != database) continue;
    job.running = false;
    const auto every = std::max(slowed(job.interval, job.cost, slow_down_), Millis(1));
    job.due += every;
    if (job.due <= now) job.due += every * ((now - job.due) / every + 1);
  }
}

void Schedule::hasten(const std::string& collector, const std::string& database, Deadline by) {
  for (auto& job : jobs_)
    if (job.collector == collector && job.database == database) job.due = std::min(job.due, by);
}

}  // namespace pgtend::engine
