#include "collectors/postgres/sizes.hpp"
#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

const std::string kOrders = R"(pgtend_table_size_bytes{datname="shop",relname="orders",schemaname="public"})";
const std::string kCustomers = R"(pgtend_table_size_bytes{datname="shop",relname="customers",schemaname="public"})";

}  // namespace

TEST_CASE("sizes are exact") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  const auto sizes = monitor.values("sizes");
  CHECK(sizes.at(kOrders) == std::stod(cluster.exec("shop", "SELECT pg_table_size('orders')")));
  CHECK(sizes.at(R"(pg_stat_user_tables_index_size_bytes{datname="shop",relname="orders",schemaname="public"})") ==
        std::stod(cluster.exec("shop", "SELECT pg_indexes_size('orders')")));
}

TEST_CASE("a table under an exclusive lock loses only its own sizes") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
  const auto sizes = monitor.values("sizes");
  CHECK_FALSE(sizes.contains(kOrders));
  CHECK(sizes.contains(kCustomers));
  const auto tables = monitor.values("tables");
  CHECK(tables.contains(R"(pg_stat_user_tables_n_live_tup{datname="shop",relname="orders",schemaname="public"})"));
  for (const auto& def : shipped_collectors()) {
    INFO(def.name);
    CHECK(monitor.collect(def).sqlstate.empty());
  }
}

TEST_CASE("the list of what can be measured says how much it leaves out, also when that is everything") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  const auto list = [&] { return monitor.session.rows(collectors::unlocked_relations_sql()); };
  const auto whole = list();
  CHECK(whole.integer(0, "left_out") == 0);
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
  const auto without = list();
  CHECK(without.size() + 1 == whole.size());
  CHECK(without.integer(0, "left_out") == 1);
  holder.exec(
      "DO $$ DECLARE t text; BEGIN FOR t IN SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
      " AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) LOOP"
      " EXECUTE 'LOCK TABLE ' || t || ' IN ACCESS EXCLUSIVE MODE'; END LOOP; END $$");
  const auto none = list();
  REQUIRE(none.size() >= 1);
  CHECK(none.integer(0, "left_out") ==
        static_cast<std::int64_t>(whole.size() - collectors::oid_chunks(none, 1).size()));
  CHECK(none.integer(0, "left_out") >= 2);
}

TEST_CASE("an exclusive lock that is only queued is avoided too") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  auto reader = cluster.session("shop"), waiter = cluster.session("shop");
  reader.exec("BEGIN; SELECT count(*) FROM orders");
  waiter.send("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE");
  REQUIRE(eventually([&] { return cluster.exec("shop", "SELECT count(*) FROM pg_locks WHERE NOT granted") == "1"; }));
  const auto sizes = monitor.values("sizes");
  CHECK_FALSE(sizes.contains(kOrders));
  CHECK(sizes.contains(kCustomers));
  reader.exec("ROLLBACK");
}

TEST_CASE("a lock on one of its indexes hides a table, because measuring opens the index") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; ALTER INDEX orders_customer SET (fillfactor = 80)");
  holder.exec("REINDEX INDEX orders_customer");
  const auto sizes = monitor.values("sizes");
  CHECK_FALSE(sizes.contains(kOrders));
  CHECK(sizes.contains(kCustomers));
}
