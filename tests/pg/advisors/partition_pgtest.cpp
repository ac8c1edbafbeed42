#include <algorithm>

#include "rules/advisors/partition_upkeep.hpp"
#include "tests/pg/advisors/advice_scene.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using pgtend::test::AdviceScene;

namespace {

std::vector<std::string> made(const Advice& advice) {
  std::vector<std::string> out;
  for (const auto& one : advice.recommendations) {
    const auto& d = std::get<PartitionChange>(one.change.detail);
    out.push_back(std::string(to_string(one.change.action)) + " " + d.partition);
    for (const auto& range : d.ranges) out.back() += " " + range.partition + " " + range.from;
  }
  return out;
}

// Before 15 a collector process counts, some time later.
void wait_for_rows(AdviceScene& scene, const std::string& table, const std::string& rows) {
  REQUIRE(pgtend::test::eventually([&] {
    return scene.exec("SELECT sum(pg_stat_get_tuples_inserted(oid)) FROM pg_class WHERE relname LIKE '" + table +
                      "' AND relkind = 'r'") == rows;
  }));
}

}  // namespace

// The scene's clock stands at 2023-11-14.
TEST_CASE("partitions, the rows of a DEFAULT partition and what is past its time are read from a server's catalogs") {
  const int major = GENERATE(from_range(pgtend::test::sample_majors()));
  CAPTURE(major);
  AdviceScene scene("postgres", major);
  scene.exec(
      "ALTER DATABASE shop SET TimeZone = 'Asia/Kolkata'; SET TimeZone = 'UTC';"
      "CREATE TABLE sales.events (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);"
      "CREATE TABLE sales.events_2023_10 PARTITION OF sales.events FOR VALUES FROM ('2023-10-01') TO ('2023-11-01');"
      "CREATE TABLE sales.events_2023_11 PARTITION OF sales.events FOR VALUES FROM ('2023-11-01') TO ('2023-12-01');"
      "CREATE TABLE sales.events_rest PARTITION OF sales.events DEFAULT;"
      "CREATE TABLE sales.days (day date, n int) PARTITION BY RANGE (day);"
      "CREATE TABLE sales.days_a PARTITION OF sales.days FOR VALUES FROM (MINVALUE) TO ('2023-11-13');"
      "CREATE TABLE sales.days_20231113 PARTITION OF sales.days FOR VALUES FROM ('2023-11-13') TO ('2023-11-14');"
      "CREATE TABLE sales.days_20231114 PARTITION OF sales.days FOR VALUES FROM ('2023-11-14') TO ('2023-11-15');"
      "CREATE TABLE sales.numbers (n int) PARTITION BY RANGE (n);"
      "CREATE TABLE sales.numbers_1 PARTITION OF sales.numbers FOR VALUES FROM (1) TO (10);"
      "CREATE TABLE sales.lists (n int) PARTITION BY LIST (n);"
      "CREATE TABLE sales.lists_1 PARTITION OF sales.lists FOR VALUES IN (1)");
  const auto before = scene.read();
  scene.exec(
      "INSERT INTO sales.events SELECT '2023-11-02'::timestamptz + g * interval '1 s' FROM generate_series(1, 100) g;"
      "INSERT INTO sales.days SELECT '2023-11-14', g FROM generate_series(1, 10) g");
  wait_for_rows(scene, "events%", "100");
  wait_for_rows(scene, "days%", "10");
  const auto now = scene.read();
  REQUIRE(now->partitioned_tables.size() == 2);
  const TableFact* parent = now->table("sales", "events");
  REQUIRE(parent != nullptr);
  CHECK(parent->n_tup_ins == 100);
  advisors::AdvisorOptions options;
  options.partitions_ahead = 2;
  options.retention = {{"sales.days", "*", Millis(3'600'000)}};
  using Lines = std::vector<std::string>;
  const auto advice = advisors::partition_upkeep(*before, *now, options);
  CHECK(made(advice) == Lines{"create_partition events_2023_12", "create_partition events_2024_01",
                              "detach_partition days_20231113", "create_partition days_20231115",
                              "create_partition days_20231116", "create_partition days_20231117"});
  const auto& first = std::get<PartitionChange>(advice.recommendations.at(0).change.detail);
  CHECK(first.from == "2023-12-01 00:00:00+00");
  CHECK(first.to == "2024-01-01 00:00:00+00");

  scene.exec(
      "INSERT INTO sales.events SELECT '2024-01-31 20:00+00'::timestamptz + g * interval '1 h' FROM "
      "generate_series(1, 10) g");
  wait_for_rows(scene, "events%", "110");
  const auto unread = scene.read();
  const auto without = advisors::partition_upkeep(*now, *unread, options);
  CHECK(std::any_of(without.refused.begin(), without.refused.end(), [](const auto& one) {
    return one.why.find("ANALYZE \"sales\".\"events_rest\"") != std::string::npos;
  }));
  scene.exec("ANALYZE sales.events_rest");
  const auto analyzed = scene.read();
  const auto drained = advisors::partition_upkeep(*now, *analyzed, options);
  CHECK(made(drained).at(0) ==
        "drain_default  events_2023_12 2023-12-01 00:00:00+00 events_2024_01 2024-01-01 00:00:00+00 events_2024_02 "
        "2024-02-01 00:00:00+00");
}

TEST_CASE("an index that a partitioned table misses is proposed for the table, priced with its partitions") {
  AdviceScene scene;
  scene.exec(
      "CREATE TABLE sales.orders (id int, customer int, day date, pad text) PARTITION BY RANGE (day);"
      "CREATE TABLE sales.orders_1 PARTITION OF sales.orders FOR VALUES FROM ('2023-01-01') TO ('2023-07-01');"
      "CREATE TABLE sales.orders_2 PARTITION OF sales.orders FOR VALUES FROM ('2023-07-01') TO ('2024-01-01');"
      "INSERT INTO sales.orders SELECT g, g % 20000, '2023-01-01'::date + g % 360, repeat('x', 200) FROM "
      "generate_series(1, 100000) g");
  scene.exec("VACUUM ANALYZE sales.orders_1");
  scene.exec("VACUUM ANALYZE sales.orders_2");
  const auto before = scene.read();
  scene.repeat("SELECT count(*) FROM sales.orders WHERE customer = 4711", 40);
  const auto now = scene.read();
  const TableFact* parent = now->table("sales", "orders");
  REQUIRE(parent != nullptr);
  CHECK(parent->reltuples == 100'000);
  const auto advice = scene.advise_index(*before, *now, {});
  REQUIRE(advice.recommendations.size() == 1);
  const auto& made_now = advice.recommendations[0];
  CHECK(made_now.effect.basis == "hypopg");
  CHECK(made_now.change.object == "sales.orders");
  CHECK(std::get<IndexChange>(made_now.change.detail).key_columns == std::vector<std::string>{"customer"});
  CHECK_THAT(made_now.change.sql_up.at(0), ContainsSubstring("ON \"sales\".\"orders\" USING btree (\"customer\")"));
  CHECK(made_now.change.cost.bytes > 0);
}
