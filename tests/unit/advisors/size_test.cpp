#include "rules/advisors/compose.hpp"
#include "rules/advisors/index_size.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/advisors/scene.hpp"

using namespace pgtend;
using namespace pgtend::advisors;
using pgtend::test::Scene;

namespace {

double megabytes(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1 << 20);
}

}  // namespace

TEST_CASE("the size model matches B-trees that were really built") {
  Scene scene;
  // TPC-H SF1 lineitem; real sizes from the reference measurements.
  const auto& lineitem =
      scene.table(1, "lineitem", 6'001'215,
                  {Scene::column("l_partkey", "integer", 200'000), Scene::column("l_shipdate", "date", 2'526),
                   Scene::column("l_flag", "character(1)", 3, 2), Scene::column("l_orderkey", "integer", 1'500'000)});
  CHECK(megabytes(btree_bytes(lineitem, {"l_partkey"})) == Approx(45).epsilon(0.1));
  CHECK(megabytes(btree_bytes(lineitem, {"l_shipdate"})) == Approx(43).epsilon(0.1));
  CHECK(megabytes(btree_bytes(lineitem, {"l_orderkey"})) == Approx(78).epsilon(0.1));
  CHECK(megabytes(btree_bytes(lineitem, {"l_flag"})) == Approx(135).epsilon(0.1));
}

TEST_CASE("types that compare equal without equal bytes are not deduplicated") {
  for (const auto* type :
       {"integer", "bigint", "text", "character varying(64)", "uuid", "timestamp(3) with time zone", "date"})
    CHECK(can_deduplicate(type));
  for (const auto* type : {"character(3)", "numeric(10,2)", "double precision", "jsonb", "integer[]", "interval"})
    CHECK_FALSE(can_deduplicate(type));
}

TEST_CASE("index names keep PostgreSQL's length, whole characters and stay apart") {
  const std::string plain = "pgtend_orders_customer_id_created_at_idx";
  CHECK(index_name("orders", {"customer_id", "created_at"}, {}) == plain);
  IndexFact taken;
  taken.name = plain;
  CHECK(index_name("orders", {"customer_id", "created_at"}, {taken}) != plain);
  const std::string long_table(60, 'a');
  const auto one = index_name(long_table, {"b"}, {}), two = index_name(long_table, {"c"}, {});
  CHECK(one.size() <= 63);
  CHECK(one.ends_with("_idx"));
  CHECK(one != two);
  std::string umlauts;
  for (int i = 0; i < 40; ++i) umlauts += "ü";
  const auto cut = index_name(umlauts, {"x"}, {});
  CHECK(cut.size() <= 63);
  const auto last = cut.rfind("_", cut.size() - 5);
  CHECK(static_cast<unsigned char>(cut[last - 1]) == 0xBC);  // the last byte of a whole ü
}
