#include "agent/base/log.hpp"
#include "agent/engine/collecting.hpp"
#include "agent/engine/schedule.hpp"
#include "collectors/query.hpp"
#include "collectors/rows_to_series.hpp"

// What is known of the runs: whether a collector works, and whether its metrics can be trusted.
namespace pgtend::engine {

namespace {

// A lane that was refused looks again after a minute at the latest (pg/gate.cpp), a collector half a minute later.
constexpr std::chrono::seconds kLanesReopen{90};
// After this what has not run yet is not waited for: of thousands of databases the last may be swept much later, and
// alerts about the others must not wait for it.
constexpr std::chrono::minutes kFirstRuns{10};
// An extension that is dropped and made anew, for its upgrade perhaps, is back by then; what does not apply for so long
// can have nothing to tell.
constexpr std::chrono::hours kStaysAway{1};
// How far back a start looks for what failed before it: a weekend's alert does not end because the agent was away.
constexpr std::chrono::hours kRecall{72};
// Collectors and databases that failed at the end, of which it is asked when they last worked: 26,000 samples each at
// the shipped interval.
constexpr std::size_t kMostUnclear = 200;
// Samples: where a reader cannot give the last ones only, it gives none rather than three days of them all.
constexpr std::size_t kMaxRecalled = 1'000'000;

}  // namespace

void Collecting::note(const Snapshot& snapshot) {
  Run& run = runs_[{snapshot.collector, snapshot.database}];
  const bool news = run.status != snapshot.status || run.last_run == UtcTime{};
  run.status = snapshot.status;
  run.detail = snapshot.detail;
  run.left_out = snapshot.left_out;
  run.last_run = snapshot.taken_at;
  run.duration = snapshot.duration;
  run.interval = snapshot.interval;
  if (snapshot.status != CollectStatus::unsupported)
    run.unsupported_since.reset();
  else if (!run.unsupported_since)
    run.unsupported_since = snapshot.taken_at;
  if (snapshot.status == CollectStatus::ok) {
    run.last_success = snapshot.taken_at;
    run.series = snapshot.samples.size();
  }
  if (!news) return;
  const std::string status(to_string(snapshot.status));
  // One cause, one line: that the server cannot be reached is said by the probe for all that ask it.
  const bool by_server = asks_server(snapshot.collector) && unreached(snapshot.collector, snapshot.database);
  if (by_server) {
    log::debug("collector " + status, {{"collector", snapshot.collector}, {"database", snapshot.database}});
  } else if (snapshot.status == CollectStatus::ok && neighbours_.has(snapshot.collector)) {
    log::info("collector answers", {{"collector", snapshot.collector}});
  } else if (snapshot.status == CollectStatus::ok) {
    log::debug("collector answers", {{"collector", snapshot.collector}, {"database", snapshot.database}});
  } else if (snapshot.status == CollectStatus::unsupported) {
    log::debug("collector not applicable",
               {{"collector", snapshot.collector}, {"database", snapshot.database}, {"why", snapshot.detail}});
  } else {
    log::warn("collector " + status,
              {{"collector", snapshot.collector}, {"database", snapshot.database}, {"why", snapshot.detail}});
  }
}

// What a reload took away is neither stale nor blind.
void Collecting::forget_undefined() {
  for (auto it = runs_.begin(); it != runs_.end();) {
    const auto& [collector, database] = it->first;
    if (def(collector) != nullptr) {
      ++it;
      continue;
    }
    parts_.board.forget(collector, database);
    row_keys_.erase(it->first);
    it = runs_.erase(it);
  }
}

void Collecting::forget_database(const std::string& database) {
  shapes_.erase(database);
  probed_at_.erase(database);
  const auto is_its = [&](const auto& entry) { return entry.first.second == database; };
  std::erase_if(runs_, is_its);
  std::erase_if(row_keys_, is_its);
  std::erase_if(cost_of_run_, is_its);
  std::erase_if(worked_before_, is_its);
  std::erase_if(failing_, [&](const Key& key) { return key.second == database; });
}

bool Collecting::waits_for_first_run(const CollectorDef& def) const {
  if (parts_.clock.steady_now() - started_ > kFirstRuns) return false;
  if (def.scope == CollectorScope::instance) return !runs_.contains({def.name, ""});
  if (!databases_) return true;
  return std::ranges::any_of(*databases_,
                             [&](const std::string& database) { return !runs_.contains({def.name, database}); });
}

std::string Collecting::blind(const CollectorDef& def) const {
  if (waits_for_first_run(def)) return "collector " + def.name + " has not run everywhere since the agent started";
  // That it cannot reach the server is what this one is there to say.
  if (def.name == kUpCollector) return {};
  for (auto it = runs_.lower_bound({def.name, ""}); it != runs_.end() && it->first.first == def.name; ++it) {
    const auto& [key, run] = *it;
    // A standby that was promoted has nothing of a standby to show, an extension that stays away nothing at all.
    if (run.status == CollectStatus::unsupported && (collectors::is_of_other_role(def, parts_.lanes.identity()) ||
                                                     parts_.clock.now() - *run.unsupported_since >= kStaysAway))
      continue;
    if (run.status != CollectStatus::ok && run.status != CollectStatus::unsupported &&
        run.status != CollectStatus::permission)
      return "collector " + key.first + (key.second.empty() ? "" : " on " + key.second) + " is " +
             std::string(to_string(run.status));
    const auto before = worked_before_.find(key);
    const auto worked = run.last_success || before == worked_before_.end() ? run.last_success : before->second;
    // What it gave once is missed now; of what never worked nothing is.
    if (worked && parts_.clock.now() - *worked > stale_after(run.interval, run.duration))
      return "collector " + key.first + (key.second.empty() ? "" : " on " + key.second) + " is stale" +
             (run.status == CollectStatus::ok ? "" : ": " + std::string(to_string(run.status)));
  }
  return {};
}

// More than one where the form of a source has changed with a version.
std::vector<const CollectorDef*> Collecting::makers(const std::string& metric) const {
  std::vector<const CollectorDef*> out;
  const auto it = collectors_of_metric_.find(metric);
  if (it == collectors_of_metric_.end()) return out;
  for (const auto& kind : it->second) {
    const auto [first, last] = defs_of_kind_.equal_range(kind);
    for (auto place = first; place != last; ++place) out.push_back(&(*defs_)[place->second]);
  }
  return out;
}

std::string Collecting::blind(const std::string& metric) const {
  for (const auto* def : makers(metric))
    if (auto why = blind(*def); !why.empty()) return why;
  return {};
}

std::map<std::string, std::set<std::string>> Collecting::collectors_by_metric() const {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& [metric, kinds] : collectors_of_metric_)
    for (const auto* def : makers(metric))
      if (def->name != kUpCollector) out[metric].insert(def->name);
  return out;
}

std::string Collecting::left_out(const std::string& metric, const Labels* alert) const {
  for (const auto* maker : makers(metric)) {
    const auto& def = *maker;
    for (auto found = runs_.lower_bound({def.name, ""}); found != runs_.end() && found->first.first == def.name;
         ++found) {
      const auto& [key, run] = *found;
      if (run.left_out == 0) continue;
      if (alert != nullptr && !key.second.empty() && alert->has("datname") && alert->get("datname") != key.second)
        continue;
      const auto row = alert != nullptr ? collectors::row_named_by(def, key.second, *alert) : std::nullopt;
      if (row && run.asked.contains(*row)) continue;
      return "collector " + key.first + (key.second.empty() ? "" : " on " + key.second) + " left out " +
             std::to_string(run.left_out) + " rows or series beyond its limit, or under a lock";
    }
  }
  return {};
}

// As far back as a collector's last run may lie before it counts as stale.
void Collecting::set_lookbacks() {
  lookbacks_for_ = cost_.slow_down();
  std::map<std::string, Millis> of_kind;
  // Any database but that of the home session, which is visited most often.
  std::string one;
  for (const auto& database : databases_.value_or(std::vector<std::string>()))
    if (database != parts_.lanes.home_database()) one = database;
  for (const auto& def : *defs_) {
    auto& longest = of_kind[neighbours_.kind_of(def.name)];
    for (const auto& database : {std::string(), def.scope == CollectorScope::database ? one : std::string()})
      longest = std::max(longest, stale_after(slowed(interval(def, database), def.cost, lookbacks_for_), Millis(0)));
  }
  auto out = std::make_shared<promql::Lookbacks>();
  for (const auto& [metric, kinds] : collectors_of_metric_) {
    Millis longest = parts_.config->promql.lookback;
    for (const auto& kind : kinds)
      if (const auto found = of_kind.find(kind); found != of_kind.end()) longest = std::max(longest, found->second);
    if (longest > parts_.config->promql.lookback) out->emplace(metric, longest);
  }
  parts_.lookbacks = std::move(out);
}

// Whether collectors worked in the time that is recalled; of each the last sample only, or all.
net::TaskResult<std::vector<SeriesData>> Collecting::worked(std::vector<Matcher> whose, bool last_only) {
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()));
  whose.push_back(*Matcher::make("__name__", MatchOp::equal, "pgtend_collector_up"));
  auto job = [reader = std::shared_ptr<HistoryReader>(std::move(*reader)), matchers = std::move(whose), last_only,
              now = parts_.clock.now()] {
    ReadHints hints;
    if (last_only) hints.every = kRecall;
    hints.first = now;
    reader->hint(hints);
    return reader->select(matchers, {now - kRecall, now}, kMaxRecalled);
  };
  auto found = co_await net::run_on(parts_.blocking, job);
  co_return found;
}

// A collector that failed before the agent was restarted fails until it is seen to work: its alert neither ends nor
// begins to wait anew because nobody has looked yet.
net::Task<void> Collecting::recall() {
  if (recalled_) co_return;
  auto last = co_await worked({}, true);
  std::vector<Key> unclear;  // they failed then, or what they did is not known
  for (const auto& series : last ? *last : std::vector<SeriesData>()) {
    if (series.samples.empty()) continue;
    const Key key(series.key.labels.get("collector"), series.key.labels.get("datname"));
    const auto& sample = series.samples.back();
    if (sample.value == 1) {
      worked_before_.insert_or_assign(key, sample.time);
      continue;
    }
    if (sample.value == 0) failing_.insert(key);
    if (unclear.size() < kMostUnclear) unclear.push_back(key);
  }
  for (const auto& key : unclear) {
    auto all = co_await worked(
        {*Matcher::make("collector", MatchOp::equal, key.first), *Matcher::make("datname", MatchOp::equal, key.second)},
        false);
    if (!all) last = std::move(all);
    if (!last) break;
    for (const auto& series : *all)
      for (const auto& sample : series.samples)
        if (sample.value == 1) worked_before_.insert_or_assign(key, sample.time);
  }
  if (!last) log::warn("how collectors did before the start is not known", {{"error", last.error().describe()}});
  recalled_ = true;
}

bool Collecting::is_stale(const Run& run) const {
  return run.status != CollectStatus::unsupported &&
         (!run.last_success || parts_.clock.now() - *run.last_success > stale_after(run.interval, run.duration));
}

bool Collecting::asks_server(const std::string& collector) const {
  return !neighbours_.has(collector) && collector != kHostCollector && collector != kSelfCollector &&
         collector != kBackupsCollector;
}

void Collecting::note_reached(bool reached, UtcTime at, const std::string& why_not) {
  const bool first = reached_at_ == UtcTime{} && runs_.find({kUpCollector, ""}) == runs_.end();
  if (!reached && (reached_since_ || first)) log::warn("server not reached", {{"why", why_not}});
  if (reached && !reached_since_ && !first) log::info("server reached again", {});
  if (!reached) reached_since_.reset();
  if (reached && !reached_since_) reached_since_ = at;
  if (reached) reached_at_ = at;
}

bool Collecting::unreached(const std::string& collector, const std::string& database) const {
  const auto found = runs_.find({collector, database});
  if (found == runs_.end()) return false;
  const auto status = found->second.status;
  // While it is away a statement may also wait in vain for the lane, or be refused with the session.
  return status == CollectStatus::unavailable ||
         (!reached_since_ && (status == CollectStatus::permission || status == CollectStatus::timeout));
}

std::optional<bool> Collecting::works(const std::string& collector, const Run& run) const {
  if (run.status == CollectStatus::unsupported) return std::nullopt;
  const bool good = run.status == CollectStatus::ok && !is_stale(run);
  // That a neighbour is away is said by its own metric.
  if (neighbours_.has(collector) && (run.status == CollectStatus::unavailable || run.status == CollectStatus::timeout))
    return std::nullopt;
  if (good || !asks_server(collector)) return good;
  // Its own fault only if the probe reached the server long before that run, and after it.
  const bool own_fault = reached_since_ && run.last_run >= *reached_since_ + kLanesReopen &&
                         (run.status != CollectStatus::unavailable || run.last_run <= reached_at_);
  return own_fault ? std::optional(false) : std::nullopt;
}

std::map<Collecting::Key, bool> Collecting::judge() {
  std::map<Key, bool> out;
  for (const auto& [key, run] : runs_) {
    const auto good = works(key.first, run);
    // What is not tried again yet is as it was; that a neighbour is away its own metric tells.
    if (good.value_or(run.status == CollectStatus::unsupported || neighbours_.has(key.first))) failing_.erase(key);
    if (good == false) failing_.insert(key);
    if (good) out.emplace(key, *good);
  }
  for (const auto& key : failing_) {
    const auto* def = this->def(key.first);
    const bool there =
        key.second.empty() || !databases_ || std::ranges::find(*databases_, key.second) != databases_->end();
    if (def != nullptr && there) out.emplace(key, false);
  }
  return out;
}

std::vector<api::CollectorView> Collecting::views() const {
  std::vector<api::CollectorView> out;
  for (const auto& [key, run] : runs_) {
    api::CollectorView view;
    view.name = key.first;
    view.database = key.second;
    view.status = to_string(run.status);
    view.detail = run.detail;
    if (const auto* known = def(key.first); view.detail.empty() && known != nullptr)
      view.detail = pace_detail(*known, key.second);
    view.last_success = run.last_success;
    view.last_duration = run.duration;
    view.interval = run.interval;
    view.series = run.series;
    view.stale = is_stale(run);
    out.push_back(std::move(view));
  }
  return out;
}

}  // namespace pgtend::engine
