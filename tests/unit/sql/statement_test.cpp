#include "rules/sql/statement.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace pgtend;
using sql::analyse;
using sql::Clause;
using sql::ColumnUse;
using sql::StatementShape;

namespace {

const ColumnUse* find(const StatementShape& shape, std::string_view table, std::string_view column, Clause clause) {
  const auto it = std::find_if(shape.columns.begin(), shape.columns.end(), [&](const ColumnUse& use) {
    return use.table == table && use.column == column && use.clause == clause;
  });
  return it == shape.columns.end() ? nullptr : &*it;
}

StatementShape shape_of(std::string_view text, const sql::HasColumn& has_column = {}) {
  auto shape = analyse(text, has_column);
  INFO(text);
  REQUIRE(shape);
  return *shape;
}

}  // namespace

TEST_CASE("equality, range and order of one table are told apart, with parameters and direction") {
  const auto shape = shape_of(
      "SELECT id FROM shop.orders WHERE customer_id = $1 AND created_at >= $2 ORDER BY created_at DESC LIMIT $3");
  CHECK(shape.kind == StatementShape::Kind::select);
  CHECK(shape.has_limit);
  CHECK(shape.parameters == 3);
  const auto* equality = find(shape, "orders", "customer_id", Clause::equality);
  REQUIRE(equality);
  CHECK(equality->schema == "shop");
  CHECK(equality->parameter == 1);
  CHECK(equality->conjunct);
  const auto* range = find(shape, "orders", "created_at", Clause::range);
  REQUIRE(range);
  CHECK(range->parameter == 2);
  const auto* order = find(shape, "orders", "created_at", Clause::order);
  REQUIRE(order);
  CHECK(order->descending);
  CHECK(order->limited);
  CHECK(find(shape, "orders", "id", Clause::output));
}

TEST_CASE("aliases are resolved and a join names the columns of both sides") {
  const auto shape = shape_of(
      "select c.name, count(*) from orders o join shop.customers as c on c.id = o.customer_id "
      "where o.status in ($1, $2) group by c.name");
  CHECK(find(shape, "customers", "id", Clause::join));
  CHECK(find(shape, "orders", "customer_id", Clause::join));
  CHECK(find(shape, "orders", "status", Clause::equality));
  CHECK(find(shape, "customers", "name", Clause::group));
}

TEST_CASE("two aliases of one table stay apart") {
  const auto shape = shape_of("select 1 from emp a join emp b on a.boss = b.id where a.dept = $1 and b.city = $2");
  const auto* dept = find(shape, "emp", "dept", Clause::equality);
  const auto* city = find(shape, "emp", "city", Clause::equality);
  REQUIRE(dept);
  REQUIRE(city);
  CHECK(dept->relation != city->relation);
}

TEST_CASE("unqualified columns of a join are given to the relation that has them, or to none") {
  const std::string text = "select 1 from orders, customers where customer_id = customers.id and city = $1";
  CHECK(find(shape_of(text), "customers", "city", Clause::equality) == nullptr);
  const auto has = [](std::string_view, std::string_view table, std::string_view column) {
    return (table == "orders" && column == "customer_id") ||
           (table == "customers" && (column == "id" || column == "city"));
  };
  const auto shape = shape_of(text, has);
  CHECK(find(shape, "customers", "city", Clause::equality));
  CHECK(find(shape, "orders", "customer_id", Clause::join));
}

TEST_CASE("USING names the column on both sides") {
  const auto shape = shape_of("select 1 from a join b using (id) where b.x = $1");
  CHECK(find(shape, "a", "id", Clause::join));
  CHECK(find(shape, "b", "id", Clause::join));
}

TEST_CASE("a WITH query is looked into and its name is nobody's table") {
  const auto shape = shape_of(
      "with recent as (select * from orders where created_at > $1) select r.id from recent r where r.customer_id = $2");
  CHECK(find(shape, "orders", "created_at", Clause::range));
  CHECK(shape.relations.size() == 1);
  CHECK(std::none_of(shape.columns.begin(), shape.columns.end(),
                     [](const ColumnUse& use) { return use.column == "customer_id"; }));
}

TEST_CASE("subqueries are looked into and correlations are joins") {
  const auto has = [](std::string_view, std::string_view table, std::string_view column) {
    return (table == "customers" && column == "id") || (table == "orders" && column == "customer_id") ||
           (table == "orders" && column == "total") || (table == "vip" && column == "cid");
  };
  const auto shape = shape_of(
      "select id from customers c where exists (select 1 from orders where customer_id = c.id and total > $1) "
      "and id in (select cid from vip where level = $2)",
      has);
  CHECK(find(shape, "orders", "customer_id", Clause::join));
  CHECK(find(shape, "orders", "total", Clause::range));
  CHECK(find(shape, "customers", "id", Clause::join));
  CHECK(find(shape, "vip", "level", Clause::equality));
  const auto* inner = find(shape, "orders", "total", Clause::range);
  const auto* outer = find(shape, "customers", "id", Clause::join);
  CHECK(inner->query != outer->query);
}

TEST_CASE("OR keeps the columns but they restrict nothing alone, and NOT and functions serve no index") {
  const auto shape = shape_of(
      "select 1 from t where (a = $1 or b = $2) and not (c = $3) and lower(d) = $4 and e::text = $5 and f <> $6");
  REQUIRE(find(shape, "t", "a", Clause::equality));
  CHECK_FALSE(find(shape, "t", "a", Clause::equality)->conjunct);
  CHECK(find(shape, "t", "b", Clause::equality));
  for (const auto* column : {"c", "d", "e", "f"}) {
    CHECK(find(shape, "t", column, Clause::equality) == nullptr);
    CHECK(find(shape, "t", column, Clause::output));
  }
}

TEST_CASE("a comparison within one table looks nothing up") {
  const auto shape = shape_of("select 1 from t where a = b + 1 and c = c2 and d = any($1) and e between $2 and $3");
  CHECK(find(shape, "t", "a", Clause::equality) == nullptr);
  CHECK(find(shape, "t", "c", Clause::equality) == nullptr);
  CHECK(find(shape, "t", "d", Clause::equality));
  CHECK(find(shape, "t", "e", Clause::range));
}

TEST_CASE("the columns that an UPDATE assigns are named, and its WHERE like any other") {
  const auto shape =
      shape_of("UPDATE items i SET stock = stock - $1, seen_at = $2 FROM orders o WHERE i.id = o.item_id");
  CHECK(shape.kind == StatementShape::Kind::update);
  CHECK(find(shape, "items", "stock", Clause::assigned));
  REQUIRE(find(shape, "items", "seen_at", Clause::assigned));
  CHECK(find(shape, "items", "seen_at", Clause::assigned)->parameter == 2);
  CHECK(find(shape, "orders", "item_id", Clause::join));
  REQUIRE_FALSE(shape.relations.empty());
  CHECK(shape.relations.front().written);
}

TEST_CASE("inserts assign only what ON CONFLICT updates") {
  const auto shape =
      shape_of("insert into counters (name, n) values ($1, $2) on conflict (name) do update set n = counters.n + $3");
  CHECK(shape.kind == StatementShape::Kind::insert);
  CHECK(find(shape, "counters", "n", Clause::assigned));
  CHECK(find(shape, "counters", "name", Clause::assigned) == nullptr);
}

TEST_CASE("ORDER BY goes through select-list names and numbers") {
  const auto shape = shape_of("select created_at as at, total * 2 as t2 from orders order by at desc, 2 limit 10");
  const auto* order = find(shape, "orders", "created_at", Clause::order);
  REQUIRE(order);
  CHECK(order->descending);
  CHECK(order->limited);
  CHECK(find(shape, "orders", "total", Clause::order) == nullptr);
}

TEST_CASE("constant predicates are told without literals") {
  const auto shape = shape_of("select 1 from orders where deleted_at is null and status = 'x'");
  REQUIRE(shape.constant_predicates.size() == 1);
  CHECK(shape.constant_predicates.front() == "orders.deleted_at IS NULL");
}

TEST_CASE("utility statements are named as such") {
  CHECK(shape_of("vacuum orders").kind == StatementShape::Kind::utility);
  CHECK(shape_of("delete from orders where id = $1").kind == StatementShape::Kind::delete_);
}

TEST_CASE("malformed, doubled, long and deep statements are errors and never crash") {
  for (const std::string& text : {std::string("select from where"), std::string(""), std::string("select 1; select 2"),
                                  std::string("select 'a\0b'", 12), std::string("\xff\xfe")}) {
    const auto shape = analyse(text);
    REQUIRE_FALSE(shape);
    CHECK(shape.error().code == Errc::parse);
    CHECK_FALSE(shape.error().retryable);
  }
  const auto too_long = analyse("select " + std::string(70'000, '1'));
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == Errc::resource_exhausted);
  std::string deep = "select ";
  for (int i = 0; i < 3000; ++i) deep += "1+";
  const auto too_deep = analyse(deep + "1 from t");
  REQUIRE_FALSE(too_deep);
  CHECK(too_deep.error().code == Errc::resource_exhausted);
}

TEST_CASE("a fingerprint ignores literals and layout, not columns") {
  const auto one = sql::fingerprint("select a from t where b = 1");
  REQUIRE(one);
  CHECK(*one == *sql::fingerprint("SELECT a\nFROM t WHERE b = $1"));
  CHECK(*one != *sql::fingerprint("select a from t where c = 1"));
  CHECK_FALSE(sql::fingerprint("selec"));
}

TEST_CASE("a script is split at its statements, not at semicolons in strings") {
  const auto parts = sql::split("select ';'; \n create table t (a int) ;");
  REQUIRE(parts);
  REQUIRE(parts->size() == 2);
  CHECK((*parts)[0] == "select ';'");
  CHECK((*parts)[1] == "create table t (a int)");
  CHECK_FALSE(sql::split("select (;"));
}
