#include "agent/store/integrity.hpp"

#include <algorithm>
#include <filesystem>

#include "agent/store/codec/block.hpp"
#include "agent/store/codec/ticks.hpp"
#include "agent/store/files.hpp"
#include "agent/store/history_schema.hpp"
#include "agent/store/name_rows.hpp"
#include "agent/store/session_rows.hpp"

namespace pgtend::store {

namespace {

// Rows per read transaction: a reader that holds an old picture keeps the write-ahead log growing.
constexpr int kRowsPerRead = 64;
// Longest run of SQLite's own check; what it has not seen by then counts as sound.
constexpr std::chrono::seconds kStructureTime{20};

// Calls f(row) for all rows of a table in order of its id, in short reads. `sql` selects the id first, takes the last
// id as ?1 and the number of rows as ?2.
template <class F>
Result<void> in_short_reads(Database& db, std::string_view sql, F&& f) {
  auto query = db.prepare(sql);
  if (!query) return fail(std::move(query).error());
  std::int64_t last = INT64_MIN;
  while (true) {
    query->bind(1, last).bind(2, static_cast<std::int64_t>(kRowsPerRead));
    int rows = 0;
    while (true) {
      auto row = query->step();
      if (!row) return fail(std::move(row).error());
      if (!*row) break;
      last = query->integer(0);
      f(*query);
      ++rows;
    }
    if (rows < kRowsPerRead) return {};
  }
}

Result<void> check_names(Database& db, IntegrityReport& report) {
  const auto check = [&](const std::string& columns, const char* table, bool (*sound)(const Statement&)) {
    const auto sql = "SELECT " + columns + " FROM " + table + " WHERE id > ?1 ORDER BY id LIMIT ?2";
    return in_short_reads(db, sql, [&](const Statement& row) {
      ++report.rows;
      if (!sound(row)) ++report.bad_rows;
    });
  };
  PGTEND_STORE_TRY(check(kPairColumns, "label_pair", pair_is_sound));
  return check(kSeriesColumns, "series", series_is_sound);
}

bool block_is_sound(const Statement& row) {
  const auto data = row.blob(5);
  if (row.integer(4) != block_crc(row.integer(0), row.integer(1), row.integer(2), row.integer(3), data)) return false;
  const auto block = codec::Block::open(data);
  if (!block) return false;
  for (std::size_t slot = 0; slot < block->slots(); ++slot)
    if (!block->column(slot)) return false;
  return true;
}

Result<void> check_rows(Database& db, std::int64_t version, IntegrityReport& report) {
  PGTEND_STORE_TRY(
      in_short_reads(db, "SELECT id, ticks, min_ms, max_ms, crc, data FROM block WHERE id > ?1 ORDER BY id LIMIT ?2",
                     [&](const Statement& row) {
                       ++report.blocks;
                       if (block_is_sound(row)) return;
                       ++report.bad_blocks;
                       const auto from = row.time(2), to = row.time(3);
                       report.bad_from = report.bad_from ? std::min(*report.bad_from, from) : from;
                       report.bad_to = report.bad_to ? std::max(*report.bad_to, to) : to;
                     }));
  PGTEND_STORE_TRY(in_short_reads(
      db, "SELECT id, crc, data FROM tick WHERE id > ?1 ORDER BY id LIMIT ?2", [&](const Statement& row) {
        ++report.chunks;
        const bool sound =
            row.integer(1) == row_crc(row.integer(0), 0, row.blob(2)) && codec::decode_ticks(row.blob(2), kChunkTicks);
        if (!sound) ++report.bad_chunks;
      }));
  if (version >= kNameSumsSince) PGTEND_STORE_TRY(check_names(db, report));
  if (version >= kSessionsSince)
    PGTEND_STORE_TRY(
        in_short_reads(db, "SELECT id, from_ms, to_ms, crc, data FROM sessions WHERE id > ?1 ORDER BY id LIMIT ?2",
                       [&](const Statement& row) {
                         ++report.rows;
                         if (!sessions_are_sound(row.integer(1), row.integer(2), row.integer(3), row.blob(4)))
                           ++report.bad_rows;
                       }));
  return in_short_reads(db, "SELECT id, scope, seq, ms, crc, data FROM head WHERE id > ?1 ORDER BY id LIMIT ?2",
                        [&](const Statement& row) {
                          ++report.rows;
                          const auto scope = static_cast<std::uint32_t>(row.integer(1));
                          if (row.integer(4) != head_crc(scope, row.integer(2), row.integer(3), row.blob(5)))
                            ++report.bad_rows;
                        });
}

}  // namespace

Result<IntegrityReport> check_history(const std::string& path) {
  if (!std::filesystem::exists(path)) return fail(Errc::not_found, path + " does not exist");
  auto db = open_history_reader(path);
  if (!db) return fail(std::move(db).error());
  IntegrityReport report;
  const auto corrupt = [&](const Error& error) -> Result<IntegrityReport> {
    if (error.code != Errc::corrupt) return fail(error);
    if (report.structure.empty() || report.structure == "ok") report.structure = error.describe();
    return report;
  };
  auto version = (*db)->number("PRAGMA user_version");
  if (!version) return corrupt(version.error());
  if (*version < kSameFileSince || *version > kHistoryVersion)
    return fail(Errc::unsupported, path + " has history version " + std::to_string(*version) + ", this pgtend reads " +
                                       std::to_string(kHistoryVersion));
  (*db)->set_deadline(std::chrono::steady_clock::now() + kStructureTime);
  if (auto check = (*db)->prepare("PRAGMA quick_check(1)"); check) {
    auto row = check->step();
    report.structure = row && *row                                ? check->text(0)
                       : row || row.error().code == Errc::timeout ? "ok"
                                                                  : row.error().describe();
  } else {
    report.structure = check.error().describe();
  }
  (*db)->set_deadline(std::nullopt);
  if (auto checked = check_rows(**db, *version, report); !checked) return corrupt(checked.error());
  report.sound = report.structure == "ok" && report.bad_blocks + report.bad_chunks + report.bad_rows == 0;
  return report;
}

Result<IntegrityReport> check_history_offline(const std::string& path) {
  if (!std::filesystem::exists(path)) return fail(Errc::not_found, path + " does not exist");
  auto lock = FileLock::take(path);
  if (!lock) return fail(std::move(lock).error());
  return check_history(path);
}

}  // namespace pgtend::store
