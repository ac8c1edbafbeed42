#include <algorithm>

#include "collectors/postgres/activity.hpp"
#include "collectors/postgres/facts.hpp"
#include "collectors/postgres/statements.hpp"
#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// What comes of all answers at once.
Result<DatabaseFacts> build_facts(const std::map<std::string, RowSet>& answers, const collectors::ServerShape& shape,
                                  std::string instance, std::string database, UtcTime now) {
  collectors::FactsBuilder builder(shape, std::move(instance), std::move(database), now);
  for (const auto& query : collectors::fact_queries(shape)) {
    const auto at = answers.find(query.name);
    builder.add(query.name, at == answers.end() ? std::nullopt : std::optional<RowSet>(at->second));
  }
  return builder.finish();
}

DatabaseFacts facts_of(CollectorSession& session) {
  auto facts = build_facts(session.fact_answers(), session.shape, "main", session.database, from_ms(1));
  REQUIRE(facts);
  return *facts;
}

const IndexFact* index(const DatabaseFacts& facts, const std::string& name) {
  const auto it =
      std::find_if(facts.indexes.begin(), facts.indexes.end(), [&](const auto& i) { return i.name == name; });
  return it == facts.indexes.end() ? nullptr : &*it;
}

const std::string kScene = R"(
  CREATE TABLE parts(id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
  CREATE INDEX parts_at ON parts(at);
  CREATE MATERIALIZED VIEW parts_count AS SELECT count(*) AS n, (SELECT count(*) FROM top_customers) AS m FROM parts;
  ALTER TABLE customers ENABLE ROW LEVEL SECURITY;
  CREATE MATERIALIZED VIEW over_rls AS SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer;
  COMMENT ON INDEX orders_customer IS 'kept for the reports';
  ALTER ROLE stranger SET work_mem = '64MB';
  ALTER ROLE stranger SET app.token = 'hush';
  CREATE INDEX orders_note_lower_again ON orders(lower(note)) WHERE total > 10;
  GRANT SELECT ON orders TO monitor;)";

}  // namespace

TEST_CASE("facts describe tables, indexes, views, settings and roles of one database") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", kScene);
  cluster.exec("shop", "ALTER SYSTEM SET primary_conninfo = 'host=other password=hush'");
  cluster.reload();
  REQUIRE(eventually([&] { return cluster.exec("shop", "SHOW primary_conninfo") != ""; }));
  CollectorSession monitor(cluster);
  const auto facts = facts_of(monitor);

  CHECK(std::to_string(facts.database_oid) ==
        cluster.exec("shop", "SELECT oid FROM pg_database WHERE datname = 'shop'"));
  CHECK(facts.extensions.contains("pg_stat_statements"));
  CHECK(facts.statements_readable);
  for (const auto& table : facts.tables) CHECK(table.schema == "public");
  const auto* orders = facts.table("public", "orders");
  REQUIRE(orders);
  CHECK(orders->reltuples == 5000);
  CHECK(orders->options.at("autovacuum_enabled") == "off");
  CHECK(orders->last_analyze.has_value());
  REQUIRE(orders->columns.size() == 4);
  CHECK(orders->columns[0].n_distinct == -1);
  CHECK(orders->columns[0].correlation == 1);
  CHECK(orders->columns[2].type == "numeric");
  // monitor may not read this one: name and type stay, statistics are unknown
  const auto* customers = facts.table("public", "customers");
  REQUIRE(customers);
  CHECK(customers->row_security);
  CHECK(customers->columns.at(1).name == "name");
  CHECK(customers->columns.at(1).not_null);
  CHECK_FALSE(customers->columns.at(1).correlation);
  REQUIRE(facts.table("public", "parts"));
  CHECK(facts.table("public", "parts")->relkind == 'p');

  const auto* plain = index(facts, "orders_customer");
  REQUIRE(plain);
  CHECK(plain->definition == "CREATE INDEX orders_customer ON public.orders USING btree (customer)");
  CHECK(plain->supports_foreign_key);
  CHECK(plain->comment == "kept for the reports");
  CHECK_FALSE(plain->backs_constraint);
  CHECK(plain->signature == index(facts, "orders_customer_again")->signature);
  CHECK(index(facts, "orders_pkey")->is_primary);
  CHECK(index(facts, "orders_pkey")->backs_constraint);
  CHECK(index(facts, "orders_note_lower")->has_expressions);
  CHECK(index(facts, "orders_note_lower")->is_partial);
  CHECK(index(facts, "orders_note_lower")->signature == index(facts, "orders_note_lower_again")->signature);
  CHECK(index(facts, "parts_old_at_idx")->is_partition_child);

  const auto view = [&](const std::string& name) {
    return *std::find_if(facts.matviews.begin(), facts.matviews.end(), [&](const auto& m) { return m.name == name; });
  };
  CHECK(view("top_customers").base_tables == std::vector<Oid>{orders->oid});
  CHECK(view("top_customers").has_unique_index);
  CHECK_FALSE(view("top_customers").over_row_security);
  CHECK(view("parts_count").base_matviews == std::vector<Oid>{view("top_customers").oid});
  const auto parts = view("parts_count").base_tables;
  CHECK(std::count(parts.begin(), parts.end(), facts.table("public", "parts_old")->oid) == 1);
  CHECK(std::count(parts.begin(), parts.end(), orders->oid) == 0);
  CHECK(view("over_rls").over_row_security);

  CHECK(facts.settings.at("work_mem").unit == "kB");
  CHECK(facts.settings.at("primary_conninfo").value == "<hidden>");
  CHECK(facts.settings.at("wal_level").enum_values.size() >= 3);
  const auto stranger =
      std::find_if(facts.roles.begin(), facts.roles.end(), [](const auto& r) { return r.name == "stranger"; });
  REQUIRE(stranger != facts.roles.end());
  CHECK(stranger->settings == std::map<std::string, std::string>{{"work_mem", "64MB"}});
}

TEST_CASE("facts carry the statements of their own database with safe texts") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("postgres", "CREATE TABLE elsewhere(id int)");
  cluster.exec("postgres", "SELECT count(*) FROM elsewhere");
  cluster.exec("shop", "SELECT /* by bob */ count(*) FROM orders WHERE note = 'hush'");
  cluster.exec("shop", "ALTER ROLE stranger PASSWORD 'hush'");
  CollectorSession monitor(cluster);
  const auto facts = facts_of(monitor);
  const auto with = [&](const std::string& text) {
    return std::count_if(facts.statements.begin(), facts.statements.end(),
                         [&](const auto& s) { return s.text.find(text) != std::string::npos; });
  };
  CHECK(with("count(*) FROM orders WHERE note = $1") == 1);
  CHECK(with("bob") == 0);
  CHECK(with("hush") == 0);
  CHECK(with("elsewhere") == 0);
  for (const auto& statement : facts.statements) {
    CHECK(statement.database_oid == facts.database_oid);
    CHECK(statement.calls > 0);
  }
}

TEST_CASE("a locked table keeps its facts and loses only the spelling of its indexes") {
  PgCluster cluster;
  make_shop(cluster);
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
  CollectorSession monitor(cluster);
  const auto answers = monitor.fact_answers();
  CHECK(answers.size() == collectors::fact_queries(monitor.shape).size());
  const auto facts = facts_of(monitor);
  REQUIRE(index(facts, "orders_customer"));
  CHECK(index(facts, "orders_customer")->definition.empty());
  CHECK(index(facts, "orders_customer")->signature == index(facts, "orders_customer_again")->signature);
  CHECK_FALSE(index(facts, "customers_pkey")->definition.empty());
  CHECK(facts.table("public", "orders")->columns.size() == 4);
}

TEST_CASE("a role without rights gets facts with less in them, not an error") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "SELECT count(*) FROM orders");
  CollectorSession stranger(cluster, "stranger");
  const auto facts = facts_of(stranger);
  CHECK_FALSE(facts.statements_readable);
  CHECK(facts.table("public", "orders") != nullptr);
  CHECK_FALSE(index(facts, "orders_customer")->definition.empty());
  for (const auto& statement : facts.statements) CHECK(statement.user == "stranger");
  CHECK(facts.settings.contains("work_mem"));
}

TEST_CASE("a blocking chain is found with its root, its depth and what it waits for") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  auto root = cluster.session("shop"), middle = cluster.session("shop"), last = cluster.session("shop");
  root.exec("BEGIN; UPDATE customers SET name = 'a' WHERE id = 1; LOCK TABLE orders IN SHARE MODE");
  middle.exec("BEGIN; UPDATE customers SET name = 'b' WHERE id = 2");
  middle.send("UPDATE customers SET name = 'b' WHERE id = 1");
  last.send("UPDATE customers SET name = 'c' WHERE id = 2");
  std::vector<collectors::BlockingTree> trees;
  REQUIRE(eventually([&] {
    trees = collectors::blocking_trees(monitor.session.rows(collectors::blocking_sql()));
    return trees.size() == 1 && trees[0].victims.size() == 2;
  }));
  CHECK(trees[0].root.pid == root.backend_pid());
  CHECK(trees[0].root.state == "idle in transaction");
  CHECK(trees[0].root.database == "shop");
  CHECK(trees[0].depth == 2);
  CHECK(trees[0].victims[0].session.pid == middle.backend_pid());
  CHECK(trees[0].victims[1].blocked_by == middle.backend_pid());
  CHECK(trees[0].victims[0].session.lock_type == "transactionid");
  root.exec("ROLLBACK");
  middle.finish();
  middle.exec("ROLLBACK");
  last.finish();
  CHECK(monitor.session.rows(collectors::blocking_sql()).size() == 0);
}

TEST_CASE("texts come for the ids that were never seen") {
  PgCluster cluster;
  make_shop(cluster);
  cluster.exec("shop", "SELECT count(*) FROM orders WHERE total > 17");
  CollectorSession monitor(cluster);
  const auto numbers = monitor.collect(shipped("statements"));
  const auto ids = collectors::unseen_query_ids(numbers.rows, {});
  REQUIRE_FALSE(ids.empty());
  auto sql = collectors::statement_texts_sql(monitor.shape);
  REQUIRE(sql);
  sql->replace(sql->find("$1"), 2, "'" + collectors::bigint_array(ids) + "'");
  const auto texts = collectors::statement_texts(monitor.session.rows(*sql));
  CHECK(texts.size() == ids.size());
  CHECK(std::any_of(texts.begin(), texts.end(),
                    [](const auto& entry) { return entry.second == "SELECT count(*) FROM orders WHERE total > $1"; }));
  CHECK(collectors::unseen_query_ids(numbers.rows, {ids.begin(), ids.end()}).empty());
}
