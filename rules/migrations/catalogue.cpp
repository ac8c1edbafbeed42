#include <algorithm>

#include "rules/migrations/lint.hpp"

namespace pgtend::migrations {

namespace {

constexpr auto kInfo = Severity::info, kWarning = Severity::warning, kCritical = Severity::critical;
using Lock = LockLevel;

}  // namespace

const std::vector<RuleInfo>& rules() {
  static const std::vector<RuleInfo> all{
      // Indexes and materialised views.
      {"create-index-blocking", kCritical, Lock::share,
       "INSERT, UPDATE and DELETE on the table wait until the index is built; reads go on.",
       "CREATE INDEX orders_customer ON orders (customer_id);"},
      {"drop-index-blocking", kWarning, Lock::access_exclusive,
       "It waits for every transaction that uses the table, and whoever comes after it waits behind it, readers too.",
       "DROP INDEX orders_customer;"},
      {"reindex-blocking", kCritical, Lock::share,
       "Writes on the table, and reads that would use the index, wait until the index is built anew.",
       "REINDEX TABLE orders;"},
      {"concurrently-if-not-exists", kWarning, Lock::none,
       "A build that failed leaves an INVALID index of that name, which IF NOT EXISTS then takes for done: nobody is "
       "blocked, and no query uses it.",
       "-- pgtend: tx=none\nCREATE INDEX CONCURRENTLY IF NOT EXISTS orders_customer ON orders (customer_id);"},
      {"refresh-matview-blocking", kCritical, Lock::access_exclusive,
       "Reads of the view wait until it is filled anew. CONCURRENTLY needs a unique index on it.",
       "REFRESH MATERIALIZED VIEW sales;"},
      // Columns.
      {"add-column-default-rewrite", kCritical, Lock::access_exclusive,
       "The default is computed for each row (before PostgreSQL 11: any default is), so the table is rewritten while "
       "nobody can read or write it.",
       "ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();"},
      {"add-column-serial", kCritical, Lock::access_exclusive,
       "Each row gets a number, so the table is rewritten while nobody can read or write it.",
       "ALTER TABLE orders ADD COLUMN number bigserial;"},
      {"add-column-generated", kCritical, Lock::access_exclusive,
       "The value is stored in each row, so the table is rewritten while nobody can read or write it.",
       "ALTER TABLE orders ADD COLUMN total numeric GENERATED ALWAYS AS (price * amount) STORED;"},
      {"add-column-not-null", kCritical, Lock::access_exclusive,
       "It fails as soon as the table has one row (23502), after it has waited for its lock.",
       "ALTER TABLE orders ADD COLUMN region text NOT NULL;"},
      {"column-type-rewrite", kCritical, Lock::access_exclusive,
       "The table and its indexes are rewritten while nobody can read or write it, unless the two types are stored "
       "alike (varchar to text, varchar to a longer varchar).",
       "ALTER TABLE orders ALTER COLUMN id TYPE bigint;"},
      {"set-not-null-scan", kCritical, Lock::access_exclusive,
       "The table is read from end to end while nobody can read or write it, unless (from PostgreSQL 12) a valid CHECK "
       "proves it.",
       "ALTER TABLE orders ALTER COLUMN customer_id SET NOT NULL;"},
      // Constraints.
      {"add-foreign-key-scan", kCritical, Lock::share_row_exclusive,
       "Writes on both tables wait while every row is looked up in the other table.",
       "ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id);"},
      {"add-check-scan", kCritical, Lock::access_exclusive,
       "The table is read from end to end while nobody can read or write it.",
       "ALTER TABLE orders ADD CONSTRAINT orders_amount CHECK (amount > 0);"},
      {"add-unique-constraint", kCritical, Lock::access_exclusive,
       "Its index is built while nobody can read or write the table.",
       "ALTER TABLE orders ADD CONSTRAINT orders_number UNIQUE (number);"},
      {"add-primary-key", kCritical, Lock::access_exclusive,
       "Its index is built, and the columns are made NOT NULL, while nobody can read or write the table.",
       "ALTER TABLE orders ADD PRIMARY KEY (id);"},
      {"add-exclusion-constraint", kCritical, Lock::access_exclusive,
       "Its index is built while nobody can read or write the table; there is no way to build it beside the traffic.",
       "ALTER TABLE bookings ADD CONSTRAINT bookings_room EXCLUDE USING gist (during WITH &&);"},
      {"validate-in-same-transaction", kCritical, Lock::access_exclusive,
       "The strong lock of ADD CONSTRAINT is held until the end of the transaction, so the check of all rows runs "
       "under "
       "it and NOT VALID has gained nothing.",
       "ALTER TABLE orders ADD CONSTRAINT orders_amount CHECK (amount > 0) NOT VALID;\n"
       "ALTER TABLE orders VALIDATE CONSTRAINT orders_amount;"},
      // Tables.
      {"vacuum-full", kCritical, Lock::access_exclusive,
       "The table is rewritten while nobody can read or write it, and both copies need their place on the disk.",
       "-- pgtend: tx=none\nVACUUM FULL orders;"},
      {"cluster", kCritical, Lock::access_exclusive,
       "The table is rewritten while nobody can read or write it, and both copies need their place on the disk.",
       "CLUSTER orders USING orders_pkey;"},
      {"set-tablespace", kCritical, Lock::access_exclusive, "The table is copied while nobody can read or write it.",
       "ALTER TABLE orders SET TABLESPACE slow;"},
      {"set-logged", kCritical, Lock::access_exclusive,
       "The table is rewritten while nobody can read or write it; LOGGED also writes all of it to the WAL.",
       "ALTER TABLE orders SET LOGGED;"},
      {"set-access-method", kCritical, Lock::access_exclusive,
       "The table is rewritten while nobody can read or write it (PostgreSQL 15 and later have it).",
       "ALTER TABLE orders SET ACCESS METHOD heap;"},
      {"backfill-in-one-statement", kWarning, Lock::none,
       "Every row is locked until the transaction ends, its old version stays as bloat, and standbys lag behind.",
       "UPDATE orders SET region = 'north';"},
      {"truncate-table", kCritical, Lock::access_exclusive,
       "The rows are gone, and nobody can read or write the table until the transaction ends.", "TRUNCATE orders;",
       true},
      {"lock-table", kWarning, Lock::access_exclusive, "Others wait from here to the end of the transaction.",
       "LOCK TABLE orders;"},
      {"disable-trigger", kWarning, Lock::share_row_exclusive,
       "What others write meanwhile is not checked or copied either; with ALL, foreign keys are off.",
       "ALTER TABLE orders DISABLE TRIGGER ALL;"},
      {"row-security-without-policy", kCritical, Lock::access_exclusive,
       "Everybody but the owner sees no row any more from the commit on.",
       "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;"},
      // Partitions.
      {"create-partition-blocking", kWarning, Lock::access_exclusive,
       "Nobody can read or write any partition of the parent from here to the end of the transaction; ATTACH PARTITION "
       "takes SHARE UPDATE EXCLUSIVE instead (from PostgreSQL 12).",
       "CREATE TABLE orders_2027 PARTITION OF orders FOR VALUES FROM (2027) TO (2028);"},
      {"attach-partition-scan", kWarning, Lock::access_exclusive,
       "The new partition is read from end to end under ACCESS EXCLUSIVE, unless a valid CHECK proves its bounds.",
       "ALTER TABLE orders ATTACH PARTITION orders_2027 FOR VALUES FROM (2027) TO (2028);"},
      {"detach-partition-blocking", kWarning, Lock::access_exclusive,
       "It waits for every transaction that uses the parent, and whoever comes after it waits behind it.",
       "ALTER TABLE orders DETACH PARTITION orders_2019;"},
      // What running programs notice.
      {"drop-column", kWarning, Lock::access_exclusive,
       "The data is gone, and programs that still name the column fail.", "ALTER TABLE orders DROP COLUMN region;",
       true},
      {"drop-table", kCritical, Lock::access_exclusive, "The data is gone, and programs that still name it fail.",
       "DROP TABLE orders;", true},
      {"drop-cascade", kCritical, Lock::access_exclusive,
       "Views, foreign keys and whatever else depends on it go too, unnamed; with TRUNCATE so do the rows of the "
       "tables "
       "that refer to it.",
       "DROP TYPE mood CASCADE;"},
      {"drop-database", kCritical, Lock::access_exclusive,
       "All of its data is gone, and no transaction can bring it back.", "-- pgtend: tx=none\nDROP DATABASE shop;"},
      {"rename-table", kWarning, Lock::access_exclusive,
       "Programs that still name the old table fail from the commit on.", "ALTER TABLE orders RENAME TO purchases;",
       true},
      {"rename-column", kWarning, Lock::access_exclusive,
       "Programs that still name the old column fail from the commit on.",
       "ALTER TABLE orders RENAME COLUMN region TO area;", true},
      {"rename-schema", kWarning, Lock::none, "Programs that still name the old schema fail from the commit on.",
       "ALTER SCHEMA shop RENAME TO store;", true},
      {"set-schema", kWarning, Lock::access_exclusive,
       "Programs that still look for the table in the old schema fail from the commit on.",
       "ALTER TABLE orders SET SCHEMA archive;", true},
      // The transaction.
      {"forbidden-in-transaction", kCritical, Lock::none,
       "The server refuses it inside a transaction (25001), which is how the script is run.",
       "CREATE INDEX CONCURRENTLY orders_customer ON orders (customer_id);"},
      {"concurrently-with-lock-timeout", kWarning, Lock::none,
       "It waits for old transactions as a part of its work; when lock_timeout ends that wait, an INVALID index or a "
       "half detached partition is left.",
       "-- pgtend: tx=none\nSET lock_timeout = '2s';\nCREATE INDEX CONCURRENTLY orders_customer ON orders "
       "(customer_id);"},
      {"nested-transaction", kWarning, Lock::none,
       "COMMIT ends the transaction in which the tool runs the script: what follows is not undone when it fails.",
       "BEGIN;\nCREATE TABLE a (id bigint);\nCOMMIT;\nCREATE TABLE b (id bigint);"},
      {"lock-timeout-missing", kWarning, Lock::none,
       "When one long transaction is in its way, it waits without end, and every later query of the table waits behind "
       "it.",
       "ALTER TABLE orders ADD COLUMN region text;"},
      {"several-tables-locked", kWarning, Lock::access_exclusive,
       "Both tables are out of reach until the end, and a program that takes them the other way round deadlocks.",
       "ALTER TABLE orders ADD COLUMN region text;\nALTER TABLE customers ADD COLUMN region text;"},
      {"work-under-lock", kCritical, Lock::access_exclusive,
       "The lock of an earlier statement is held until the end of the transaction, so others wait as long as this work "
       "takes.",
       "ALTER TABLE orders ADD COLUMN region text;\nUPDATE orders SET region = 'north' WHERE id < 10000;"},
      {"enum-value-used-too-soon", kCritical, Lock::none,
       "The server refuses a new value in the transaction that adds it (55P04).",
       "ALTER TYPE mood ADD VALUE 'fine';\nINSERT INTO days (mood) VALUES ('fine');"},
      // Types.
      {"int4-primary-key", kWarning, Lock::none,
       "It ends at 2,147,483,647 rows ever inserted, and the change to bigint then rewrites the table.",
       "CREATE TABLE orders (id serial PRIMARY KEY);"},
      {"json-column", kInfo, Lock::none,
       "json has no equality, so SELECT DISTINCT and GROUP BY fail on it, and each use parses it anew.",
       "CREATE TABLE events (body json);"},
      {"char-column", kInfo, Lock::none, "char(n) is padded with blanks, which comparisons then ignore.",
       "CREATE TABLE orders (country char(2));"},
      {"timestamp-without-time-zone", kInfo, Lock::none,
       "It holds no moment: what it means changes with the time zone of whoever reads it.",
       "CREATE TABLE orders (placed_at timestamp);"},
      // The script itself.
      {"missing-down", kInfo, Lock::none, "Without a way back pgtend applies it only after an approval.",
       "CREATE TABLE orders (id bigint);"},
      {"syntax-error", kCritical, Lock::none, "The server would refuse it; the other rules have not seen it.",
       "CREAT TABLE orders (id bigint);"},
      {"not-checked", kWarning, Lock::none,
       "No rule has seen it, and it may be right: this build's grammar is older than the server's, or it is longer "
       "than "
       "64 kB.",
       "SELEKT 1;"},
      {"allow-without-reason", kWarning, Lock::none,
       "It allows nothing until a colon and a reason stand behind the rule's name.",
       "SET lock_timeout = '2s';\n-- lint: allow drop-table\nDROP TABLE orders;"},
      {"allow-unknown-rule", kWarning, Lock::none, "No rule has that name.",
       "-- lint: allow drop-tabel: it is empty\nCREATE TABLE orders (id bigint);"},
      {"allow-unused", kInfo, Lock::none, "Nothing is there to allow; the comment can go.",
       "-- lint: allow drop-table: it is empty\nCREATE TABLE orders (id bigint);"},
  };
  return all;
}

const RuleInfo* find_rule(std::string_view name) {
  const auto& all = rules();
  const auto it = std::find_if(all.begin(), all.end(), [&](const RuleInfo& rule) { return rule.name == name; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace pgtend::migrations
