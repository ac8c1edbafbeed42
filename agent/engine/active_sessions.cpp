#include "agent/engine/active_sessions.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/engine/beat.hpp"
#include "agent/engine/collect_status.hpp"
#include "agent/engine/cure.hpp"

namespace pgtend::engine {

namespace {

// One look takes a millisecond; one that takes so long has missed its moment. Source: the default interval.
constexpr Millis kPatience{1'000};
// Between two looks passes at least so many times what one took, and at most so many intervals: a server that answers
// slowly is looked at less often.
constexpr int kRestPerLook = 20, kMostStretch = 10;
// While there is no session to look with.
constexpr Millis kLookAgain{1'000};
// Buckets that answer without the file: a quarter of an hour of them.
constexpr std::size_t kRecentBuckets = 90;
// Series of the metric. Source: a busy server shows some twenty waits in two states.
constexpr std::size_t kMostSeries = 60;

store::SessionTraits traits_of(collectors::ActiveSession session) {
  const auto& type = session.wait_event_type;
  return {type.empty() ? store::kOnCpu : type + ":" + session.wait_event,
          std::move(session.state),
          std::move(session.database),
          std::move(session.user),
          std::move(session.application),
          std::move(session.backend_type),
          std::move(session.blocker),
          session.query_id};
}

std::string array_of(const std::vector<int>& pids) {
  std::string out = "{";
  for (const auto pid : pids) out += (out.size() > 1 ? "," : "") + std::to_string(pid);
  return out + "}";
}

}  // namespace

std::vector<MetricDef> active_session_metrics() {
  return {{"pgtend_active_sessions", MetricKind::gauge, "",
           "Sessions that were not idle, by state and by what they waited for (CPU: for nothing): the average of the "
           "samples since the last run.",
           "pg_stat_get_activity()", ""}};
}

std::vector<SeriesSample> active_session_samples(const store::SessionBucket& bucket, std::size_t most) {
  using Key = std::pair<std::string, std::string>;  // state, wait
  std::map<Key, std::uint64_t> seen;
  for (const auto& [traits, count] : bucket.groups) seen[{traits.state, traits.wait}] += count;
  std::vector<std::pair<Key, std::uint64_t>> order(seen.begin(), seen.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  // Always there, so that a rule need not guess about absence.
  std::map<Key, std::uint64_t> kept{{{"active", store::kOnCpu}, 0}};
  for (std::size_t i = 0; i < order.size(); ++i)
    kept[i < most ? order[i].first : Key{store::kOther, store::kOther}] += order[i].second;
  std::vector<SeriesSample> out;
  for (const auto& [key, count] : kept) {
    const auto& [state, wait] = key;
    const auto colon = wait.find(':');
    Labels labels{{"state", state},
                  {"wait_event", colon == std::string::npos ? "" : wait.substr(colon + 1)},
                  {"wait_event_type", wait.substr(0, colon)}};
    const double average = static_cast<double>(count) / bucket.samples;
    out.push_back({{"pgtend_active_sessions", std::move(labels)}, average, MetricKind::gauge, 0});
  }
  return out;
}

ActiveSessions::ActiveSessions(Parts& parts, CostAccount& cost)
    : parts_(parts), cost_(cost), tally_(static_cast<std::size_t>(parts.config->collection.active_sessions.groups)) {}

bool ActiveSessions::probe_is_up() const {
  const auto sessions = parts_.lanes.sessions();
  return std::any_of(sessions.begin(), sessions.end(),
                     [](const pg::OwnSession& session) { return session.lane == pg::Lane::probe; });
}

net::Task<void> ActiveSessions::loop() {
  while (true) {
    const Deadline started = parts_.clock.steady_now();
    const Millis interval = parts_.config->collection.active_sessions.interval;
    Millis pause = std::max(interval, kLookAgain);
    if (on_ && probe_is_up()) {
      co_await sample();
      const auto took = std::chrono::duration_cast<Millis>(parts_.clock.steady_now() - started);
      pause = std::clamp(took * kRestPerLook, interval, interval * kMostStretch);
    }
    const Deadline next = on_the_second(started + pause, pause);
    co_await net::sleep_until(next);
  }
}

net::TaskResult<collectors::SampledSessions> ActiveSessions::look() {
  const Millis patience = std::min(kPatience, parts_.config->postgresql.statement_timeout);
  const std::string sql = collectors::active_sessions_sql(parts_.lanes.identity().version_num);
  cost_.count_query();
  auto rows = co_await parts_.lanes.query(pg::Lane::probe, "", "active_sessions", sql, {}, patience);
  if (!rows) co_return fail(std::move(rows.error()));
  std::set<int> own;
  for (const auto& session : parts_.lanes.sessions()) own.insert(session.backend_pid);
  auto seen = collectors::read_active_sessions(*rows, own);
  if (seen.lock_waiters.empty()) co_return seen;
  pg::Params params;
  params.emplace_back(array_of(seen.lock_waiters));
  const std::string blockers = collectors::blockers_sql();
  cost_.count_query();
  auto blocking = co_await parts_.lanes.query(pg::Lane::probe, "", "active_sessions", blockers, params, patience);
  // Who waits for what is worth having without the name of who is in the way.
  if (blocking) collectors::name_blockers(seen, *blocking);
  co_return seen;
}

net::Task<void> ActiveSessions::sample() {
  auto seen = co_await look();
  if (!seen) {
    trouble_ = std::move(seen.error());
    co_return;
  }
  trouble_.reset();
  hidden_ = seen->hidden;
  std::vector<store::SessionTraits> sessions;
  sessions.reserve(seen->sessions.size());
  for (auto& [pid, session] : seen->sessions) sessions.push_back(traits_of(std::move(session)));
  tally_.set_groups(static_cast<std::size_t>(parts_.config->collection.active_sessions.groups));
  tally_.add(parts_.clock.now(), sessions);
}

std::string ActiveSessions::hidden_detail() const {
  if (hidden_ == 0) return {};
  return "what " + std::to_string(hidden_) + " sessions of other roles do is hidden from this role; cure: " +
         cure_for("GRANT pg_read_all_stats TO {role}", parts_.config->postgresql.user) + ";";
}

void ActiveSessions::run(Snapshot& snapshot) {
  auto bucket = tally_.take(parts_.config->collection.active_sessions.interval);
  const bool first = std::exchange(first_run_, false);
  if (!bucket) {
    // Right after a start the lanes have reached the server and the probe's turn is yet to come.
    if (first && !trouble_ && parts_.lanes.identity().version_num != 0) return;
    snapshot.status = trouble_ ? status_of(*trouble_) : CollectStatus::unavailable;
    snapshot.detail = trouble_ ? trouble_->describe() : "the probe has no session with the server";
    return;
  }
  parts_.history.append_sessions(*bucket);
  snapshot.samples = active_session_samples(*bucket, kMostSeries);
  recent_.push_back(std::make_shared<const store::SessionBucket>(std::move(*bucket)));
  if (recent_.size() > kRecentBuckets) recent_.pop_front();
  if (hidden_ == 0) return;
  snapshot.status = CollectStatus::permission;
  snapshot.detail = hidden_detail();
}

net::TaskResult<store::SessionReport> ActiveSessions::report(store::SessionQuestion question) {
  auto job = [history = &parts_.history, recent = recent_, question]() -> Result<store::SessionReport> {
    store::SessionSummary summary(question);
    TimeRange stored = question.range;
    if (!recent.empty()) stored.to = std::min(stored.to, recent.front()->from);
    if (stored.from < stored.to)
      if (auto read = history->read_sessions(stored, [&](const auto& bucket) { summary.add(bucket); }); !read)
        return fail(std::move(read.error()), "read active sessions; a shorter range takes less");
    for (const auto& bucket : recent) summary.add(*bucket);
    return summary.finish();
  };
  auto report = co_await parts_.compute(job);
  if (!report) co_return report;
  if (!on_)
    report->warnings.emplace_back(
        "active sessions are not sampled: collection.active_sessions.interval is 0s, or collection.disabled has them");
  if (hidden_ > 0) report->warnings.push_back(hidden_detail());
  if (trouble_) report->warnings.push_back("the last sample failed: " + trouble_->describe());
  co_return report;
}

}  // namespace pgtend::engine
