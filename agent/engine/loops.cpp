#include "agent/engine/loops.hpp"

#include <malloc.h>

#include "agent/base/log.hpp"
#include "agent/engine/beat.hpp"
#include "agent/engine/idle_code.hpp"
#include "agent/engine/systemd.hpp"
#include "agent/engine/wiring.hpp"

namespace pgtend::engine {

namespace {

// New databases are rare.
constexpr std::chrono::seconds kDiscoverInterval{30};
constexpr std::chrono::seconds kDiscoverRetry{2};
constexpr std::chrono::seconds kOutboxInterval{1};
// A commit also writes blocks that were encoded since, keeps the file within its limits and tries again what failed.
constexpr std::chrono::seconds kQuietCommit{10};
// The first advice needs two readings some time apart; waiting a whole interval for it would waste the first minutes.
constexpr std::chrono::seconds kFirstAdviceAfter{20};
constexpr std::chrono::seconds kSettle{3};
// Databases that a round of advice looks at, where there are more: the facts of one take 60 ms of a backend. However
// many there are, each has its turn within so many rounds, two hours by default.
constexpr std::size_t kAdvisedAtOnce = 20, kRoundsForAll = 12;

// Without a ledger there is no pipeline at all: nothing may be changed that is not written down first.
std::unique_ptr<change::Pipeline> make_changes(Parts& parts, Advising& advising, const EngineOptions& options) {
  if (parts.ledger == nullptr) return nullptr;
  change::PipelineParts given{
      .lanes = parts.lanes,
      .ledger = *parts.ledger,
      .store = parts.store,
      .blocking = parts.blocking,
      .clock = parts.clock,
      .policy = [&parts] { return parts.config->policy; },
      .history = [&parts] { return parts.history.reader(); },
      .statements_touching = [&advising](const ProposedChange& plan) { return advising.statements_touching(plan); },
      .poolers = [&parts] { return poolers(*parts.config, parts.blocking); },
      .actor = "agent",
      .instance = parts.config->instance.name,
      .seed = static_cast<std::uint64_t>(to_ms(parts.clock.now())),
      .fault = options.fault};
  return std::make_unique<change::Pipeline>(std::move(given), pipeline_options(*parts.config));
}

// What a round of advice or a large query freed lies between what stays; glibc gives such pages back only when asked.
void give_back_memory() {
  malloc_trim(0);
  give_back_idle_code();
}

std::string_view what_changed(const ServerIdentity& was, const ServerIdentity& is) {
  if (was.system_identifier != is.system_identifier) return "the server is another one than before";
  if (was.role != is.role)
    return is.role == ServerRole::primary ? "the server was promoted" : "the server is a standby now";
  if (was.timeline != is.timeline) return "the server is on another timeline";
  if (was.version_num != is.version_num) return "the server was upgraded";
  return "the server was restarted";
}

}  // namespace

Rooms::Rooms(Parts& parts_given, const EngineOptions& options)
    : parts(parts_given),
      cost({parts.config->collection.budget.cpu_ratio, parts.config->collection.budget.rss_bytes}),
      collecting(parts, cost),
      alerting(
          parts, [this](const std::string& metric) { return collecting.blind(metric); },
          [this](const std::string& metric, const Labels* alert) { return collecting.left_out(metric, alert); }),
      advising(parts, collecting),
      changes(make_changes(parts, advising, options)),
      pipeline(parts, collecting, alerting, advising, changes.get()),
      sampling(parts, collecting, pipeline, cost),
      view(parts, collecting, cost, alerting, advising, changes.get(), options.version),
      rights(parts, sampling, view),
      remote_writing(parts, [this] { return collecting.metrics(); }),
      refreshes_noted_until_(parts.clock.now()) {
  collecting.set_watched([this] { return alerting.watched(); });
  parts.lanes.on_identity_change([this](const ServerIdentity& was, const ServerIdentity& is) { on_identity(was, is); });
}

Result<void> Rooms::load() {
  const auto rules = load_rules(parts.config->rules);
  if (!rules.errors.empty()) return fail(Errc::config, config::format_errors(rules.errors));
  parts.config_view.not_loaded.clear();
  for (const auto& error : collecting.load()) {
    auto text = config::format_errors({&error, 1});
    text.pop_back();
    log::error("collector not loaded", {{"error", text}});
    parts.config_view.not_loaded.push_back(std::move(text));
  }
  for (const auto& error : advising.load())
    log::error("check not loaded", {{"error", config::format_errors({&error, 1})}});
  alerting.set_rules(rules.rules);
  parts.history.set_expendable(collecting.heavy());
  parts.board.set_defs(collecting.metrics());
  cost.set_budget({parts.config->collection.budget.cpu_ratio, parts.config->collection.budget.rss_bytes});
  if (changes != nullptr) changes->set_options(pipeline_options(*parts.config));
  sampling.reschedule();
  remote_writing.reload();
  return {};
}

void Rooms::on_identity(const ServerIdentity& was, const ServerIdentity& is) {
  rights.look_again();
  collecting.forget_shapes();
  if (was.version_num == 0) {
    log::info("connected", {{"server", is.server_version}, {"role", std::string(to_string(is.role))}});
    return;
  }
  log::warn(what_changed(was, is), {{"role", std::string(to_string(is.role))},
                                    {"was_role", std::string(to_string(was.role))},
                                    {"timeline", std::to_string(is.timeline)},
                                    {"started", to_rfc3339(is.postmaster_start)},
                                    {"server", is.server_version}});
}

void Rooms::start(Supervisor& supervisor) {
  sampling.start(supervisor);
  supervisor.spawn("active sessions", [this] { return collecting.active_sessions().loop(); });
  supervisor.spawn("server log", [this] { return collecting.log_tailing().loop(); });
  supervisor.spawn("databases", [this] { return discover_loop(); });
  supervisor.spawn("rights", [this] { return rights.loop(); });
  supervisor.spawn("rules", [this] { return rules_loop(); });
  supervisor.spawn("outbox", [this, &supervisor] { return outbox_loop(&supervisor); });
  supervisor.spawn("heartbeat", [this] { return heartbeat_loop(); });
  supervisor.spawn("advise", [this] { return advise_loop(); });
  supervisor.spawn("commit", [this] { return commit_loop(); });
  supervisor.spawn("changes", [this] { return change_loop(); });
  remote_writing.start(supervisor);
  supervisor.spawn("watchdog", [this] { return watchdog_loop(); });
}

net::Task<void> Rooms::discover_loop() {
  while (true) {
    auto found = co_await sampling.discover();
    const Deadline next = parts.clock.steady_now() + (found ? kDiscoverInterval : kDiscoverRetry);
    co_await net::sleep_until(next);
  }
}

net::Task<void> Rooms::rules_loop() {
  auto restored = co_await alerting.restore();
  if (!restored && parts.ledger != nullptr) log::error("alerts not restored", {{"error", restored.error().describe()}});
  // The first samples must be there, or every rule would see an empty history.
  const Deadline settled = parts.clock.steady_now() + kSettle;
  co_await collecting.recall();
  co_await net::sleep_until(settled);
  std::map<std::string, Deadline> due;
  while (true) {
    const auto rules = alerting.rules();
    auto& triggers = alerting.triggers();
    const Deadline now = parts.clock.steady_now();
    Deadline next = now + parts.config->rules.evaluation_interval;
    auto turns = triggers.take(now);
    for (std::size_t i = 0; i < rules->groups.size(); ++i) {
      auto& at = due.try_emplace(rules->groups[i].id, now).first->second;
      if (at <= now) turns[i].clear();
      while (at <= now) at += rules->groups[i].interval;
      next = std::min(next, at);
    }
    if (!turns.empty()) co_await pipeline.watch(std::move(turns));
    next = std::min(next, triggers.due().value_or(next));
    co_await alerting.wakeup().wait_until(next);
  }
}

net::Task<void> Rooms::outbox_loop(Supervisor* supervisor) {
  Deadline resend = parts.clock.steady_now() + parts.config->alerting.resend_interval;
  while (true) {
    if (parts.clock.steady_now() >= resend) {
      auto queued = co_await alerting.resend();
      if (!queued) log::warn("alerts not resent", {{"error", queued.error().describe()}});
      resend = parts.clock.steady_now() + parts.config->alerting.resend_interval;
    }
    auto made = co_await alerting.dispatch();
    if (!made) log::warn("groups not flushed", {{"error", made.error().describe()}});
    auto batches = co_await alerting.take_due();
    for (auto& batch : batches) {
      const auto name = "send to " + batch.receiver;
      supervisor->spawn(name, [this, batch = std::move(batch)] { return alerting.send(batch); });
    }
    const Deadline next = on_the_second(parts.clock.steady_now() + kOutboxInterval, kOutboxInterval);
    co_await alerting.outbox().wait_until(next);
  }
}

net::Task<void> Rooms::heartbeat_loop() {
  while (true) {
    const Deadline next = parts.clock.steady_now() + parts.config->alerting.heartbeat.interval;
    auto beat = co_await alerting.heartbeat();
    if (!beat) log::warn("heartbeat not sent", {{"error", beat.error().describe()}});
    co_await net::sleep_until(next);
  }
}

net::Task<void> Rooms::advise_loop() {
  const Millis first = std::min<Millis>(kFirstAdviceAfter, parts.config->advisors.interval);
  const Deadline start = parts.clock.steady_now() + first;
  co_await net::sleep_until(start);
  std::size_t turn = 0;
  while (true) {
    const Deadline next = parts.clock.steady_now() + parts.config->advisors.interval;
    const auto databases = sampling.databases();
    const auto count = std::min(databases.size(), std::max(kAdvisedAtOnce, databases.size() / kRoundsForAll + 1));
    for (std::size_t i = 0; i < count; ++i) {
      // The facts of a database are the most memory that is ever taken: not beside what was freed and not given back.
      give_back_memory();
      co_await pipeline.tend(databases[(turn + i) % databases.size()]);
    }
    give_back_memory();
    turn = databases.empty() ? 0 : (turn + count) % databases.size();
    parts.lanes.leave(pg::Lane::advise);
    sampling.leave();
    co_await note_refreshes();
    // Nothing is known of the server yet: look again soon, not after a whole interval.
    const Deadline wake = databases.empty() ? parts.clock.steady_now() + kDiscoverRetry : next;
    co_await net::sleep_until(wake);
  }
}

// Tells the advisor of refreshes that the pipeline finished, whose rows may not differ and so leave no other trace.
net::Task<void> Rooms::note_refreshes() {
  const UtcTime since = refreshes_noted_until_;
  auto read = [](store::Ledger& ledger) { return ledger.list_changes({ChangeState::kept, false}, 100); };
  auto kept = co_await parts.with_ledger(read);
  if (!kept) co_return;
  for (const auto& change : *kept) {
    const auto* refresh = std::get_if<RefreshChange>(&change.plan.detail);
    if (refresh == nullptr || change.updated_at <= since) continue;
    const double seconds = change.applied_at ? to_seconds(change.updated_at) - to_seconds(*change.applied_at) : 0;
    advising.note_refresh(change.plan.database, refresh->schema + "." + refresh->matview, change.updated_at, seconds);
    refreshes_noted_until_ = std::max(refreshes_noted_until_, change.updated_at);
  }
}

net::Task<void> Rooms::commit_loop() {
  Deadline look_after{};
  while (true) {
    const Deadline now = parts.clock.steady_now();
    const Millis every = parts.config->history.commit_interval;
    const Deadline next = on_the_second(now + every, every);
    if (parts.history.has_new() || now >= look_after) {
      look_after = now + kQuietCommit;
      auto commit = [history = &parts.history] { return history->commit(); };
      // It says itself what fails.
      (void)co_await net::run_on(parts.store, commit);
    }
    co_await net::sleep_until(next);
  }
}

net::Task<void> Rooms::change_loop() {
  if (changes == nullptr) co_return;
  co_await changes->recover();
  co_await changes->run();
}

net::Task<void> Rooms::watchdog_loop() {
  const auto every = systemd::watchdog_interval();
  while (true) {
    // Alive means that rules were evaluated and samples stored, not only that a timer fired.
    const auto stats = parts.history.stats();
    const UtcTime now = parts.clock.now();
    const Millis patience = std::max<Millis>(parts.config->rules.evaluation_interval * 4, std::chrono::minutes(1));
    const bool evaluates = now - alerting.last_evaluation() < patience;
    if (evaluates) systemd::watchdog();
    give_back_memory();
    // Bounded, whatever the disk does: the next sign of life comes after it.
    auto status = co_await view.status();
    if (status)
      systemd::status(status->state + ": " + std::to_string(stats.series) + " series, " +
                      std::to_string(status->alerts.firing) + " alerts firing, " +
                      std::to_string(status->changes.open) + " changes open; " + cost.describe());
    const Deadline next = parts.clock.steady_now() + every.value_or(std::chrono::seconds(30));
    co_await net::sleep_until(next);
  }
}

}  // namespace pgtend::engine
