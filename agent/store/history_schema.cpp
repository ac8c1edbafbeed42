#include "agent/store/history_schema.hpp"

#include "agent/store/files.hpp"

namespace pgtend::store {

namespace {

constexpr std::int64_t kApplicationId = 0x70677468;  // "pgth"
constexpr std::int64_t kVersion = 1;
// Source: performance reference, corruption: the check at start may take this long; a larger file is trusted then.
constexpr auto kCheckBudget = std::chrono::seconds(2);

// Ids are never used again: a reader may still know a deleted series by its id. That a key is there once is kept in
// memory (recorder.hpp); an index over the texts would double them.
constexpr const char* kSchema = R"(
CREATE TABLE series (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL, labels TEXT NOT NULL, kind INTEGER NOT NULL,
  instance TEXT NOT NULL, collector TEXT NOT NULL, database TEXT NOT NULL);
CREATE TABLE samples (
  bucket INTEGER NOT NULL, series_id INTEGER NOT NULL, offset_ms INTEGER NOT NULL, value REAL NOT NULL,
  PRIMARY KEY (bucket, series_id, offset_ms)) WITHOUT ROWID;
CREATE TABLE epochs (
  series_id INTEGER NOT NULL, time_ms INTEGER NOT NULL, epoch INTEGER NOT NULL, cause INTEGER NOT NULL,
  PRIMARY KEY (series_id, time_ms)) WITHOUT ROWID;
CREATE INDEX epochs_by_time ON epochs (time_ms) WHERE cause = 1;
CREATE TABLE gaps (
  id INTEGER PRIMARY KEY,
  instance TEXT NOT NULL, collector TEXT NOT NULL, database TEXT NOT NULL,
  from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, reason TEXT NOT NULL, open INTEGER NOT NULL);
CREATE INDEX gaps_by_time ON gaps (to_ms);
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
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
    PGTEND_STORE_TRY(db.exec(kSchema));
    PGTEND_STORE_TRY(db.exec("PRAGMA application_id=" + std::to_string(kApplicationId)));
    PGTEND_STORE_TRY(db.exec("PRAGMA user_version=" + std::to_string(kVersion)));
    return tx->commit();
  }
  if (*application != kApplicationId)
    return fail(Errc::conflict, db.path() + " is another program's database; name another file for history");
  if (*version > kVersion)
    return fail(Errc::unsupported, db.path() + " was written by a newer pgtend (history version " +
                                       std::to_string(*version) + ", this one knows " + std::to_string(kVersion) + ")");
  return {};
}

}  // namespace

Result<std::unique_ptr<Database>> open_history(const std::string& path) {
  PGTEND_STORE_TRY(create_private(path));
  auto db = Database::open(path, OpenMode::read_write);
  if (!db) return fail(std::move(db).error());
  auto& it = **db;
  // auto_vacuum only takes effect before the first table; secure_delete (Debian's default) writes a third more.
  // Checkpoints are made after commits, where their cost is seen; they wait for a reader only briefly.
  PGTEND_STORE_TRY(
      it.exec("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
              "PRAGMA secure_delete=OFF; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-2048;"
              "PRAGMA temp_store=MEMORY; PRAGMA busy_timeout=100"));
  PGTEND_STORE_TRY(check_sound(it));
  PGTEND_STORE_TRY(ensure_schema(it));
  return db;
}

Result<std::unique_ptr<Database>> open_history_reader(const std::string& path) {
  auto db = Database::open(path, OpenMode::read_only);
  if (!db) return fail(std::move(db).error());
  PGTEND_STORE_TRY((*db)->exec("PRAGMA query_only=ON; PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY"));
  return db;
}

}  // namespace pgtend::store
