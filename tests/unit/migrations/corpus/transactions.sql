-- case: a strong lock without a limit is told once
-- expect: lock-timeout-missing@1
ALTER TABLE invoices ADD COLUMN region text;
ALTER TABLE invoices ADD COLUMN area text;
-- case: a limit of zero is none
-- expect: lock-timeout-missing@2
SET lock_timeout = 0;
ALTER TABLE invoices ADD COLUMN region text;
-- case: a limit by a function
SELECT set_config('lock_timeout', '500ms', true);
ALTER TABLE invoices ADD COLUMN region text;
-- case: a limit that is taken away again
-- expect: lock-timeout-missing@4
SET LOCAL lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text;
RESET lock_timeout;
ALTER TABLE invoices ADD COLUMN area text;
-- case: a foreign key of a new table locks the old one
-- expect: lock-timeout-missing@1
CREATE TABLE lines (id bigint PRIMARY KEY, invoice_id bigint REFERENCES invoices (id));
-- case: a COMMIT in the middle
-- expect: nested-transaction@3
BEGIN;
CREATE TABLE a (id bigint PRIMARY KEY);
COMMIT;
CREATE TABLE b (id bigint PRIMARY KEY);
-- case: a transaction around everything
BEGIN;
CREATE TABLE a (id bigint PRIMARY KEY);
CREATE TABLE b (id bigint PRIMARY KEY);
COMMIT;
-- case: two tables locked to the end
-- expect: several-tables-locked@3
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text;
ALTER TABLE clients ADD COLUMN region text;
-- case: two tables, each in its own transaction
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text;
ALTER TABLE clients ADD COLUMN region text;
-- case: rows are filled under a lock
-- expect: work-under-lock@3
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text;
UPDATE invoices SET region = 'north' WHERE id < 10000;
-- case: a value is used in the transaction that adds it
-- expect: enum-value-used-too-soon@2
ALTER TYPE state ADD VALUE 'overdue';
UPDATE invoices SET state = 'overdue' WHERE id < 10;
-- case: a value is added where that is not possible in a transaction
-- server: 11
-- expect: forbidden-in-transaction@1
ALTER TYPE state ADD VALUE 'overdue';
-- case: a setting of the server in a transaction
-- expect: forbidden-in-transaction@1
ALTER SYSTEM SET work_mem = '64MB';
-- case: an index of the whole schema in a transaction
-- expect: forbidden-in-transaction@2
-- expect: reindex-blocking@2
SET lock_timeout = '1s';
REINDEX SCHEMA billing;
-- case: a database dropped in a transaction
-- expect: forbidden-in-transaction@1
-- expect: drop-database@1
DROP DATABASE shop;
-- case: a limit in pgtend's header
-- pgtend: risk=low lock_timeout=2s
ALTER TABLE invoices ADD COLUMN region text;
-- case: a limit on the waits of a concurrent build
-- expect: concurrently-with-lock-timeout@4
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text;
CREATE INDEX CONCURRENTLY invoices_region ON invoices (region);
-- case: no limit on the waits of a concurrent build
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text;
RESET lock_timeout;
CREATE INDEX CONCURRENTLY invoices_region ON invoices (region);
