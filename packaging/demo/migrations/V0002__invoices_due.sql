-- pgtend: tx=none role=shop_owner risk=low requires=V0001
-- @pre
SELECT count(*) = 0 AS ok, count(*) AS without_customer FROM invoices WHERE customer_id <= 0;
-- @up
CREATE INDEX CONCURRENTLY invoices_due_idx ON invoices (due) WHERE NOT is_paid;
ALTER TABLE invoices ADD CONSTRAINT invoices_customer_id CHECK (customer_id > 0) NOT VALID;
ALTER TABLE invoices VALIDATE CONSTRAINT invoices_customer_id;
-- @post
SELECT indisvalid FROM pg_index WHERE indexrelid = 'invoices_due_idx'::regclass;
-- @down
ALTER TABLE invoices DROP CONSTRAINT invoices_customer_id;
DROP INDEX CONCURRENTLY invoices_due_idx;
