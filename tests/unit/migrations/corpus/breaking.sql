-- case: a column dropped
-- expect: drop-column@2
SET lock_timeout = '1s';
ALTER TABLE invoices DROP COLUMN region;
-- case: a column dropped that was added a line before
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text;
ALTER TABLE invoices DROP COLUMN region;
-- case: two tables dropped with what hangs on them
-- expect: drop-cascade@2
-- expect: drop-table@2
-- expect: drop-cascade@2
-- expect: drop-table@2
SET lock_timeout = '1s';
DROP TABLE invoices, lines CASCADE;
-- case: a type dropped with what hangs on it
-- expect: drop-cascade@1
DROP TYPE state CASCADE;
-- case: a schema dropped with what is in it
-- expect: drop-cascade@1
DROP SCHEMA billing CASCADE;
-- case: a database dropped
-- expect: drop-database@2
-- pgtend: tx=none
DROP DATABASE shop;
-- case: a table renamed
-- expect: rename-table@2
SET lock_timeout = '1s';
ALTER TABLE invoices RENAME TO bills;
-- case: a table renamed with a view of its old name
SET lock_timeout = '1s';
ALTER TABLE invoices RENAME TO bills;
CREATE VIEW invoices AS SELECT * FROM bills;
-- case: a table renamed with a view of its old name, but in another transaction
-- expect: rename-table@3
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices RENAME TO bills;
CREATE VIEW invoices AS SELECT * FROM bills;
-- case: a column renamed
-- expect: rename-column@2
SET lock_timeout = '1s';
ALTER TABLE invoices RENAME COLUMN region TO area;
-- case: a schema renamed
-- expect: rename-schema@1
ALTER SCHEMA billing RENAME TO accounting;
-- case: a table moved to another schema
-- expect: set-schema@2
SET lock_timeout = '1s';
ALTER TABLE invoices SET SCHEMA archive;
-- case: the way back drops what the way forward made
-- file: V7__clients.sql
-- @up
CREATE TABLE clients (id bigint PRIMARY KEY);
-- @down
SET lock_timeout = '1s';
DROP TABLE clients;
-- case: the way back still blocks
-- expect: drop-index-blocking@6
-- pgtend: tx=none
-- @up
CREATE INDEX CONCURRENTLY invoices_due ON invoices (due_on);
-- @down
SET lock_timeout = '1s';
DROP INDEX invoices_due;
-- case: a file of the way back
-- file: migrations/0003_clients.down.sql
SET lock_timeout = '1s';
DROP TABLE clients;
-- case: no way back
-- file: V8__clients.sql
-- expect: missing-down@1
CREATE TABLE clients (id bigint PRIMARY KEY);
