-- case: a plain index on a table in use
-- expect: create-index-blocking@2
SET lock_timeout = '1s';
CREATE INDEX invoices_due ON invoices (due_on);
-- case: a plain unique index in another schema, written over lines
-- expect: create-index-blocking@3
SET lock_timeout = '1s';

CREATE UNIQUE INDEX invoices_number
    ON billing.invoices (number)
    WHERE cancelled_at IS NULL;
-- case: an index on the table that the script makes
CREATE TABLE invoices (id bigint PRIMARY KEY, due_on date);
CREATE INDEX invoices_due ON invoices (due_on);
-- case: an index on a table of another schema than the one that the script makes
-- expect: create-index-blocking@3
SET lock_timeout = '1s';
CREATE TABLE billing.invoices (id bigint PRIMARY KEY, due_on date);
CREATE INDEX invoices_due ON archive.invoices (due_on);
-- case: public is where a table without a schema is made
CREATE TABLE invoices (id bigint PRIMARY KEY, due_on date);
CREATE INDEX invoices_due ON public.invoices (due_on);
-- case: an index on a new table that was renamed since
CREATE TABLE invoices_new (id bigint PRIMARY KEY, due_on date);
ALTER TABLE invoices_new RENAME TO invoices_2027;
CREATE INDEX invoices_due ON invoices_2027 (due_on);
-- case: a concurrent index with pgtend's mark
-- pgtend: tx=none risk=low
CREATE INDEX CONCURRENTLY invoices_due ON invoices (due_on);
-- case: a concurrent index inside the tool's transaction
-- expect: forbidden-in-transaction@1
CREATE INDEX CONCURRENTLY invoices_due ON invoices (due_on);
-- case: a concurrent index without goose's transaction
-- +goose NO TRANSACTION
-- +goose Up
CREATE INDEX CONCURRENTLY invoices_due ON invoices (due_on);
-- +goose Down
DROP INDEX CONCURRENTLY invoices_due;
-- case: a concurrent index without dbmate's transaction
-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY invoices_due ON invoices (due_on);
-- migrate:down transaction:false
DROP INDEX CONCURRENTLY invoices_due;
-- case: a concurrent index inside a transaction of the script's own
-- expect: forbidden-in-transaction@3
-- pgtend: tx=none
BEGIN;
CREATE INDEX CONCURRENTLY invoices_due ON invoices (due_on);
COMMIT;
-- case: an index that may be there, invalid
-- expect: concurrently-if-not-exists@2
-- pgtend: tx=none
CREATE INDEX CONCURRENTLY IF NOT EXISTS invoices_due ON invoices (due_on);
-- case: an index dropped under readers
-- expect: drop-index-blocking@2
SET lock_timeout = '1s';
DROP INDEX IF EXISTS billing.invoices_due;
-- case: two indexes dropped at once
-- expect: drop-index-blocking@2
-- expect: drop-index-blocking@2
SET lock_timeout = '1s';
DROP INDEX invoices_due, invoices_number;
-- case: an index that the script made is dropped
CREATE TABLE invoices (id bigint PRIMARY KEY, due_on date);
CREATE INDEX invoices_due ON invoices (due_on);
DROP INDEX invoices_due;
-- case: a plain REINDEX
-- expect: reindex-blocking@2
SET lock_timeout = '1s';
REINDEX INDEX invoices_due;
-- case: a plain REINDEX where there is no other
-- server: 11
-- expect: reindex-blocking@2
SET lock_timeout = '1s';
REINDEX TABLE invoices;
-- case: a concurrent REINDEX
-- pgtend: tx=none
REINDEX TABLE CONCURRENTLY invoices;
-- case: a view refreshed under its readers
-- expect: refresh-matview-blocking@2
SET lock_timeout = '1s';
REFRESH MATERIALIZED VIEW turnover;
-- case: a view refreshed beside its readers
SET lock_timeout = '1s';
REFRESH MATERIALIZED VIEW CONCURRENTLY turnover;
-- case: a view that the script makes
CREATE MATERIALIZED VIEW turnover AS SELECT 1 AS one WITH NO DATA;
REFRESH MATERIALIZED VIEW turnover;
