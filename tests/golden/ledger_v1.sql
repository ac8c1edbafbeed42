-- A ledger of version 1 as its agent left it: the schema of that version, and rows that must outlive the upgrade.
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

INSERT INTO audit VALUES (1, 1700000000000, 'agent', 'start', 'pgtend', 'a', 'b', 'ok',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '3ee6e4bdb413e0e9594cc0ad445d517e05d4bfd7fa014c779c6de61956f9a326');
UPDATE audit_head SET sequence=1, hash='3ee6e4bdb413e0e9594cc0ad445d517e05d4bfd7fa014c779c6de61956f9a326';
INSERT INTO audit VALUES (2, 1700000001000, 'person:ann', 'freeze', 'release', 'a', 'b', 'ok',
  '3ee6e4bdb413e0e9594cc0ad445d517e05d4bfd7fa014c779c6de61956f9a326',
  '6a238802f193c93592cc5162be0c6d517bb0c88e259598d5c0492c1f7728a5a7');
UPDATE audit_head SET sequence=2, hash='6a238802f193c93592cc5162be0c6d517bb0c88e259598d5c0492c1f7728a5a7';
INSERT INTO audit VALUES (3, 1700000002000, 'agent', 'thaw', 'release', 'a', 'b', 'ok',
  '6a238802f193c93592cc5162be0c6d517bb0c88e259598d5c0492c1f7728a5a7',
  '2f0aa3dc8e1f609bf50cb4183b074efa6f5e7e5f2556d469e6f98da750bb4e76');
UPDATE audit_head SET sequence=3, hash='2f0aa3dc8e1f609bf50cb4183b074efa6f5e7e5f2556d469e6f98da750bb4e76';
INSERT INTO alerts VALUES ('pg', 'PgDown', 'e6e303aff82162e1', 'firing',
  '{"rule": "PgDown", "group": "pg", "labels": {"alertname": "PgDown", "severity": "critical"}, "annotations": {"summary": "it is down"}, "state": "firing", "value": "NaN", "resolved_value": null, "active_at": 1700000000000, "fired_at": 1700000060000, "resolved_at": null, "keep_firing_since": null, "last_seen_at": 1700000061000, "unknown": false, "evidence": "pg_up == 0"}');
INSERT INTO alert_history VALUES (1, 1700000060000,
  '{"rule": "PgDown", "group": "pg", "labels": {"alertname": "PgDown", "severity": "critical"}, "annotations": {"summary": "it is down"}, "state": "firing", "value": "NaN", "resolved_value": null, "active_at": 1700000000000, "fired_at": 1700000060000, "resolved_at": null, "keep_firing_since": null, "last_seen_at": 1700000061000, "unknown": false, "evidence": "pg_up == 0"}');
INSERT INTO outbox (id, receiver, group_key, dedup_key, kind, body, created_at, not_before, attempts, last_error, state, lease_until)
  VALUES (1, 'hook', '{}:{alertname="PgDown"}', 'd1', 'webhook', '{"n":1}', 1700000000000, 1700000000000, 1, '', 'sent', 0);
INSERT INTO outbox (id, receiver, group_key, dedup_key, kind, body, created_at, not_before, attempts, last_error, state, lease_until)
  VALUES (2, 'hook', '{}:{alertname="PgDown"}', 'd2', 'webhook', '{"n":2}', 1700000000000, 1700000000000, 2, 'the receiver answered 503', 'queued', 0);
INSERT INTO outbox (id, receiver, group_key, dedup_key, kind, body, created_at, not_before, attempts, last_error, state, lease_until)
  VALUES (3, 'mail', '{}:{alertname="PgDown"}', 'd3', 'webhook', '{"n":3}', 1700000000000, 1700000000000, 1, '', 'queued', 1700000000500);
INSERT INTO outbox (id, receiver, group_key, dedup_key, kind, body, created_at, not_before, attempts, last_error, state, lease_until)
  VALUES (4, 'old', '{}:{alertname="PgDown"}', 'd4', 'webhook', '{"n":4}', 1700000000000, 1700000000000, 9, 'the receiver answered 410', 'dead', 0);
INSERT INTO texts VALUES (42, 'select $1', 1700000000000);
INSERT INTO meta VALUES ('agent', 'mine');
PRAGMA application_id=1885828204;
PRAGMA user_version=1;
