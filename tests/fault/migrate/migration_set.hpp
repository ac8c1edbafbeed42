#pragma once

#include <filesystem>

#include "tests/support/process.hpp"

namespace pgtend::test {

// Migrations of every regime, and of every statement that leaves something behind when it is interrupted.
inline void write_migration_set(const std::filesystem::path& folder) {
  const auto put = [&](const char* name, const char* text) { write_file(folder / name, text); };
  put("V0001__orders.sql", R"(
CREATE TYPE state AS ENUM ('new', 'paid');
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, note text, state state NOT NULL DEFAULT 'new');
INSERT INTO orders SELECT g, g % 97, 'note ' || g FROM generate_series(1, 30000) g;
-- @down
DROP TABLE orders;
DROP TYPE state;
)");
  put("V0002__order_indexes.sql", R"(-- pgtend: tx=none requires=V0001
-- @pre
SELECT count(*) > 0 AS has_rows FROM orders;
-- @up
CREATE INDEX CONCURRENTLY orders_customer_idx ON orders (customer);
INSERT INTO orders SELECT g, 1, 'late' FROM generate_series(30001, 30010) g;
CREATE UNIQUE INDEX CONCURRENTLY orders_note_key ON orders (id, lower(note));
ALTER TABLE orders ADD COLUMN total numeric(10, 2);
UPDATE orders SET total = coalesce(total, 0) + id WHERE id <= 5000;
-- @post
SELECT count(*) = 2 AS both FROM pg_index WHERE indexrelid::regclass::text IN ('orders_customer_idx', 'orders_note_key') AND indisvalid;
-- @down
DROP INDEX CONCURRENTLY orders_note_key;
DROP INDEX CONCURRENTLY orders_customer_idx;
)");
  put("V0003__audit.sql", R"(
CREATE TABLE audit (at timestamptz NOT NULL DEFAULT '2026-01-01', id int);
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
-- @down is only a comment here
BEGIN INSERT INTO audit (id) VALUES (new.id); RETURN new; END $$;
CREATE TRIGGER orders_audit AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION note_change();
-- lint: allow work-under-lock: the set is applied to a server that nobody uses
UPDATE orders SET state = 'paid' WHERE id % 100 = 0;
)");
  put("V0004__upkeep.sql", R"(-- pgtend: tx=none
DROP INDEX CONCURRENTLY orders_customer_idx;
REINDEX TABLE CONCURRENTLY orders;
VACUUM (ANALYZE) orders;
CREATE INDEX CONCURRENTLY orders_state_idx ON orders (state, customer);
REINDEX INDEX CONCURRENTLY orders_state_idx;
)");
  put("V0005__partitions.sql", R"(
CREATE TABLE events (day int, n int) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (10) TO (20);
INSERT INTO events SELECT g % 20, g FROM generate_series(1, 5000) g;
)");
  put("V0006__detach.sql", R"(-- pgtend: tx=none
ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY;
INSERT INTO audit (id) SELECT n FROM events_1 WHERE n <= 10;
-- lint: allow drop-table: its rows are copied
DROP TABLE events_1;
)");
  put("V0007__checks.sql", R"(
ALTER TABLE orders ADD CONSTRAINT total_is_positive CHECK (total >= 0) NOT VALID;
-- lint: allow validate-in-same-transaction: the set is applied to a server that nobody uses
ALTER TABLE orders VALIDATE CONSTRAINT total_is_positive;
)");
  put("R__totals.sql", R"(
CREATE OR REPLACE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
)");
}

}  // namespace pgtend::test
