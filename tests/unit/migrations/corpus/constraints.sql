-- case: a foreign key that is checked at once
-- expect: add-foreign-key-scan@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_client FOREIGN KEY (client_id) REFERENCES clients (id);
-- case: a foreign key that is checked later
-- pgtend: tx=none
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_client FOREIGN KEY (client_id) REFERENCES clients (id) NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_client;
-- case: a foreign key of a new column without a default has nothing to check
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN client_id bigint REFERENCES clients (id);
-- case: a foreign key of a new column with a default
-- expect: add-foreign-key-scan@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN client_id bigint DEFAULT 1 REFERENCES clients (id) ON DELETE SET NULL;
-- case: a CHECK that is checked at once
-- expect: add-check-scan@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CHECK (net >= 0);
-- case: a CHECK of a new column
-- expect: add-check-scan@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN discount numeric DEFAULT 0 CHECK (discount < 1);
-- case: UNIQUE builds its index
-- expect: add-unique-constraint@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_number UNIQUE (year, number);
-- case: a new column that is UNIQUE
-- expect: add-unique-constraint@2
SET lock_timeout = '1s';
ALTER TABLE invoices ADD COLUMN code text UNIQUE;
-- case: UNIQUE takes an index that is there
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_number UNIQUE USING INDEX invoices_number;
-- case: PRIMARY KEY builds its index
-- expect: add-primary-key@2
SET lock_timeout = '1s';
ALTER TABLE lines ADD CONSTRAINT lines_pkey PRIMARY KEY (invoice_id, position);
-- case: an exclusion constraint
-- expect: add-exclusion-constraint@2
SET lock_timeout = '1s';
ALTER TABLE bookings ADD CONSTRAINT bookings_room EXCLUDE USING gist (room WITH =, during WITH &&);
-- case: NOT VALID and VALIDATE in one transaction
-- expect: validate-in-same-transaction@3
SET lock_timeout = '1s';
ALTER TABLE invoices ADD CONSTRAINT invoices_net CHECK (net >= 0) NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_net;
-- case: NOT VALID and VALIDATE in two transactions of the script
-- pgtend: tx=none
SET lock_timeout = '1s';
BEGIN;
ALTER TABLE invoices ADD CONSTRAINT invoices_net CHECK (net >= 0) NOT VALID;
COMMIT;
BEGIN;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_net;
COMMIT;
-- case: constraints of the table that the script makes
CREATE TABLE invoices (id bigint PRIMARY KEY, number text UNIQUE, net numeric);
ALTER TABLE invoices ADD CONSTRAINT invoices_net CHECK (net >= 0);
ALTER TABLE invoices ALTER COLUMN net SET NOT NULL;
