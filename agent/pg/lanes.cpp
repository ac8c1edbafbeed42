#include "agent/pg/lanes.hpp"

#include <algorithm>

#include "agent/pg/error.hpp"
#include "agent/pg/lanes_state.hpp"

namespace pgtend::pg {
namespace {

// The client waits a little longer than the server's statement_timeout, so that the server is the one that ends it.
constexpr Millis kGrace{250};
constexpr Millis kCloseWait{3'000};

enum class Protocol { simple, extended };

Error refusal(const std::string& message) {
  Error error;
  error.code = Errc::refused;
  error.message = message;
  return error;
}

// Why this session may not change anything; nullopt when it may.
std::optional<Error> unfit_to_act(const Connection& connection) {
  if (!connection.is_direct())
    return refusal(
        "the connection goes through a pooler (the server process is not the one that libpq was told); "
        "acting needs a direct connection");
  if (connection.identity().role != ServerRole::primary) return refusal("the server is a standby");
  return std::nullopt;
}

net::TaskResult<std::unique_ptr<LeaseHold>> take_slot(std::shared_ptr<LanesState> state, Lane lane,
                                                      std::string database, Deadline deadline, bool ends_session) {
  if (state->closed) co_return fail(Errc::cancelled, "the connections are being closed");
  auto& slot = state->slot_for(lane, database);
  auto permit = co_await slot.turn.enter(deadline);
  if (!permit)
    co_return fail(Errc::timeout, "lane " + std::string(to_string(lane)) + " was busy until the deadline", true);
  co_return std::make_unique<LeaseHold>(state, slot, std::move(*permit), ends_session);
}

struct Statement {
  Protocol protocol;
  std::string marker, sql;
  Params params;
  Millis timeout;
};

// The slot is part of `state`.
net::TaskResult<RowSet> run_once(std::shared_ptr<LanesState> state, Slot* slot, Statement statement,
                                 Deadline deadline) {
  if (slot->lane == Lane::act) {
    auto unfit = unfit_to_act(*slot->connection);
    if (unfit) co_return fail(std::move(*unfit));
  }
  const bool recurs = slot->lane == Lane::probe || slot->lane == Lane::sample;
  if (recurs && statement.protocol == Protocol::extended) {
    slot->connection->mark_next(statement.marker, statement.timeout);
    co_return co_await slot->connection->repeat(statement.sql, statement.params, deadline);
  }
  auto marked = co_await slot->connection->mark(statement.marker, statement.timeout, deadline);
  if (!marked) co_return marked;
  if (statement.protocol == Protocol::simple) co_return co_await slot->connection->execute(statement.sql, deadline);
  co_return co_await slot->connection->query(statement.sql, statement.params, deadline);
}

net::TaskResult<RowSet> run_on_lane(std::shared_ptr<LanesState> state, Lane lane, std::string database,
                                    Statement statement) {
  const auto deadline = state->clock.steady_now() + statement.timeout + kGrace;
  const bool ends_session = lane == Lane::act;
  auto hold = co_await take_slot(state, lane, database, deadline, ends_session);
  if (!hold) co_return fail(std::move(hold.error()));
  auto& slot = (*hold)->slot;
  auto wanted = state->database_or_home(lane, database);
  while (true) {
    auto was_open = co_await ensure_connected(state, &slot, wanted, deadline);
    if (!was_open) co_return fail(std::move(was_open.error()));
    auto answer = co_await run_once(state, &slot, statement, deadline);
    if (answer) co_return answer;
    if (classify(answer.error()) == RetryClass::role_changed) end_session(*state, slot);
    const bool session_lost = slot.connection && !slot.connection->healthy();
    if (session_lost) state->lost(lane, answer.error());
    // Only a session that had died while idle is tried again; a fresh one that dies has a reason.
    const bool again =
        session_lost && *was_open && lane != Lane::act && answer.error().code == Errc::unavailable && !state->closed;
    if (!again) co_return answer;
  }
}

}  // namespace

std::string_view to_string(Lane lane) {
  switch (lane) {
    case Lane::probe:
      return "probe";
    case Lane::sample:
      return "sample";
    case Lane::advise:
      return "advise";
    case Lane::act:
    case Lane::signal:
      return "act";
  }
  return "probe";
}

LanesState::LanesState(net::asio::any_io_executor blocking_pool, LaneOptions lane_options, const Clock& the_clock,
                       std::uint64_t jitter_seed)
    : blocking(std::move(blocking_pool)),
      options(std::move(lane_options)),
      clock(the_clock),
      seed(jitter_seed),
      monitor(options.monitor, clock, jitter_seed),
      operator_(options.operator_.parameters.empty() ? options.monitor : options.operator_, clock, jitter_seed + 1) {
  const auto named = options.monitor.parameters.find("dbname");
  if (named != options.monitor.parameters.end()) home_database = named->second;
}

Slot& LanesState::slot_for(Lane lane, const std::string& database) {
  switch (lane) {
    case Lane::probe:
      return slots[0];
    case Lane::sample:
      return database.empty() || database == home_database ? slots[1] : slots[2];
    case Lane::advise:
      return slots[3];
    case Lane::act:
      return slots[4];
    case Lane::signal:
      return slots[5];
  }
  return slots[0];
}

std::string LanesState::database_or_home(Lane lane, const std::string& database) const {
  if (!database.empty()) return database;
  const auto& parameters = credentials(lane).spec.parameters;
  const auto named = parameters.find("dbname");
  return named != parameters.end() ? named->second : home_database;
}

void LanesState::lost(Lane lane, const Error& error) {
  ++account(lane).reconnects[error.sqlstate];
  account(lane).last_error = error.describe();
}

LeaseHold::LeaseHold(std::shared_ptr<LanesState> of, Slot& which, net::Turnstile::Permit turn, bool ends)
    : state(std::move(of)), slot(which), permit(std::move(turn)), ends_session(ends) {
  slot.in_use = true;
}

LeaseHold::~LeaseHold() {
  const bool reusable = slot.connection && slot.connection->healthy() && !slot.connection->in_transaction();
  if (ends_session || !reusable || state->closed) end_session(*state, slot);
  slot.in_use = false;
}

Lease::Lease(std::unique_ptr<LeaseHold> hold) : hold_(std::move(hold)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
Lease::~Lease() = default;
Connection& Lease::connection() const {
  return *hold_->slot.connection;
}

Lanes::Lanes(net::asio::any_io_executor, net::asio::any_io_executor blocking, LaneOptions options, const Clock& clock,
             std::uint64_t seed)
    : state_(std::make_shared<LanesState>(std::move(blocking), std::move(options), clock, seed)) {}

Lanes::~Lanes() {
  state_->closed = true;
}

net::TaskResult<RowSet> Lanes::query(Lane lane, std::string database, std::string marker, std::string sql,
                                     Params params, Millis timeout) {
  Statement statement{Protocol::extended, std::move(marker), std::move(sql), std::move(params), timeout};
  return run_on_lane(state_, lane, std::move(database), std::move(statement));
}

net::TaskResult<std::vector<std::optional<RowSet>>> Lanes::repeat_all(Lane lane, std::string database,
                                                                      std::vector<Connection::Recurring> statements,
                                                                      Millis timeout) {
  // The state, not this object, must outlive the wait.
  auto state = state_;
  const auto deadline = state->clock.steady_now() + timeout + kGrace;
  const bool ends_session = false;
  auto hold = co_await take_slot(state, lane, database, deadline, ends_session);
  if (!hold) co_return fail(std::move(hold.error()));
  auto& slot = (*hold)->slot;
  auto wanted = state->database_or_home(lane, database);
  auto connected = co_await ensure_connected(state, &slot, wanted, deadline);
  if (!connected) co_return fail(std::move(connected.error()));
  auto answers = co_await slot.connection->repeat_all(std::move(statements), timeout, deadline);
  if (!answers) state->lost(lane, answers.error());
  co_return answers;
}

net::TaskResult<RowSet> Lanes::execute(Lane lane, std::string database, std::string marker, std::string sql,
                                       Millis timeout) {
  Statement statement{Protocol::simple, std::move(marker), std::move(sql), Params(), timeout};
  return run_on_lane(state_, lane, std::move(database), std::move(statement));
}

namespace {

net::TaskResult<std::unique_ptr<LeaseHold>> lease_slot(std::shared_ptr<LanesState> state, Lane lane,
                                                       std::string database, Deadline deadline) {
  const bool ends_session = true;
  auto hold = co_await take_slot(state, lane, database, deadline, ends_session);
  if (!hold) co_return hold;
  auto& slot = (*hold)->slot;
  auto wanted = state->database_or_home(lane, database);
  // What an earlier query() left set on this session is not part of a lease.
  end_session(*state, slot);
  auto connected = co_await ensure_connected(state, &slot, wanted, deadline);
  if (!connected) co_return fail(std::move(connected.error()));
  if (slot.lane == Lane::act) {
    auto unfit = unfit_to_act(*slot.connection);
    if (unfit) co_return fail(std::move(*unfit));
  } else if (!slot.connection->is_direct()) {
    co_return fail(refusal("the connection goes through a pooler; a session of its own needs a direct connection"));
  }
  co_return hold;
}

}  // namespace

net::TaskResult<Lease> Lanes::lease(Lane lane, std::string database, Deadline deadline) {
  // The state, not this object, must outlive the wait.
  auto state = state_;
  auto hold = co_await lease_slot(state, lane, database, deadline);
  if (!hold) co_return fail(std::move(hold.error()));
  co_return Lease(std::move(*hold));
}

void Lanes::leave(Lane lane) {
  for (auto& slot : state_->slots)
    if (slot.lane == lane && !slot.in_use && slot.connection && slot.connection->database() != state_->home_database)
      end_session(*state_, slot);
}

ServerIdentity Lanes::identity() const {
  return state_->identity;
}
std::string Lanes::home_database() const {
  return state_->home_database;
}
TlsFacts Lanes::tls() const {
  return state_->tls;
}

void Lanes::on_identity_change(std::function<void(const ServerIdentity& was, const ServerIdentity& is)> listener) {
  state_->listener = std::move(listener);
}

std::vector<LaneStatus> Lanes::status() const {
  std::vector<LaneStatus> out;
  for (const auto lane : {Lane::probe, Lane::sample, Lane::advise, Lane::act}) {
    const auto& account = state_->account(lane);
    LaneStatus status;
    status.name = to_string(lane);
    const auto& gate = state_->credentials(lane).gate;
    // Advise and act open on demand: they are up when their last attempt was good and the server can be reached.
    const bool on_demand = lane == Lane::advise || lane == Lane::act;
    const bool reachable = !gate.failing() && !state_->monitor.gate.failing();
    const bool open = std::any_of(state_->slots.begin(), state_->slots.end(), [&](const Slot& slot) {
      return slot.lane == lane && slot.connection &&
             (slot.in_use || (slot.connection->healthy() && !slot.connection->hung_up()));
    });
    status.up = open || (on_demand && reachable && account.connects > 0 && account.last_error.empty());
    status.direct = account.direct;
    status.breaker = net::to_string(gate.breaker());
    status.reconnects = account.reconnects;
    status.connects = account.connects;
    status.connect_time = account.connect_time;
    // Why no session can be had now says more than how the last one was lost.
    status.last_error = gate.failing() && !open ? gate.last_error()->describe() : account.last_error;
    out.push_back(std::move(status));
  }
  return out;
}

std::map<int, double> Lanes::take_ended() {
  return std::exchange(state_->ended, {});
}

std::vector<OwnSession> Lanes::sessions() const {
  std::vector<OwnSession> out;
  for (const auto& slot : state_->slots)
    if (slot.connection && slot.connection->backend_pid() != 0)
      out.push_back(
          {slot.lane, slot.connection->backend_pid(), slot.connection->database(), slot.connection->is_local()});
  return out;
}

net::Task<void> Lanes::close() {
  auto state = state_;
  state->closed = true;
  const auto deadline = state->clock.steady_now() + kCloseWait;
  for (auto& slot : state->slots) {
    if (slot.lane == Lane::act && slot.in_use) continue;
    if (slot.in_use && slot.connection) co_await slot.connection->cancel();
    auto permit = co_await slot.turn.enter(deadline);
    if (permit) end_session(*state, slot);
  }
}

}  // namespace pgtend::pg
