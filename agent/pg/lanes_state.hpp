#pragma once

#include <array>

#include "agent/net/turnstile.hpp"
#include "agent/pg/gate.hpp"
#include "agent/pg/lanes.hpp"

// Inside of Lanes, shared by lanes.cpp (what callers ask) and lanes_connect.cpp (sessions and their gates).
namespace pgtend::pg {

// One session's place; whoever holds its turnstile uses it.
struct Slot {
  explicit Slot(Lane which) : lane(which) {}
  Lane lane;
  net::Turnstile turn{1};
  std::unique_ptr<Connection> connection;
  bool in_use = false;
  Deadline recycle_not_before{};
  Deadline memory_checked_at{};
};

// What one role may try against the server; attempts pass one at a time.
struct Credentials {
  Credentials(ConnectSpec what, const Clock& clock, std::uint64_t seed) : spec(std::move(what)), gate(clock, seed) {}
  ConnectSpec spec;
  ConnectGate gate;
  net::Turnstile turn{1};
  // Failures of one database only (it does not exist, no CONNECT right) do not hold up the others.
  std::map<std::string, ConnectGate> databases;
};

struct LaneAccount {
  std::map<std::string, std::int64_t> reconnects;
  std::int64_t connects = 0;
  Millis connect_time{0};
  std::string last_error;
  bool direct = true;
};

struct LanesState {
  LanesState(net::asio::any_io_executor blocking_pool, LaneOptions lane_options, const Clock& the_clock,
             std::uint64_t jitter_seed);

  Credentials& credentials(Lane lane) { return lane == Lane::probe || lane == Lane::sample ? monitor : operator_; }
  const Credentials& credentials(Lane lane) const { return const_cast<LanesState*>(this)->credentials(lane); }
  LaneAccount& account(Lane lane) {
    return accounts[static_cast<std::size_t>(lane == Lane::signal ? Lane::act : lane)];
  }
  Slot& slot_for(Lane lane, const std::string& database);
  // The database to name in a connect: the caller's, or the lane's own.
  [[nodiscard]] std::string database_or_home(Lane lane, const std::string& database) const;
  // Notes a session that was lost, by SQLSTATE.
  void lost(Lane lane, const Error& error);

  net::asio::any_io_executor blocking;
  LaneOptions options;
  const Clock& clock;
  std::uint64_t seed;
  Credentials monitor, operator_;
  // The last is of the lane signal, which is act in all but its place.
  std::array<Slot, 6> slots{Slot(Lane::probe),  Slot(Lane::sample), Slot(Lane::sample),
                            Slot(Lane::advise), Slot(Lane::act),    Slot(Lane::act)};
  std::array<LaneAccount, 4> accounts;
  ServerIdentity identity;
  std::string home_database;
  TlsFacts tls;
  std::function<void(const ServerIdentity&, const ServerIdentity&)> listener;
  // By pid, CPU seconds of backends that served sessions which ended since somebody asked.
  std::map<int, double> ended;
  bool closed = false;
};

// Ends the session of a slot, if there is one, and keeps what its backend had cost until then.
void end_session(LanesState& state, Slot& slot);

// A slot while somebody has it; giving it back ends sessions that must not be shared.
struct LeaseHold {
  LeaseHold(std::shared_ptr<LanesState> of, Slot& which, net::Turnstile::Permit turn, bool ends);
  LeaseHold(const LeaseHold&) = delete;
  LeaseHold& operator=(const LeaseHold&) = delete;
  ~LeaseHold();

  std::shared_ptr<LanesState> state;
  Slot& slot;
  net::Turnstile::Permit permit;
  bool ends_session;
};

// The spec of a lane's sessions: the role's keywords with the lane's own session settings.
[[nodiscard]] ConnectSpec lane_spec(Lane lane, const ConnectSpec& base, const std::string& database);

// Makes sure that the slot has a usable session on `database`; true when it is one that was open before. The slot is
// part of `state`.
net::TaskResult<bool> ensure_connected(std::shared_ptr<LanesState> state, Slot* slot, std::string database,
                                       Deadline deadline);

}  // namespace pgtend::pg
