-- case: VACUUM FULL in a transaction
-- expect: forbidden-in-transaction@1
-- expect: vacuum-full@1
VACUUM (FULL, ANALYZE) invoices;
-- case: a plain VACUUM outside a transaction
-- pgtend: tx=none
VACUUM (ANALYZE) invoices;
-- case: CLUSTER
-- expect: cluster@1
CLUSTER invoices USING invoices_pkey;
-- case: another tablespace
-- expect: set-tablespace@2
SET lock_timeout = '1s';
ALTER TABLE invoices SET TABLESPACE archive;
-- case: logged again
-- expect: set-logged@2
SET lock_timeout = '1s';
ALTER TABLE staging SET LOGGED;
-- case: another access method
-- server: 15
-- expect: set-access-method@2
SET lock_timeout = '1s';
ALTER TABLE invoices SET ACCESS METHOD columnar;
-- case: every row is updated
-- expect: backfill-in-one-statement@1
UPDATE invoices SET region = 'north';
-- case: every row is deleted
-- expect: backfill-in-one-statement@1
DELETE FROM invoices;
-- case: some rows are updated
UPDATE invoices SET region = 'north' WHERE id BETWEEN 1 AND 1000;
-- case: the rows of a new table are updated
CREATE TABLE regions (name text);
INSERT INTO regions VALUES ('north');
UPDATE regions SET name = 'south';
-- case: TRUNCATE with CASCADE
-- expect: truncate-table@2
-- expect: drop-cascade@2
SET lock_timeout = '1s';
TRUNCATE invoices CASCADE;
-- case: an explicit lock
-- expect: lock-table@2
SET lock_timeout = '1s';
LOCK TABLE invoices IN SHARE ROW EXCLUSIVE MODE;
-- case: an explicit lock that hardly anybody meets
LOCK TABLE invoices IN ROW EXCLUSIVE MODE;
-- case: triggers off
-- expect: disable-trigger@2
SET lock_timeout = '1s';
ALTER TABLE invoices DISABLE TRIGGER ALL;
-- case: row security without a policy
-- expect: row-security-without-policy@2
SET lock_timeout = '1s';
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
-- case: row security with a policy
SET lock_timeout = '1s';
ALTER TABLE invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON invoices USING (owner = current_user);
-- case: a partition made below its parent
-- expect: create-partition-blocking@2
SET lock_timeout = '1s';
CREATE TABLE invoices_2027 PARTITION OF invoices FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
-- case: the partitions of a new table
CREATE TABLE invoices (id bigint, due_on date) PARTITION BY RANGE (due_on);
CREATE TABLE invoices_rest PARTITION OF invoices DEFAULT;
-- case: a partition attached without proof
-- expect: attach-partition-scan@2
SET lock_timeout = '1s';
ALTER TABLE invoices ATTACH PARTITION invoices_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
-- case: a new partition attached
SET lock_timeout = '1s';
CREATE TABLE invoices_2027 (LIKE invoices INCLUDING ALL);
ALTER TABLE invoices ATTACH PARTITION invoices_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
-- case: a partition attached behind a proof
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices_2027 ADD CONSTRAINT bounds CHECK (due_on >= '2027-01-01' AND due_on < '2028-01-01') NOT VALID;
ALTER TABLE invoices_2027 VALIDATE CONSTRAINT bounds;
ALTER TABLE invoices ATTACH PARTITION invoices_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
-- case: a partition detached
-- server: 14
-- expect: detach-partition-blocking@2
SET lock_timeout = '1s';
ALTER TABLE invoices DETACH PARTITION invoices_2019;
-- case: a partition detached where there is no other way
-- server: 13
-- expect: detach-partition-blocking@2
SET lock_timeout = '1s';
ALTER TABLE invoices DETACH PARTITION invoices_2019;
-- case: a partition detached beside the traffic
-- server: 14
-- pgtend: tx=none
ALTER TABLE invoices DETACH PARTITION invoices_2019 CONCURRENTLY;
