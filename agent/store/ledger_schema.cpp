#include <iterator>

#include "agent/store/backup.hpp"
#include "agent/store/ledger_impl.hpp"

namespace pgtend::store {

namespace {

constexpr std::int64_t kApplicationId = 0x7067746c;  // "pgtl"
constexpr std::int64_t kVersion = 6;

// Later versions append their statements; a step is never edited once it was released.
constexpr const char* kVersion1 = R"(
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, result TEXT NOT NULL,
  previous_hash TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE audit_head (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, hash TEXT NOT NULL);
INSERT INTO audit_head VALUES (1, 0, '');
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head WHEN new.sequence <> old.sequence + 1
  BEGIN SELECT RAISE(ABORT, 'the audit head only moves forward'); END;
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
  BEGIN SELECT RAISE(ABORT, 'the audit head only moves forward'); END;

CREATE TABLE findings (
  id TEXT PRIMARY KEY, scope TEXT NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  closed_at INTEGER, body TEXT NOT NULL);
CREATE TABLE recommendations (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, first_made INTEGER NOT NULL,
  updated_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, body TEXT NOT NULL, decision TEXT NOT NULL);

CREATE TABLE changes (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, final INTEGER NOT NULL, created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX changes_open ON changes (final, state);

CREATE TABLE alerts (
  rule_group TEXT NOT NULL, rule TEXT NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (rule_group, rule, fingerprint)) WITHOUT ROWID;
CREATE TABLE alert_history (id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, body TEXT NOT NULL);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, group_key TEXT NOT NULL, dedup_key TEXT NOT NULL,
  kind TEXT NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL, not_before INTEGER NOT NULL,
  attempts INTEGER NOT NULL, last_error TEXT NOT NULL, state TEXT NOT NULL, lease_until INTEGER NOT NULL);
CREATE INDEX outbox_waiting ON outbox (receiver, group_key) WHERE state = 'queued';
CREATE INDEX outbox_done ON outbox (id) WHERE state <> 'queued';

CREATE TABLE texts (queryid INTEGER PRIMARY KEY, text TEXT NOT NULL, seen_at INTEGER NOT NULL);
CREATE TABLE matviews (database TEXT NOT NULL, oid INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (database, oid)) WITHOUT ROWID;
)";

// Version 2: routing and delivery.
constexpr const char* kVersion2 = R"(
ALTER TABLE outbox ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN urgency INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outbox ADD COLUMN expires_at INTEGER;
CREATE TABLE alert_groups (key TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE silences (id TEXT PRIMARY KEY, ended_at INTEGER, body TEXT NOT NULL) WITHOUT ROWID;
)";

// Version 3: an audit row vouches for the row of a change that it tells of.
constexpr const char* kVersion3 = R"(
ALTER TABLE audit ADD COLUMN row_digest TEXT NOT NULL DEFAULT '';
)";

// Version 4: what a verdict was made of.
constexpr const char* kVersion4 = R"(
CREATE TABLE evidence (change_id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL);
)";

// Version 5: what was answered to requests that may be repeated.
constexpr const char* kVersion5 = R"(
CREATE TABLE answers (
  key TEXT PRIMARY KEY, put_at INTEGER NOT NULL, until_ms INTEGER NOT NULL, body_hash TEXT NOT NULL, status INTEGER,
  location TEXT NOT NULL, bytes INTEGER NOT NULL, body TEXT NOT NULL);
)";

// Version 6: thousands of messages may wait while a receiver is down, and which of them are due is asked every second;
// without the rows, which hold the texts.
constexpr const char* kVersion6 = R"(
DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (receiver, group_key, lease_until, not_before, created_at, expires_at, urgency,
  kind, sequence) WHERE state = 'queued';
)";

constexpr const char* kSteps[]{kVersion1, kVersion2, kVersion3, kVersion4, kVersion5, kVersion6};
static_assert(std::size(kSteps) == kVersion);

// Each step and its number in one transaction: a crash between two leaves a ledger of the version in between.
Result<void> upgrade(Database& db, std::int64_t from) {
  for (std::int64_t version = from; version < kVersion; ++version) {
    auto tx = Transaction::begin(db);
    if (!tx) return fail(std::move(tx).error());
    PGTEND_STORE_TRY(db.exec(kSteps[version]));
    if (version == 0) PGTEND_STORE_TRY(db.exec("PRAGMA application_id=" + std::to_string(kApplicationId)));
    PGTEND_STORE_TRY(db.exec("PRAGMA user_version=" + std::to_string(version + 1)));
    PGTEND_STORE_TRY(tx->commit());
  }
  return {};
}

}  // namespace

Result<void> prepare_ledger_schema(Database& db) {
  auto tables = db.number("SELECT count(*) FROM sqlite_schema");
  auto application = db.number("PRAGMA application_id");
  auto version = db.number("PRAGMA user_version");
  if (!tables) return fail(std::move(tables).error());
  if (!application) return fail(std::move(application).error());
  if (!version) return fail(std::move(version).error());
  if (*tables == 0 && *application == 0) return upgrade(db, 0);
  if (*application != kApplicationId)
    return fail(Errc::conflict, db.path() + " is another program's database; name another file for the ledger");
  if (*version > kVersion)
    return fail(Errc::unsupported, db.path() + " was written by a newer pgtend (ledger version " +
                                       std::to_string(*version) + ", this one knows " + std::to_string(kVersion) +
                                       "); run that version, or a newer one");
  if (*version < kVersion)
    if (auto kept = keep_version(db, *version); !kept)
      return fail(std::move(kept).error(), "copy the ledger before it is upgraded");
  return upgrade(db, *version);
}

}  // namespace pgtend::store
