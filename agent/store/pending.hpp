#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/store/history_file.hpp"
#include "agent/store/history_schema.hpp"

// Rows that memory has and the file has not yet; private to agent/store. Store thread only.
namespace pgtend::store {

struct ScopeRow {
  std::uint32_t id = 0;
  std::string instance, collector, database;
};

struct HeadRow {
  std::uint32_t scope = 0;
  std::int64_t seq = 0;
  std::int64_t ms = 0;
  bool full = false;
  std::string data;
};

struct TickChunk {
  std::uint32_t scope = 0;
  std::int64_t chunk = 0;
  std::int64_t until = 0;  // the tick after its last
  std::string data;
};

struct BlockRow {
  std::int64_t id = 0;
  std::int64_t ticks = 0;
  std::int64_t min_ms = 0, max_ms = 0;
  std::int64_t samples = 0;
  std::string data;
};

struct GapRow {
  std::int64_t id = 0;
  std::string instance, collector, database;
  std::int64_t from_ms = 0, to_ms = 0;
  std::string reason;
  bool open = false;
};

// A bucket of active sessions.
struct SessionsRow {
  std::int64_t from_ms = 0, to_ms = 0;
  std::string data;
};

struct EventRow {
  std::int64_t ms = 0;
  std::string kind;
  std::uint32_t scope = 0;
  std::string data;
};

// Head rows of a scope that are no longer needed: those before this tick.
struct HeadEnd {
  std::uint32_t scope = 0;
  std::int64_t before_seq = 0;
};

struct Pending {
  std::vector<ScopeRow> scopes;
  std::vector<PairPtr> pairs;
  std::vector<SeriesPtr> series;  // new or changed
  std::vector<std::int64_t> lost_series;
  std::vector<GapRow> gaps;  // new or changed
  std::vector<EventRow> events;
  std::deque<SessionsRow> sessions;
  std::vector<TickChunk> chunks;
  std::vector<BlockRow> blocks;
  std::vector<HeadEnd> ends;
  std::deque<HeadRow> head;

  [[nodiscard]] bool empty() const;
  // Bytes that writing would take, roughly.
  [[nodiscard]] std::int64_t bytes() const;
  // Rows of those kinds of which a transaction takes only some.
  struct Taken {
    std::size_t head = 0, sessions = 0;
  };
  // Writes everything inside the caller's transaction, except that at most `most` bytes of head rows, and as many of
  // sessions, are taken (at least one of each); returns what was. It stays here until forget(). Errors: those of
  // SQLite.
  Result<Taken> write(Database& db, std::int64_t most) const;
  // The transaction is committed: what was taken and everything else is in the file.
  void forget(Taken taken);
  // Gives up the oldest head rows until at most `most` bytes are left, and the oldest rows of sessions above
  // kMostWaitingBuckets; returns how many went.
  std::size_t shed(std::int64_t most);
};

}  // namespace pgtend::store
