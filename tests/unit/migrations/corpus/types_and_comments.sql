-- case: a key that ends
-- expect: int4-primary-key@1
CREATE TABLE clients (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
-- case: a key that ends, named behind the columns
-- expect: int4-primary-key@2
CREATE TABLE clients (
  id serial,
  name text,
  CONSTRAINT clients_pkey PRIMARY KEY (id)
);
-- case: a key that does not end
CREATE TABLE clients (id bigserial PRIMARY KEY, rank int);
-- case: types to think about
-- expect: json-column@2
-- expect: char-column@3
-- expect: timestamp-without-time-zone@4
CREATE TABLE events (id bigint PRIMARY KEY,
  body json,
  country char(2),
  at timestamp(3));
-- case: types that are fine
CREATE TABLE events (id bigint PRIMARY KEY, body jsonb, country text, at timestamptz, code varchar(20));
-- case: no SQL
-- expect: syntax-error@2
CREATE TABLE a (id bigint PRIMARY KEY);
CREATE TABEL b (id bigint PRIMARY KEY);
CREATE TABLE c (id bigint PRIMARY KEY);
-- case: SQL of a later server
-- server: 18
-- expect: not-checked@2
CREATE TABLE a (id bigint PRIMARY KEY, net numeric);
ALTER TABLE a ADD COLUMN gross numeric GENERATED ALWAYS AS (net * 2) VIRTUAL;
-- case: what follows a statement that cannot be parsed is still looked at
-- expect: syntax-error@2
-- expect: create-index-blocking@4
SET lock_timeout = '1s';
SELEC 1;
-- between
CREATE INDEX invoices_due ON invoices (due_on);
-- case: allowed in the line before
SET lock_timeout = '1s';
-- lint: allow drop-table: replaced by bills in release 12
DROP TABLE invoices;
-- case: allowed behind the statement
SET lock_timeout = '1s';
DROP TABLE invoices; -- lint: allow drop-table: replaced by bills in release 12
-- case: allowed for one statement is not allowed for the next
-- expect: drop-table@5
-- pgtend: tx=none
SET lock_timeout = '1s';
-- lint: allow drop-table: replaced by bills in release 12
DROP TABLE invoices;
DROP TABLE invoices_2019;
-- case: allowed for the whole file
-- lint: allow-file drop-table: replaced by bills in release 12
-- pgtend: tx=none
SET lock_timeout = '1s';
DROP TABLE invoices;
DROP TABLE invoices_2019;
-- case: allowed without a reason
-- expect: allow-without-reason@2
-- expect: drop-table@3
SET lock_timeout = '1s';
-- lint: allow drop-table
DROP TABLE invoices;
-- case: a rule that nobody knows is allowed
-- expect: allow-unknown-rule@1
-- lint: allow drop-tables: replaced
SELECT 1;
-- case: nothing is there to allow
-- expect: allow-unused@1
-- lint: allow drop-table: replaced
SELECT 1;
-- case: the body of a function is no statement of the script
CREATE FUNCTION tidy() RETURNS void LANGUAGE sql BEGIN ATOMIC
  DELETE FROM invoices;
  DELETE FROM lines;
END;
CREATE FUNCTION tidy2() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE invoices; END $$;
-- case: sections that check
-- @pre
SELECT count(*) = 0 FROM invoices;
-- @up
CREATE TABLE a (id bigint PRIMARY KEY);
-- @post
SELECT to_regclass('a') IS NOT NULL;
-- @down
SET lock_timeout = '1s';
DROP TABLE a;
