-- pgtend: role=shop_owner risk=low
-- @up
CREATE TABLE invoices (
  id bigint PRIMARY KEY,
  customer_id bigint NOT NULL,
  due date NOT NULL,
  is_paid boolean NOT NULL DEFAULT false
);
INSERT INTO invoices
  SELECT i, 1 + i % 20000, date '2026-01-01' + i % 365, i % 10 <> 0 FROM generate_series(1, 20000) AS i;
-- @down
DROP TABLE invoices;
