#include "agent/store/history_schema.hpp"

#include <filesystem>

#include "agent/base/log.hpp"
#include "agent/store/backup.hpp"
#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/crc32c.hpp"
#include "agent/store/files.hpp"
#include "agent/store/name_rows.hpp"

namespace pgtend::store {

namespace {

constexpr std::int64_t kApplicationId = 0x70677468;  // "pgth"
// Source: performance reference, corruption: the check at start may take this long; a larger file is trusted then.
constexpr auto kCheckBudget = std::chrono::seconds(2);

// Room that there must be for a copy, in sizes of the file: as much is left behind it.
constexpr std::int64_t kSpareFactor = 2;

// Texts and blobs of unbounded length stand last in their rows: what comes before is read without overflow pages.
constexpr const char* kSchemaOf2 = R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE scope (
  id INTEGER PRIMARY KEY, instance TEXT NOT NULL, collector TEXT NOT NULL, database TEXT NOT NULL);
CREATE TABLE label_pair (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL);
CREATE TABLE series (
  id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, place INTEGER NOT NULL, kind INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_seq INTEGER, last_ms INTEGER, pairs BLOB NOT NULL);
CREATE TABLE head (
  id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, seq INTEGER NOT NULL, ms INTEGER NOT NULL, is_full INTEGER NOT NULL,
  crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE tick (id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE block (
  id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, ticks INTEGER NOT NULL, min_ms INTEGER NOT NULL,
  max_ms INTEGER NOT NULL, samples INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX block_span ON block (lane, max_ms, min_ms, ticks, samples);
CREATE TABLE gaps (
  id INTEGER PRIMARY KEY,
  instance TEXT NOT NULL, collector TEXT NOT NULL, database TEXT NOT NULL,
  from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, reason TEXT NOT NULL, open INTEGER NOT NULL);
CREATE INDEX gaps_by_time ON gaps (to_ms);
CREATE TABLE event (
  id INTEGER PRIMARY KEY, ms INTEGER NOT NULL, kind TEXT NOT NULL, scope INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX event_by_time ON event (ms);
)";
// What version 3 has beyond that.
constexpr const char* kSchemaSince2 = R"(
CREATE TABLE sessions (
  id INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX sessions_by_time ON sessions (to_ms, from_ms);
)";
// What version 4 has beyond that.
constexpr const char* kSchemaSince3 = R"(
ALTER TABLE label_pair ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
ALTER TABLE series ADD COLUMN crc INTEGER NOT NULL DEFAULT 0;
)";

Result<void> check_sound(Database& db) {
  db.set_deadline(std::chrono::steady_clock::now() + kCheckBudget);
  auto check = db.prepare("PRAGMA quick_check(1)");
  if (!check) return fail(std::move(check).error());
  auto row = check->step();
  const auto verdict = row && *row ? check->text(0) : std::string();
  check->reset();
  db.set_deadline(std::nullopt);
  if (!row && row.error().code == Errc::timeout) return {};
  if (!row) return fail(std::move(row).error());
  if (verdict != "ok") return fail(Errc::corrupt, "quick_check of " + db.path() + " says: " + verdict);
  return {};
}

Result<std::string> schema_text(Database& db) {
  auto query = db.prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY name");
  if (!query) return fail(std::move(query).error());
  std::string text;
  while (true) {
    auto row = query->step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return text;
    text += query->text(0) + "\n";
  }
}

// A file that was tampered with may have a view that never ends in place of a table, or a trigger.
Result<void> check_schema(Database& db, std::int64_t version) {
  auto model = Database::open(":memory:", OpenMode::read_write);
  if (!model) return fail(std::move(model).error());
  PGTEND_STORE_TRY((*model)->exec(kSchemaOf2));
  if (version >= kSessionsSince) PGTEND_STORE_TRY((*model)->exec(kSchemaSince2));
  if (version >= kNameSumsSince) PGTEND_STORE_TRY((*model)->exec(kSchemaSince3));
  auto expected = schema_text(**model);
  auto found = schema_text(db);
  if (!expected) return fail(std::move(expected).error());
  if (!found) return fail(std::move(found).error());
  if (*found != *expected) return fail(Errc::corrupt, db.path() + " has other tables than those of history");
  return {};
}

// The copy takes as much room as the file, until the next upgrade; history can be lost, a full disk stops more than
// that. One copy is kept: of older versions nothing can be gone on with any more.
void keep_copy(Database& db, std::int64_t version) {
  for (std::int64_t older = 1; older < version; ++older) {
    std::error_code ignored;
    std::filesystem::remove(name_of_version(db.path(), older), ignored);
  }
  const auto bytes = bytes_on_disk(db.path());
  const auto space = space_of(db.path());
  Result<void> kept;
  if (space && space->available < kSpareFactor * bytes)
    kept = fail(Errc::resource_exhausted, "the disk has room for less than twice its size");
  else
    kept = keep_version(db, version);
  if (!kept)
    log::warn("history is upgraded without a copy of it", {{"path", db.path()}, {"why", kept.error().describe()}});
}

Result<void> raise_version(Database& db, std::int64_t version) {
  if (version == kHistoryVersion) return {};
  keep_copy(db, version);
  auto tx = Transaction::begin(db);
  if (!tx) return fail(std::move(tx).error());
  if (version < kSessionsSince) PGTEND_STORE_TRY(db.exec(kSchemaSince2));
  if (version < kNameSumsSince) {
    PGTEND_STORE_TRY(db.exec(kSchemaSince3));
    PGTEND_STORE_TRY(sum_up_names(db));
  }
  PGTEND_STORE_TRY(db.exec("PRAGMA user_version=" + std::to_string(kHistoryVersion)));
  return tx->commit();
}

Result<void> ensure_schema(Database& db) {
  auto tables = db.number("SELECT count(*) FROM sqlite_schema");
  auto application = db.number("PRAGMA application_id");
  auto version = db.number("PRAGMA user_version");
  if (!tables) return fail(std::move(tables).error());
  if (!application) return fail(std::move(application).error());
  if (!version) return fail(std::move(version).error());
  if (*tables == 0 && *application == 0) {
    auto tx = Transaction::begin(db);
    if (!tx) return fail(std::move(tx).error());
    PGTEND_STORE_TRY(db.exec(kSchemaOf2));
    PGTEND_STORE_TRY(db.exec(kSchemaSince2));
    PGTEND_STORE_TRY(db.exec(kSchemaSince3));
    PGTEND_STORE_TRY(db.exec("PRAGMA application_id=" + std::to_string(kApplicationId)));
    PGTEND_STORE_TRY(db.exec("PRAGMA user_version=" + std::to_string(kHistoryVersion)));
    return tx->commit();
  }
  if (*application != kApplicationId)
    return fail(Errc::conflict, db.path() + " is another program's database; name another file for history");
  if (*version > kHistoryVersion)
    return fail(Errc::unsupported, db.path() + " was written by a newer pgtend (history version " +
                                       std::to_string(*version) + ", this one knows " +
                                       std::to_string(kHistoryVersion) + ")");
  PGTEND_STORE_TRY(check_schema(db, *version));
  return raise_version(db, *version);
}

}  // namespace

std::int64_t row_crc(std::int64_t key, std::int64_t more, std::string_view bytes) {
  codec::ByteWriter prefix;
  prefix.u64(static_cast<std::uint64_t>(key));
  prefix.u64(static_cast<std::uint64_t>(more));
  return codec::crc32c(bytes, codec::crc32c(prefix.view()));
}

namespace {

// Keeps an older file beside the new one under the name of its version. False: the file is not of an older version.
Result<bool> keep_older(const std::string& path, UtcTime now, std::string& kept) {
  if (bytes_of(path) == 0) return false;
  std::int64_t application = 0, version = 0;
  {
    auto db = Database::open(path, OpenMode::read_write);
    if (!db) return false;
    // Read-write, so that what is still in its log is in the file before it is renamed.
    auto found = (*db)->number("PRAGMA application_id");
    auto is = (*db)->number("PRAGMA user_version");
    if (!found || !is) return false;
    application = *found;
    version = *is;
    if (application != kApplicationId || version < 1 || version >= kSameFileSince) return false;
    PGTEND_STORE_TRY((*db)->exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  auto moved = move_aside(path, "v" + std::to_string(version), now);
  if (!moved) return fail(std::move(moved).error());
  kept = *moved;
  return true;
}

}  // namespace

Result<std::unique_ptr<Database>> open_history(const std::string& path, UtcTime now, std::string& migrated_from) {
  if (auto older = keep_older(path, now, migrated_from); !older) return fail(std::move(older).error());
  PGTEND_STORE_TRY(create_private(path));
  auto db = Database::open(path, OpenMode::read_write);
  if (!db) return fail(std::move(db).error());
  auto& it = **db;
  // auto_vacuum only takes effect before the first table, and is written even into a file that has it.
  std::error_code ignored;
  if (std::filesystem::file_size(path, ignored) == 0) PGTEND_STORE_TRY(it.exec("PRAGMA auto_vacuum=INCREMENTAL"));
  // secure_delete (Debian's default) writes a third more. Checkpoints are made after commits, where their cost is seen;
  // they wait for a reader only briefly.
  PGTEND_STORE_TRY(
      it.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
              "PRAGMA secure_delete=OFF; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-512;"
              "PRAGMA temp_store=MEMORY; PRAGMA busy_timeout=100"));
  PGTEND_STORE_TRY(check_sound(it));
  PGTEND_STORE_TRY(ensure_schema(it));
  return db;
}

Result<std::unique_ptr<Database>> open_history_reader(const std::string& path) {
  auto db = Database::open(path, OpenMode::read_only);
  if (!db) return fail(std::move(db).error());
  PGTEND_STORE_TRY((*db)->exec("PRAGMA query_only=ON; PRAGMA cache_size=-256; PRAGMA temp_store=MEMORY"));
  return db;
}

}  // namespace pgtend::store
