#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/series.hpp"

namespace pgtend {

enum class ServerRole { unknown, primary, standby };
[[nodiscard]] std::string_view to_string(ServerRole role);

// Who answered: read on every connect and compared with what was there before.
struct ServerIdentity {
  std::string system_identifier;
  int timeline = 0;
  ServerRole role = ServerRole::unknown;
  UtcTime postmaster_start;
  int version_num = 0;         // server_version_num, 150020
  std::string server_version;  // "15.20 (Debian …)"
  bool operator==(const ServerIdentity&) const = default;
};

enum class CollectStatus {
  ok,
  permission,   // a right is missing; detail names the GRANT
  unsupported,  // this version, role or extension does not have the source
  locked,       // a lock was not granted within lock_timeout; the next run tries again
  timeout,
  unavailable,  // no connection
  error,
};
[[nodiscard]] std::string_view to_string(CollectStatus status);

// One value of one series. Counters are raw and monotonic within an epoch; rates are made only by readers.
struct SeriesSample {
  SharedKey key;
  double value = 0;
  MetricKind kind = MetricKind::gauge;
  // Hash of (system identifier, timeline, postmaster start, stats_reset): a counter continues only while it is equal.
  std::uint64_t epoch = 0;
};

// One run of one collector.
struct Snapshot {
  std::string collector;
  std::string instance;  // configured name of the server, label instance
  std::string database;  // empty for scope instance
  UtcTime taken_at;
  Millis duration{0};
  // After which the next one is due; 0: it never is, and the run never stale.
  Millis interval{0};
  CollectStatus status = CollectStatus::ok;
  std::string detail;  // why not ok, with the cure; empty when ok
  // Rows or series that the run had to leave out by a limit. Above 0, what it lacks is not known to be gone.
  std::size_t left_out = 0;
  ServerIdentity identity;
  std::vector<SeriesSample> samples;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

// The age from which readers call a collector's last run stale: three missed intervals, and the time that a run takes,
// because the next one cannot end sooner (a probe of a server that is down lasts as long as its connect_timeout).
[[nodiscard]] Millis stale_after(Millis interval, Millis duration);

// Mixes parts of an epoch into one number; equal parts give an equal number across restarts of the agent.
[[nodiscard]] std::uint64_t epoch_hash(const ServerIdentity& identity, std::string_view stats_reset);

}  // namespace pgtend
