#include "agent/engine/sampling.hpp"

#include <algorithm>

#include "agent/base/log.hpp"

namespace pgtend::engine {

namespace {

// A line with nothing due looks again after this: a reload or a new database may have given it jobs meanwhile.
constexpr Millis kLongestPause{1'000};
// An hourly collector does not wait an hour because the server was away for a second.
constexpr std::chrono::seconds kUnreachedRetry{30};
// Databases that a line of the log names.
constexpr std::size_t kNamed = 20;
constexpr const char* kProbe = "probe";
constexpr const char* kHome = "home";
constexpr const char* kRove = "rove";

}  // namespace

Sampling::Sampling(Parts& parts, Collecting& collecting, Pipeline& pipeline, CostAccount& cost)
    : parts_(parts), collecting_(collecting), pipeline_(pipeline), cost_(cost) {}

Sampling::Line Sampling::line_of(const Schedule::Job& job) const {
  if (is_probe(job.collector)) return kProbe;
  if (collecting_.is_neighbour(job.collector)) return job.collector;
  return job.database.empty() ? kHome : kRove;
}

void Sampling::start(Supervisor& supervisor) {
  supervisor_ = &supervisor;
  for (const auto* line : {kProbe, kHome, kRove})
    supervisor.spawn("sample/" + std::string(line), [this, line] { return run(line); });
  start_lines();
}

void Sampling::start_lines() {
  if (supervisor_ == nullptr) return;
  for (const auto& def : collecting_.defs())
    if (collecting_.is_neighbour(def.name) && neighbours_.insert(def.name).second)
      supervisor_->spawn("sample/" + def.name, [this, line = def.name] { return run(line); });
}

void Sampling::reschedule() {
  const Deadline now = parts_.clock.steady_now();
  Schedule next = schedule_;
  std::set<std::pair<std::string, std::string>> wanted;
  for (const auto& def : collecting_.defs()) {
    if (def.scope == CollectorScope::instance) {
      wanted.emplace(def.name, "");
    } else {
      for (const auto& database : databases_) wanted.emplace(def.name, database);
    }
  }
  for (const auto& job : schedule_.jobs())
    if (!wanted.contains({job.collector, job.database})) next.remove(job.collector, job.database);
  for (const auto& [collector, database] : wanted) {
    const auto* def = collecting_.def(collector);
    next.add(collector, database, collecting_.interval(*def), def->cost, now);
  }
  schedule_ = std::move(next);
  start_lines();
}

net::TaskResult<std::size_t> Sampling::discover() {
  auto found = co_await collecting_.discover_databases();
  if (!found) co_return fail(std::move(found.error()));
  use(std::move(*found));
  co_return databases_.size();
}

void Sampling::use(std::vector<std::string> databases) {
  collecting_.set_databases(databases);
  if (databases == databases_) return;
  for (const auto& database : databases_) {
    if (std::find(databases.begin(), databases.end(), database) != databases.end()) continue;
    log::info("database is gone", {{"database", database}});
    collecting_.forget_database(database);
    for (const auto& def : collecting_.defs())
      if (def.scope == CollectorScope::database) parts_.board.forget(def.name, database);
  }
  databases_ = std::move(databases);
  std::string names;
  for (std::size_t i = 0; i < databases_.size() && i <= kNamed; ++i)
    names += (i == 0 ? "" : ",") + (i < kNamed ? databases_[i] : "...");
  log::info("databases", {{"count", std::to_string(databases_.size())}, {"names", names}});
  reschedule();
}

std::optional<std::size_t> Sampling::pick(const Line& line, Deadline now) const {
  std::optional<std::size_t> first;
  for (const auto index : schedule_.due(now)) {
    const auto& job = schedule_.jobs()[index];
    if (line_of(job) != line) continue;
    if (line == kRove && job.database == roving_in_) return index;
    if (!first) first = index;
  }
  return first;
}

Deadline Sampling::wake_at(const Line& line, Deadline now) const {
  Deadline wake = now + kLongestPause;
  for (const auto& job : schedule_.jobs())
    if (!job.running && line_of(job) == line) wake = std::min(wake, job.due);
  return wake;
}

void Sampling::leave() {
  if (roving_in_.empty()) parts_.lanes.leave(pg::Lane::sample);
}

net::Task<void> Sampling::run(Line line) {
  // The line of a neighbour ends with it.
  while (!neighbours_.contains(line) || collecting_.is_neighbour(line)) {
    schedule_.set_slow_down(cost_.slow_down());
    const auto next = pick(line, parts_.clock.steady_now());
    if (next) {
      co_await run_next(line, *next);
      continue;
    }
    if (line == kRove && !std::exchange(roving_in_, {}).empty()) parts_.lanes.leave(pg::Lane::sample);
    const Deadline later = wake_at(line, parts_.clock.steady_now());
    co_await net::sleep_until(later);
  }
  neighbours_.erase(line);
}

net::Task<void> Sampling::run_next(Line line, std::size_t job) {
  const std::string collector = schedule_.jobs()[job].collector;
  const std::string database = schedule_.jobs()[job].database;
  if (line == kRove) roving_in_ = database;
  schedule_.started(job);
  co_await pipeline_.sample(collector, database);
  const Deadline now = parts_.clock.steady_now();
  schedule_.finished(collector, database, now);
  if (const auto missing = collecting_.take_missing(); !missing.empty()) {
    // Before every other collector of that database says so, too.
    collecting_.rest(missing);
    auto left = databases_;
    std::erase(left, missing);
    use(std::move(left));
    co_return;
  }
  if (collecting_.unreached(collector, database)) schedule_.hasten(collector, database, now + kUnreachedRetry);
}

}  // namespace pgtend::engine
