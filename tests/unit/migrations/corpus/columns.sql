-- case: a column without a default
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN note text;
-- case: a column with a constant default from 11 on
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN paid boolean NOT NULL DEFAULT false;
-- case: a column with a constant default before 11
-- server: 10
-- expect: add-column-default-rewrite@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN paid boolean NOT NULL DEFAULT false;
-- case: a column whose default is the moment of the statement
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN seen_at timestamptz DEFAULT now(), ADD COLUMN day date DEFAULT CURRENT_DATE;
-- case: a column with an explicit NULL default
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN note text DEFAULT NULL;
-- case: a column whose default is computed for each row
-- expect: add-column-default-rewrite@3
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN note text,
  ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
-- case: a column whose default hides the function in a cast and a call
-- expect: add-column-default-rewrite@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN dice int DEFAULT (1 + floor(random() * 6))::int;
-- case: a column whose default is a function nobody knows
-- expect: add-column-default-rewrite@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text DEFAULT billing.region_of_day();
-- case: a serial column
-- expect: add-column-serial@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN counter serial;
-- case: an identity column
-- expect: add-column-serial@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN counter bigint GENERATED ALWAYS AS IDENTITY;
-- case: a stored generated column
-- expect: add-column-generated@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN gross numeric GENERATED ALWAYS AS (net * 1.2) STORED;
-- case: a column that must not be NULL and has nothing to be
-- expect: add-column-not-null@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region text NOT NULL;
-- case: the same on a table that the script makes
CREATE TABLE invoices (id bigint PRIMARY KEY);
ALTER TABLE invoices ADD COLUMN region text NOT NULL, ADD COLUMN token uuid DEFAULT gen_random_uuid();
-- case: another type
-- expect: column-type-rewrite@2
SET lock_timeout = '1s';
ALTER TABLE invoices ALTER COLUMN net TYPE numeric(12, 2) USING net::numeric;
-- case: another type of a column that the script adds
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN region varchar(10);
ALTER TABLE invoices ALTER COLUMN region TYPE text;
-- case: NOT NULL with a scan
-- expect: set-not-null-scan@2
SET lock_timeout = '1s';
ALTER TABLE invoices ALTER COLUMN region SET NOT NULL;
-- case: NOT NULL behind a CHECK that is valid
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_region CHECK (region IS NOT NULL) NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_region;
ALTER TABLE invoices ALTER COLUMN region SET NOT NULL;
ALTER TABLE invoices DROP CONSTRAINT invoices_region;
-- case: NOT NULL behind a CHECK that is not valid yet
-- expect: set-not-null-scan@4
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_region CHECK (region IS NOT NULL) NOT VALID;
ALTER TABLE invoices ALTER COLUMN region SET NOT NULL;
-- case: NOT NULL behind a CHECK of another column
-- expect: set-not-null-scan@5
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_note CHECK (note IS NOT NULL) NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_note;
ALTER TABLE invoices ALTER COLUMN region SET NOT NULL;
-- case: NOT NULL behind a valid CHECK where the server does not look at it
-- server: 11
-- expect: set-not-null-scan@5
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_region CHECK (region IS NOT NULL) NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_region;
ALTER TABLE invoices ALTER COLUMN region SET NOT NULL;
-- case: the NOT NULL of 18 that is validated later
-- server: 18
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_region NOT NULL region NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_region;
-- case: the NOT NULL of 18 at once
-- server: 18
-- expect: add-check-scan@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_region NOT NULL region;
