#include "agent/change/pipeline.hpp"

#include "agent/base/log.hpp"
#include "agent/change/core.hpp"
#include "agent/change/driver.hpp"
#include "agent/change/entrance.hpp"

namespace pgtend::change {
namespace {

constexpr std::size_t kOpenChanges = 1'000;
// After an exception, which nothing should throw.
constexpr Millis kAfterThrow{60'000};
// Of the interval at which the ledger is asked for work, how many pass while no change is open: whoever brings one
// rings.
constexpr int kQuietPolls = 10;

bool is_driven(ChangeState state) {
  switch (state) {
    case ChangeState::approved:
    case ChangeState::deferred:
    case ChangeState::pre_validated:
    case ChangeState::applying:
    case ChangeState::post_validated:
    case ChangeState::observing:
    case ChangeState::reverting:
    case ChangeState::needs_restart:
      return true;
    default:
      return false;
  }
}

// States that only look do not keep a database to themselves.
bool only_looks(ChangeState state) {
  return state == ChangeState::observing || state == ChangeState::needs_restart;
}

bool is_left_by_crash(ChangeState state) {
  return is_driven(state) && state != ChangeState::approved && state != ChangeState::deferred && !only_looks(state);
}

// Rings after an entrance, so that what it let in does not wait for the next poll.
net::TaskResult<Change> then_ring(net::TaskResult<Change> entrance, std::shared_ptr<net::asio::steady_timer> wake) {
  auto change = co_await std::move(entrance);
  if (wake) wake->cancel();
  co_return change;
}

}  // namespace

class Pipeline::Impl {
 public:
  Impl(PipelineParts parts, PipelineOptions options)
      : core(std::make_shared<Core>(std::move(parts), std::move(options))) {
    const auto seed = core->parts.seed;
    core->random.seed(seed != 0 ? seed : static_cast<std::uint64_t>(to_ms(core->parts.clock.now())));
  }

  // Oldest first: nobody is overtaken for ever.
  net::Task<std::vector<Change>> open_changes() {
    auto job = [](store::Ledger& ledger) { return ledger.list_changes({std::nullopt, true}, kOpenChanges); };
    auto open = co_await with_ledger(core, job);
    if (!open) {
      log::error("changes not read", {{"error", open.error().describe()}});
      co_return std::vector<Change>();
    }
    co_return std::vector<Change>(open->rbegin(), open->rend());
  }

  net::Task<void> expire(Change change) {
    if (change.state != ChangeState::proposed || !change.expires_at) co_return;
    if (core->parts.clock.now() < *change.expires_at) co_return;
    const auto from = change.state;
    change.state = ChangeState::expired;
    change.last_error = "nobody approved it in time";
    auto moved = co_await move(core, change, from, "change.expire", "ok", "");
    if (!moved) core->rest(change.id, core->options.defer_for);
  }

  [[nodiscard]] bool may_start(const Change& change) const {
    if (!is_driven(change.state) || core->busy.contains(change.id)) return false;
    const auto rest = core->resting.find(change.id);
    if (rest != core->resting.end() && core->parts.clock.steady_now() < rest->second) return false;
    if (change.not_before && change.state == ChangeState::deferred && core->parts.clock.now() < *change.not_before)
      return false;
    if (only_looks(change.state) || is_signal(change.plan)) return true;
    const auto database = acting_database(*core, change.plan);
    return std::none_of(core->busy.begin(), core->busy.end(),
                        [&](const auto& each) { return each.second == database; });
  }

  void start(net::asio::any_io_executor executor, const Change& change) {
    // Neither a look nor a signal stands in the way of an act.
    const bool alone = !only_looks(change.state) && !is_signal(change.plan);
    core->busy[change.id] = alone ? acting_database(*core, change.plan) : std::string();
    auto driver = std::make_shared<Driver>(core, change);
    auto on_end = [core = core, driver, id = change.id, wake = wake](std::exception_ptr failure) {
      core->busy.erase(id);
      if (failure) {
        log::error("a step of a change threw", {{"id", id}});
        core->rest(id, kAfterThrow);
      }
      if (wake) wake->cancel();
    };
    net::asio::co_spawn(executor, driver->run(), std::move(on_end));
  }

  CorePtr core;
  std::shared_ptr<net::asio::steady_timer> wake;  // of run(); woken by the end of a step and by stop()
};

Pipeline::Pipeline(PipelineParts parts, PipelineOptions options)
    : impl_(std::make_unique<Impl>(std::move(parts), std::move(options))) {}

Pipeline::~Pipeline() {
  stop();
}

net::TaskResult<Change> Pipeline::submit(Recommendation recommendation, Decision decision) {
  return then_ring(enter(impl_->core, std::move(recommendation), std::move(decision)), impl_->wake);
}

net::TaskResult<Change> Pipeline::submit_plan(ProposedChange plan, std::string actor) {
  return then_ring(enter_plan(impl_->core, std::move(plan), std::move(actor)), impl_->wake);
}

net::TaskResult<Change> Pipeline::approve(std::string id, std::string plan_hash, std::string actor) {
  return then_ring(approve_change(impl_->core, std::move(id), std::move(plan_hash), std::move(actor)), impl_->wake);
}

net::TaskResult<Change> Pipeline::reject(std::string id, std::string reason, std::string actor) {
  return then_ring(reject_change(impl_->core, std::move(id), std::move(reason), std::move(actor)), impl_->wake);
}

net::TaskResult<ProposedChange> Pipeline::complete(ProposedChange plan) {
  return complete_plan(impl_->core, std::move(plan));
}

net::TaskResult<Change> Pipeline::undo(std::string id, std::string actor) {
  return then_ring(undo_change(impl_->core, std::move(id), std::move(actor)), impl_->wake);
}

net::Task<void> Pipeline::recover() {
  auto core = impl_->core;
  auto open = co_await impl_->open_changes();
  for (const auto& change : open) {
    co_await impl_->expire(change);
    if (!is_left_by_crash(change.state) || core->busy.contains(change.id)) continue;
    log::info("change left open", {{"id", change.id}, {"state", std::string(to_string(change.state))}});
    core->busy[change.id] = acting_database(*core, change.plan);
    Driver driver(core, change);
    co_await driver.run();
    core->busy.erase(change.id);
  }
}

net::Task<void> Pipeline::run() {
  auto executor = co_await net::asio::this_coro::executor;
  auto core = impl_->core;
  auto wake = std::make_shared<net::asio::steady_timer>(executor);
  impl_->wake = wake;
  while (!core->stopping) {
    auto open = co_await impl_->open_changes();
    for (const auto& change : open) {
      if (core->stopping) break;
      co_await impl_->expire(change);
      if (impl_->may_start(change)) impl_->start(executor, change);
    }
    wake->expires_at(core->in(core->options.poll_interval * (open.empty() ? kQuietPolls : 1)));
    if (!core->stopping) co_await wake->async_wait(net::as_values);
  }
  while (!core->busy.empty()) {
    wake->expires_at(core->in(core->options.poll_interval));
    co_await wake->async_wait(net::as_values);
  }
}

void Pipeline::stop() {
  impl_->core->stopping = true;
  if (impl_->wake) impl_->wake->cancel();
}

std::optional<Progress> Pipeline::progress(const std::string& id) const {
  const auto it = impl_->core->progress.find(id);
  if (it == impl_->core->progress.end()) return std::nullopt;
  return it->second;
}

net::Task<std::string> Pipeline::waits_for(Change change) {
  return change::waits_for(impl_->core, std::move(change));
}

void Pipeline::set_options(PipelineOptions options) {
  impl_->core->options = std::move(options);
}

}  // namespace pgtend::change
