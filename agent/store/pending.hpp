#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
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
  std::vector<TickChunk> chunks;
  std::vector<BlockRow> blocks;
  std::vector<HeadEnd> ends;
  std::deque<HeadRow> head;

  [[nodiscard]] bool empty() const;
  // Bytes that writing would take, roughly.
  [[nodiscard]] std::int64_t bytes() const;
  // Writes everything inside the caller's transaction, except that at most `head_bytes` of head rows are taken (at
  // least one); returns the number of head rows written. What was written stays here until forget(). Errors: those of
  // SQLite.
  Result<std::size_t> write(Database& db, std::int64_t head_bytes) const;
  // The transaction is committed: `head_rows` of the head rows and everything else is in the file.
  void forget(std::size_t head_rows);
  // Gives up the oldest head rows until at most `most` bytes are left; returns how many went.
  std::size_t shed(std::int64_t most);
};

}  // namespace pgtend::store
