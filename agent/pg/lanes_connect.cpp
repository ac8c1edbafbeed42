#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/pg/error.hpp"
#include "agent/pg/lanes_state.hpp"

namespace pgtend::pg {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

// After a failed replacement of an old session, the old one serves this much longer.
constexpr Millis kRecycleAgain{300'000};
constexpr Millis kMemoryCheck{60'000};
// An attempt that begins shortly before its caller's deadline still gets this long: cut shorter it would only cost the
// server a fork and tell nothing about it.
constexpr Millis kConnectFloor{1'000};

// Source: reference monitors.md section 0 item 3. The advise lane plans statements as the application would, so it
// keeps the server's jit and parallel settings.
Settings lane_settings(Lane lane) {
  Settings out{{"lock_timeout", "100ms"},
               {"search_path", "pg_catalog"},
               {"client_min_messages", "error"},
               {"DateStyle", "ISO, YMD"},
               {"IntervalStyle", "postgres"},
               {"TimeZone", "UTC"},
               {"idle_in_transaction_session_timeout", lane == Lane::act ? "5s" : "10s"}};
  if (lane == Lane::act) return out;
  out.emplace_back("default_transaction_read_only", "on");
  if (lane == Lane::advise) {
    out.emplace_back("statement_timeout", "2s");
    return out;
  }
  out.emplace_back("jit", "off");
  out.emplace_back("max_parallel_workers_per_gather", "0");
  return out;
}

// The folder of /proc of a backend on this host; nothing when it is not a server process.
std::optional<std::string> backend_folder(int pid) {
  std::string folder = "/proc/" + std::to_string(pid), line;
  std::ifstream comm(folder + "/comm");
  if (!std::getline(comm, line) || !line.starts_with("postgres")) return std::nullopt;
  return folder;
}

// Private memory of a backend; 0 when it cannot be read.
std::int64_t backend_memory(int pid) {
  const auto folder = backend_folder(pid);
  if (!folder) return 0;
  std::ifstream status(*folder + "/status");
  std::string line;
  while (std::getline(status, line))
    if (line.starts_with("RssAnon:")) return std::atoll(line.c_str() + 8) * 1024;
  return 0;
}

// Seconds that a backend has been on the CPU.
std::optional<double> backend_cpu(int pid) {
  const auto folder = backend_folder(pid);
  if (!folder) return std::nullopt;
  std::ifstream schedstat(*folder + "/schedstat");
  double nanoseconds = 0;
  if (!(schedstat >> nanoseconds)) return std::nullopt;
  return nanoseconds / 1e9;
}

bool wants_recycling(LanesState& state, Slot& slot) {
  const auto now = state.clock.steady_now();
  if (now < slot.recycle_not_before) return false;
  if (now - slot.connection->opened_at() > state.options.recycle_after) return true;
  if (!slot.connection->is_local() || now - slot.memory_checked_at < kMemoryCheck) return false;
  slot.memory_checked_at = now;
  return backend_memory(slot.connection->backend_pid()) > state.options.recycle_bytes;
}

Deadline connect_limit(const LanesState& state, Deadline deadline) {
  const auto now = state.clock.steady_now();
  const auto most = now + state.options.connect_timeout;
  return std::min(most, std::max(deadline, now + kConnectFloor));
}

bool same_server(const ServerIdentity& was, ServerIdentity is) {
  // Not every role may read the system identifier; not knowing it is no change.
  if (was.system_identifier.empty() || is.system_identifier.empty()) is.system_identifier = was.system_identifier;
  return was == is;
}

void note_identity(LanesState& state, ServerIdentity is) {
  const auto was = state.identity;
  const bool first = was.version_num == 0;
  const bool same = same_server(was, is);
  if (is.system_identifier.empty() && (first || same)) is.system_identifier = was.system_identifier;
  state.identity = is;
  if (first || same || !state.listener) return;
  state.listener(was, is);
}

bool concerns_one_database(const Error& error) {
  return error.sqlstate == "3D000" || error.sqlstate == "42501" || error.sqlstate == "55000";
}

void note_success(LanesState& state, Slot& slot, const std::string& database) {
  auto& role = state.credentials(slot.lane);
  auto& account = state.account(slot.lane);
  role.gate.succeeded();
  role.databases.erase(database);
  ++account.connects;
  account.connect_time = slot.connection->connect_time();
  account.direct = slot.connection->is_direct();
  account.last_error.clear();
  if (state.home_database.empty() && database.empty() && &role == &state.monitor)
    state.home_database = slot.connection->database();
  if (slot.lane == Lane::probe) state.tls = slot.connection->tls();
  const auto identity = slot.connection->identity();
  note_identity(state, identity);
}

void note_failure(LanesState& state, Slot& slot, const std::string& database, const Error& error) {
  auto& role = state.credentials(slot.lane);
  if (concerns_one_database(error))
    role.databases.try_emplace(database, state.clock, ++state.seed).first->second.failed(error);
  else
    role.gate.failed(error);
  auto& account = state.account(slot.lane);
  ++account.reconnects[error.sqlstate];
  account.last_error = error.describe();
  log::warn("connect failed", {{"lane", std::string(to_string(slot.lane))}, {"error", error.describe()}});
}

// The gate that is closed now, if any: the role's, or the one of this database.
ConnectGate* closed_gate(Credentials& role, const std::string& database) {
  if (role.gate.closed_until()) return &role.gate;
  const auto at = role.databases.find(database);
  return at != role.databases.end() && at->second.closed_until() ? &at->second : nullptr;
}

// An old session is replaced by one that is already open, so that a full server cannot take the place away. The slot
// is part of `state`.
net::Task<void> recycle(std::shared_ptr<LanesState> state, Slot* slot, std::string database, Deadline deadline) {
  auto& role = state->credentials(slot->lane);
  slot->recycle_not_before = state->clock.steady_now() + kRecycleAgain;
  if (role.gate.failing()) co_return;
  auto spec = lane_spec(slot->lane, role.spec, database);
  auto limit = connect_limit(*state, deadline);
  auto fresh = co_await Connection::connect(spec, state->blocking, limit);
  if (!fresh) co_return;
  end_session(*state, *slot);
  slot->connection = std::move(*fresh);
  slot->recycle_not_before = {};
  note_success(*state, *slot, database);
}

}  // namespace

void end_session(LanesState& state, Slot& slot) {
  // Without a collector that takes them they would grow for ever.
  constexpr std::size_t kMostEnded = 1'000;
  if (slot.connection && slot.connection->is_local() && state.ended.size() < kMostEnded)
    if (const auto seconds = backend_cpu(slot.connection->backend_pid()))
      state.ended[slot.connection->backend_pid()] = *seconds;
  slot.connection.reset();
}

ConnectSpec lane_spec(Lane lane, const ConnectSpec& base, const std::string& database) {
  auto spec = base;
  spec.parameters["application_name"] = "pgtend/" + std::string(to_string(lane));
  if (!database.empty()) spec.parameters["dbname"] = database;
  // What the configuration sets comes last and wins.
  auto settings = lane_settings(lane);
  settings.insert(settings.end(), base.settings.begin(), base.settings.end());
  spec.settings = std::move(settings);
  if (lane != Lane::act) spec.optional_settings.emplace_back("pg_stat_statements.track", "none");
  // The operating role inherits nothing, so that acting needs its SET ROLE; advising reads with all its rights at once.
  if (lane == Lane::advise) spec.optional_settings.emplace_back("role", "pgtend_advise");
  return spec;
}

net::TaskResult<bool> ensure_connected(std::shared_ptr<LanesState> state, Slot* slot, std::string database,
                                       Deadline deadline) {
  auto& role = state->credentials(slot->lane);
  if (slot->connection && slot->connection->healthy() &&
      (database.empty() || slot->connection->database() == database)) {
    if (wants_recycling(*state, *slot)) co_await recycle(state, slot, database, deadline);
    co_return true;
  }
  end_session(*state, *slot);
  // Whoever samples comes again soon; waiting for a server that is away would only keep the lane from the others.
  const bool waits = slot->lane != Lane::sample;
  while (!state->closed) {
    {
      auto permit = co_await role.turn.enter(deadline);
      if (!permit) co_return fail(Errc::timeout, "another connect did not finish before the deadline", true);
      auto* closed = closed_gate(role, database);
      if (closed != nullptr && (!waits || *closed->closed_until() >= deadline)) co_return fail(closed->refusal());
      if (closed == nullptr) {
        role.gate.begin();
        auto spec = lane_spec(slot->lane, role.spec, database);
        auto limit = connect_limit(*state, deadline);
        auto opened = co_await Connection::connect(spec, state->blocking, limit);
        if (state->closed) break;
        if (opened) {
          slot->connection = std::move(*opened);
          slot->recycle_not_before = {};
          note_success(*state, *slot, database);
          co_return false;
        }
        note_failure(*state, *slot, database, opened.error());
        closed = closed_gate(role, database);
        if (!waits || (closed != nullptr && *closed->closed_until() >= deadline))
          co_return fail(std::move(opened.error()));
      }
    }
    auto* closed = closed_gate(role, database);
    auto next = closed != nullptr ? *closed->closed_until() : state->clock.steady_now();
    co_await net::sleep_until(next);
  }
  co_return fail(Errc::cancelled, "the connections are being closed");
}

}  // namespace pgtend::pg
