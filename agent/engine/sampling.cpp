#include "agent/engine/sampling.hpp"

#include <algorithm>
#include <utility>

#include "agent/base/log.hpp"
#include "agent/engine/beat.hpp"

namespace pgtend::engine {

namespace {

// A line with nothing due looks again after this, though it is woken when it gets other jobs.
constexpr Millis kLongestPause{60'000};
// An hourly collector does not wait an hour because the server was away for a second.
constexpr std::chrono::seconds kUnreachedRetry{30};
// Databases that a line of the log names.
constexpr std::size_t kNamed = 20;
// A line that is awake does what it would have been woken for within so long: every waking has a commit to disk and a
// round of rules in its wake. It is for what has not joined the beats, and for what was hastened.
constexpr Millis kTogether{2'500};
// How often a session that stays in a database looks whether it is alone there. Source: DROP DATABASE and CREATE
// DATABASE from a template wait 5 s for other sessions to end.
constexpr Millis kLookAround{3'000};
// Two agents would keep each other; a worker of the server has no user and ends when it is asked to. One is enough, and
// is looked up alone: all of them are what costs the server most.
constexpr auto kOthersHere =
    "SELECT count(*) AS sessions FROM (SELECT FROM"
    " (SELECT pg_catalog.pg_stat_get_backend_idset() AS id OFFSET 0) b"
    " CROSS JOIN LATERAL pg_catalog.pg_stat_get_activity(pg_catalog.pg_stat_get_backend_pid(b.id)) a"
    " WHERE pg_catalog.pg_stat_get_backend_dbid(b.id) ="
    " (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())"
    " AND a.usesysid IS NOT NULL AND a.application_name NOT LIKE 'pgtend/%' LIMIT 1) other";
constexpr const char* kProbe = "probe";
constexpr const char* kHome = "home";
constexpr const char* kRove = "rove";

}  // namespace

Sampling::Sampling(Parts& parts, Collecting& collecting, Pipeline& pipeline, CostAccount& cost)
    : parts_(parts), collecting_(collecting), pipeline_(pipeline), cost_(cost) {}

Sampling::Line Sampling::line_of(const std::string& collector, const std::string& database) const {
  if (is_probe(collector)) return kProbe;
  if (collecting_.is_neighbour(collector)) return collector;
  return database.empty() ? kHome : kRove;
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
  std::map<Line, std::set<Schedule::Key>> wanted;
  const auto want = [&](const CollectorDef& def, const std::string& database) {
    const Line line = line_of(def.name, database);
    const Millis interval = collecting_.interval(def, database);
    // Those of so many databases that their sweep takes longer begin all along it, not all at once.
    const Millis first_within = collecting_.is_swept(def, database) ? interval : kFirstRunWithin;
    lines_[line].schedule.add(def.name, database, interval, def.cost, now, first_within);
    wanted[line].emplace(def.name, database);
  };
  for (const auto& def : collecting_.defs()) {
    if (def.scope == CollectorScope::instance) want(def, "");
    if (def.scope == CollectorScope::database)
      for (const auto& database : databases_) want(def, database);
  }
  for (auto& [line, jobs] : lines_) {
    jobs.schedule.keep_only(wanted[line]);
    jobs.changed.ring();
  }
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

Deadline Sampling::wake_at(const Schedule& schedule, Deadline now) {
  Deadline wake = now + kLongestPause;
  for (const auto& job : schedule.jobs())
    if (!job.running) wake = std::min(wake, job.due);
  return wake;
}

void Sampling::leave() {
  if (roving_in_.empty() && !stays_) parts_.lanes.leave(pg::Lane::sample);
}

// A new session plans every statement anew and fills its caches, which is two thirds of a sweep's cost; one that stays
// would be in the way of whoever drops the database, unless their own are so, too.
net::Task<bool> Sampling::end_sweep() {
  roving_in_.clear();
  stays_ = false;
  const auto home = parts_.lanes.home_database();
  const auto away = std::count_if(databases_.begin(), databases_.end(), [&](const auto& name) { return name != home; });
  for (const auto& session : parts_.lanes.sessions()) {
    if (away != 1 || session.lane != pg::Lane::sample || session.database == home) continue;
    stays_ = true;
    auto others = co_await parts_.lanes.query(pg::Lane::sample, session.database, "sessions_here", kOthersHere, {},
                                              parts_.config->postgresql.statement_timeout);
    stays_ = others && others->integer(0, "sessions").value_or(0) > 0;
    break;
  }
  if (!stays_) parts_.lanes.leave(pg::Lane::sample);
  co_return stays_;
}

net::Task<void> Sampling::run(Line line) {
  auto& jobs = lines_[line];
  bool awake = false;
  // The line of a neighbour ends with it.
  while (!neighbours_.contains(line) || collecting_.is_neighbour(line)) {
    jobs.schedule.set_slow_down(cost_.slow_down());
    // While several are due the rover stays in its database.
    const auto next = jobs.schedule.next(parts_.clock.steady_now(), roving_in_, awake ? kTogether : Millis(0));
    if (next) {
      if (!std::exchange(awake, true)) co_await ask_ahead(line, *next);
      co_await run_next(line, *next);
      continue;
    }
    awake = false;
    Deadline later = wake_at(jobs.schedule, parts_.clock.steady_now());
    if (line == kRove && (stays_ || !roving_in_.empty()) && co_await end_sweep())
      later = std::min(later, on_the_second(parts_.clock.steady_now() + kLookAround, kLookAround));
    co_await jobs.changed.wait_until(later);
  }
  neighbours_.erase(line);
}

// A beat has a dozen statements that take the server less than it takes to wake its process for each.
net::Task<void> Sampling::ask_ahead(Line line, std::size_t job) {
  if (line != kHome && line != kRove) co_return;
  const auto& schedule = lines_[line].schedule;
  const std::string database = schedule.jobs()[job].database;
  co_await collecting_.ask_ahead(schedule.due(parts_.clock.steady_now(), database, kTogether), database);
}

net::Task<void> Sampling::run_next(Line line, std::size_t job) {
  auto& schedule = lines_[line].schedule;
  const std::string collector = schedule.jobs()[job].collector;
  const std::string database = schedule.jobs()[job].database;
  if (line == kRove) roving_in_ = database;
  schedule.started(job);
  co_await pipeline_.sample(collector, database);
  const Deadline now = parts_.clock.steady_now();
  if (const auto* def = collecting_.def(collector))
    schedule.set_interval(collector, database, collecting_.interval(*def, database));
  schedule.finished(collector, database, now);
  if (const auto missing = collecting_.take_missing(); !missing.empty()) {
    // Before every other collector of that database says so, too.
    collecting_.rest(missing);
    auto left = databases_;
    std::erase(left, missing);
    use(std::move(left));
    co_return;
  }
  if (collecting_.unreached(collector, database)) schedule.hasten(collector, database, now + kUnreachedRetry);
}

}  // namespace pgtend::engine
