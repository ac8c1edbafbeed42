#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/pg/connection.hpp"

namespace pgtend::pg {

// Four kinds of work that never borrow a session from each other.
enum class Lane { probe, sample, advise, act, signal };
[[nodiscard]] std::string_view to_string(Lane lane);

struct LaneOptions {
  ConnectSpec monitor;    // probe, sample
  ConnectSpec operator_;  // advise, act; the monitor's when it has no parameters
  Millis connect_timeout{5'000};
  Millis recycle_after{1'800'000};          // Source: reference monitors.md section 0 item 2
  std::int64_t recycle_bytes = 64LL << 20;  // private memory of a local backend, same source
};

struct LaneStatus {
  std::string name;
  bool up = false;
  bool direct = true;                              // false when its last session went through a pooler
  std::string breaker;                             // closed, open, half_open
  std::map<std::string, std::int64_t> reconnects;  // failed connects and lost sessions by SQLSTATE ("" without one)
  std::int64_t connects = 0;
  Millis connect_time{0};  // of the last successful connect
  std::string last_error;  // empty when the last attempt succeeded
};

struct OwnSession {
  Lane lane;
  int backend_pid = 0;
  std::string database;
  bool local = false;  // the pid may be looked up in our own /proc
};

struct LanesState;
struct LeaseHold;

// An exclusive session, for many statements. Its session ends with it: nothing that was SET, locked or left open stays.
// It has no statement_timeout of its own (Connection::mark sets one) beyond advise's 2 s.
class Lease {
 public:
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();
  [[nodiscard]] Connection& connection() const;
  Connection* operator->() const { return &connection(); }
  Connection& operator*() const { return connection(); }

 private:
  friend class Lanes;
  explicit Lease(std::unique_ptr<LeaseHold> hold);
  std::unique_ptr<LeaseHold> hold_;
};

// All sessions that the agent holds on one server: probe 1, sample 2 (one stays on the home database, one roves),
// advise 1, act 1 (on demand, direct only, never on a standby), signal 1: a second place on act, for what ends a
// session that may be in the way of the one that acts. REQUIRES: used from the one I/O thread; `clock` and `blocking`
// outlive it and every Lease.
class Lanes {
 public:
  // `seed` feeds the backoff's jitter.
  Lanes(net::asio::any_io_executor io, net::asio::any_io_executor blocking, LaneOptions options, const Clock& clock,
        std::uint64_t seed);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // Runs one statement on a lane. An empty `database` is the home database. `marker` (a collector's name) becomes
  // the statement's leading comment and, on advise and act, application_name pgtend/<marker>; a session of probe or
  // sample keeps that of its lane. `timeout` covers waiting for the lane,
  // connecting and the statement; a connect that begins shortly before its end is given up to 1 s more. A session that
  // was lost while idle is replaced once, silently, except on act.
  // Errors: timeout, unavailable, permission, refused (act through a pooler or on a standby), server errors.
  net::TaskResult<RowSet> query(Lane lane, std::string database, std::string marker, std::string sql, Params params,
                                Millis timeout);
  // Statements that recur on the lanes probe and sample, those of them that the session has kept the plan of, in one
  // transaction. Result: an answer for each, or nothing where query() has to be asked. Errors: as query(); a session
  // that was lost is not replaced.
  net::TaskResult<std::vector<std::optional<RowSet>>> repeat_all(Lane lane, std::string database,
                                                                 std::vector<Connection::Recurring> statements,
                                                                 Millis timeout);
  // The same as query() by the simple protocol.
  net::TaskResult<RowSet> execute(Lane lane, std::string database, std::string marker, std::string sql, Millis timeout);
  // An exclusive session for many statements (advise, act). Errors: as query().
  net::TaskResult<Lease> lease(Lane lane, std::string database, Deadline deadline);

  // Ends the sample or advise lane's idle session outside of the home database: it would keep others from dropping that
  // database or making another one from it. One that is in use stays.
  void leave(Lane lane);

  // Of the latest connect; empty system_identifier before the first one or without the right to read it.
  [[nodiscard]] ServerIdentity identity() const;
  // Name of the home database; empty before the first connect when the configuration leaves it to libpq.
  [[nodiscard]] std::string home_database() const;
  // Encryption of the probe session, as of its connect.
  [[nodiscard]] TlsFacts tls() const;
  [[nodiscard]] std::vector<LaneStatus> status() const;
  // Sessions open now, for the cost account.
  [[nodiscard]] std::vector<OwnSession> sessions() const;
  // By pid, seconds on the CPU of the local backends whose sessions this side ended since the last call.
  [[nodiscard]] std::map<int, double> take_ended();
  // Called after a connect that finds another system identifier, timeline, role, start time or version.
  void on_identity_change(std::function<void(const ServerIdentity& was, const ServerIdentity& is)> listener);

  // Cancels what runs on probe, sample and advise, waits for it (3 s at most), and ends every session but a leased act
  // session, whose statement is its owner's. Calls after it fail with `cancelled`.
  net::Task<void> close();

 private:
  std::shared_ptr<LanesState> state_;
};

}  // namespace pgtend::pg
