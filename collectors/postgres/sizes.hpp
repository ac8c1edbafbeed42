#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/model/rows.hpp"

// Exact sizes open every relation they measure, so one exclusive lock would stop them all: ask for the relations that
// nobody locks or waits to lock, then measure those in chunks (a collector with lock_aware: true) under lock_timeout.
namespace pgtend::collectors {

// Relations per chunk: what a lock race can lose at most in one run. Source: reference measurements, chunks of 200.
inline constexpr std::size_t kSizeChunk = 200;
// Relations measured in one run, the largest: bounds its time and its series. Source: kDefaultMaxRows, the same quota.
inline constexpr int kMeasuredRelations = 500;
// What the caller sets as lock_timeout while it measures.
inline constexpr int kSizeLockTimeoutMs = 100;

// The kMeasuredRelations largest tables and materialized views (column oid) of the current database, without those that
// have a held or queued AccessExclusiveLock on themselves, one of their indexes or their TOAST table. Partitions come
// with all others of their root or not at all; a root with more than that number of them does not. Each row has
// left_out, how many tables, partitions and materialized views are not among them; without any there is one row with
// that alone.
[[nodiscard]] std::string unlocked_relations_sql();

// Its answer as values for $1::oid[] of a lock-aware collector, `chunk` oids each.
[[nodiscard]] std::vector<std::string> oid_chunks(const RowSet& rows, std::size_t chunk = kSizeChunk);

// The two halves of a chunk whose run ended in lock_timeout (retry each, down to one oid); empty when it is one oid.
[[nodiscard]] std::vector<std::string> split_chunk(const std::string& chunk);

}  // namespace pgtend::collectors
