// What the lint says of locks and rewrites, held against what a server does: each bad script takes the lock that its
// rule complains of, and the safe form that the lint gives for it does not.
#include <algorithm>

#include "agent/base/strings.hpp"
#include "rules/migrations/lint.hpp"
#include "rules/sql/ddl.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr const char* kScene = R"(
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, amount numeric, number bigint);
CREATE TABLE lines (id bigint, amount int);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE TABLE parted (id bigint NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 (id bigint NOT NULL);
INSERT INTO customers SELECT g FROM generate_series(1, 10) g;
INSERT INTO orders SELECT g, 1 + g % 10, g, g FROM generate_series(1, 1000) g;
INSERT INTO lines SELECT g, g FROM generate_series(1, 1000) g;
INSERT INTO parted_2 SELECT g FROM generate_series(100, 199) g;
CREATE MATERIALIZED VIEW sales AS SELECT customer_id, sum(amount) FROM orders GROUP BY 1;
CREATE UNIQUE INDEX sales_customer ON sales (customer_id);
)";

// What one statement did to the tables that were there before.
struct Look {
  std::string statement;
  LockLevel lock = LockLevel::none;  // the strongest
  bool scanned = false, rewritten = false;
};

LockLevel level_of(const std::string& mode) {
  for (const auto level : {LockLevel::share_update_exclusive, LockLevel::share, LockLevel::share_row_exclusive,
                           LockLevel::exclusive, LockLevel::access_exclusive})
    if (mode == to_string(level)) return level;
  return LockLevel::none;
}

class Watched {
 public:
  explicit Watched(const PgCluster& cluster, std::string database)
      : worker_(cluster.session(database)), watcher_(cluster.session(database)), blocker_(cluster.session(database)) {
    worker_.exec(kScene);
    tables_ = watcher_.value(
        "SELECT string_agg(oid::text, ',') FROM pg_class WHERE relkind IN ('r', 'p', 'm') "
        "AND relnamespace = 'public'::regnamespace");
  }

  std::vector<Look> run(const std::string& script) {
    std::vector<Look> out;
    const auto read = sql::read_ddl(script);
    REQUIRE(read);
    for (const auto& statement : read->statements) {
      INFO(statement.text);
      REQUIRE(statement.error.empty());
      const bool setting = to_lower(statement.text).find("lock_timeout") != std::string::npos;
      const bool patient =
          statement.actions.front().concurrently && statement.actions.front().kind != sql::Action::Kind::refresh;
      if (setting) {
        worker_.exec(statement.text);
      } else {
        out.push_back(patient ? beside_a_writer(statement.text) : in_transaction(statement.text));
      }
    }
    return out;
  }

 private:
  LockLevel strongest_lock() {
    auto out = LockLevel::none;
    const auto rows =
        watcher_.rows("SELECT DISTINCT mode FROM pg_locks WHERE pid = " + std::to_string(worker_.backend_pid()) +
                      " AND relation IN (" + tables_ + ")");
    for (std::size_t i = 0; i < rows.size(); ++i) out = std::max(out, level_of(rows.text(i, "mode")));
    return out;
  }
  std::string files() {
    return worker_.value("SELECT string_agg(oid || ':' || relfilenode, ',' ORDER BY oid) FROM pg_class WHERE oid IN (" +
                         tables_ + ")");
  }
  std::string scans() {
    return worker_.value("SELECT sum(seq_scan) FROM pg_stat_xact_user_tables WHERE relid IN (" + tables_ + ")");
  }

  Look in_transaction(const std::string& statement) {
    Look out{statement};
    worker_.exec("BEGIN");
    const auto files_before = files(), scans_before = scans();
    worker_.exec(statement);
    out.lock = strongest_lock();
    out.scanned = scans() != scans_before;
    out.rewritten = files() != files_before;
    worker_.exec("COMMIT");
    return out;
  }

  bool waits() {
    return watcher_.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = " +
                          std::to_string(worker_.backend_pid())) != "0";
  }

  // An open writer holds the statement where it waits, so that its lock can be seen and another writer can try.
  Look beside_a_writer(const std::string& statement) {
    Look out{statement};
    blocker_.exec("BEGIN");
    for (const auto* table : {"orders", "lines", "parted"})
      blocker_.exec("LOCK TABLE " + std::string(table) + " IN ROW EXCLUSIVE MODE");
    worker_.send(statement);
    const bool seen = eventually([&] {
      out.lock = strongest_lock();
      return waits();
    });
    const auto refused = watcher_.sqlstate_of(
        "BEGIN; SET LOCAL lock_timeout = '2s'; LOCK TABLE orders, lines, parted IN ROW EXCLUSIVE MODE; COMMIT");
    watcher_.exec("ROLLBACK");
    blocker_.exec("COMMIT");
    worker_.finish();
    REQUIRE(seen);
    REQUIRE(refused.empty());
    return out;
  }

  PgSession worker_, watcher_, blocker_;
  std::string tables_;
};

struct Case {
  std::string rule, bad;
  LockLevel lock;              // that the rule complains of
  bool while_reading = false;  // only as long as a table is read or rewritten under it
};

bool complains(const Case& one, const std::vector<Look>& looks) {
  return std::any_of(looks.begin(), looks.end(), [&](const Look& look) {
    return look.lock >= one.lock && (!one.while_reading || look.scanned || look.rewritten);
  });
}

std::string safe_form(const Case& one, int server) {
  for (const auto& finding : migrations::lint(one.bad, {server}))
    if (finding.rule == one.rule) return finding.safe;
  FAIL("the lint does not find " << one.rule << " in " << one.bad);
  return {};
}

// Two safe forms leave a blank that the author fills.
std::string filled(std::string script) {
  const std::string blank = "partition_key IS NOT NULL AND partition_key >= 1 AND partition_key < 2";
  if (const auto at = script.find(blank); at != std::string::npos)
    script.replace(at, blank.size(), "id IS NOT NULL AND id >= 100 AND id < 200");
  return script;
}

std::string told(const std::vector<Look>& looks) {
  std::string out;
  for (const auto& look : looks)
    out += std::string(to_string(look.lock)) + (look.scanned ? " scanned" : "") + (look.rewritten ? " rewritten" : "") +
           ": " + look.statement + "\n";
  return out;
}

const std::vector<Case>& cases() {
  using enum LockLevel;
  static const std::vector<Case> all{
      {"create-index-blocking", "CREATE INDEX orders_amount ON orders (amount)", share},
      {"drop-index-blocking", "DROP INDEX orders_customer", access_exclusive},
      {"reindex-blocking", "REINDEX TABLE orders", share},
      {"refresh-matview-blocking", "REFRESH MATERIALIZED VIEW sales", access_exclusive},
      {"add-column-default-rewrite", "ALTER TABLE orders ADD COLUMN token float8 DEFAULT random()", access_exclusive,
       true},
      {"add-column-serial", "ALTER TABLE orders ADD COLUMN counter bigserial", access_exclusive, true},
      {"add-column-generated", "ALTER TABLE orders ADD COLUMN twice bigint GENERATED ALWAYS AS (number * 2) STORED",
       access_exclusive, true},
      {"column-type-rewrite", "ALTER TABLE orders ALTER COLUMN number TYPE numeric", access_exclusive, true},
      {"set-not-null-scan", "ALTER TABLE orders ALTER COLUMN customer_id SET NOT NULL", access_exclusive, true},
      {"add-foreign-key-scan", "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id)",
       share_row_exclusive, true},
      {"add-check-scan", "ALTER TABLE orders ADD CONSTRAINT orders_amount CHECK (amount > 0)", access_exclusive, true},
      {"add-unique-constraint", "ALTER TABLE orders ADD UNIQUE (number)", access_exclusive, true},
      {"add-primary-key", "ALTER TABLE lines ADD PRIMARY KEY (id)", access_exclusive, true},
      {"create-partition-blocking", "CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (300) TO (400)",
       access_exclusive},
      {"attach-partition-scan", "ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (100) TO (200)",
       access_exclusive, true},
      {"detach-partition-blocking", "ALTER TABLE parted DETACH PARTITION parted_1", access_exclusive},
  };
  return all;
}

}  // namespace

TEST_CASE("each bad script takes the lock that its rule complains of and its safe form does not") {
  const int major = GENERATE(15, 18);
  PgCluster cluster({.major = major == 15 ? 0 : major});
  int number = 0;
  for (const auto& one : cases()) {
    const auto safe = filled(safe_form(one, major));
    const auto bad_database = "bad" + std::to_string(++number), safe_database = "safe" + std::to_string(number);
    cluster.exec("postgres", "CREATE DATABASE " + bad_database);
    cluster.exec("postgres", "CREATE DATABASE " + safe_database);
    INFO("PostgreSQL " << major << ", " << one.rule << "\n" << safe);
    const auto bad_looks = Watched(cluster, bad_database).run(one.bad);
    const auto safe_looks = Watched(cluster, safe_database).run(safe);
    INFO(told(bad_looks) << "\n" << told(safe_looks));
    CHECK(complains(one, bad_looks));
    CHECK_FALSE(complains(one, safe_looks));
  }
}
