#include "rules/advisors/duplicate_index.hpp"
#include "rules/advisors/outline.hpp"
#include "rules/advisors/unused_index.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/advisors/scene.hpp"

using namespace pgtend;
using namespace pgtend::advisors;
using pgtend::test::kHour;
using pgtend::test::says;
using pgtend::test::Scene;

namespace {

Scene orders() {
  Scene scene;
  scene.table(1, "orders", 100'000,
              {Scene::column("id", "bigint", -1, 8), Scene::column("customer_id", "integer", 1000)});
  return scene;
}

constexpr Millis kLong{40LL * 24 * 3'600'000};

}  // namespace

TEST_CASE("of two equal indexes the younger one goes, with its definition as the way back") {
  Scene scene = orders();
  scene.index(11, 1, "a_idx", {"customer_id"}).idx_scan = 50;
  scene.index(10, 1, "b_idx", {"customer_id"}).idx_scan = 5;
  const Advice advice = duplicate_index(outline(scene.before), scene.now, {});
  REQUIRE(advice.recommendations.size() == 1);
  const auto& change = advice.recommendations[0].change;
  CHECK(change.action == ActionClass::drop_index);
  CHECK(change.sql_up == std::vector<std::string>{R"(DROP INDEX CONCURRENTLY "public"."a_idx")"});
  CHECK(change.sql_down ==
        std::vector<std::string>{"CREATE INDEX CONCURRENTLY a_idx ON public.orders USING btree (customer_id)"});
  // It takes no room, and gives nobody's budget more of it.
  CHECK(change.cost.bytes == 0);
  CHECK(std::get<IndexChange>(change.detail).is_drop);
  CHECK(std::get<IndexChange>(change.detail).served_by == "b_idx");
  CHECK(says(advice.recommendations[0].refused, "b_idx", "the older stays"));
  CHECK(advice.findings.size() == 1);
}

TEST_CASE("a duplicate of the primary key goes, the key never does") {
  Scene scene = orders();
  auto& key = scene.index(10, 1, "orders_pkey", {"id"});
  key.is_primary = key.is_unique = key.backs_constraint = true;
  key.idx_scan = 0;
  scene.index(11, 1, "orders_id", {"id"}).idx_scan = 1'000'000;
  const Advice advice = duplicate_index(outline(scene.before), scene.now, {});
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(std::get<IndexChange>(advice.recommendations[0].change.detail).index == "orders_id");
  CHECK(says(advice.recommendations[0].refused, "orders_pkey", "primary key"));
}

TEST_CASE("duplicates that something depends on stay, and the reason is said") {
  struct Case {
    const char* why;
    void (*bind)(IndexFact&);
  };
  const Case cases[] = {
      {"uniqueness", [](IndexFact& i) { i.is_unique = true; }},
      {"backs a constraint", [](IndexFact& i) { i.backs_constraint = true; }},
      {"exclusion", [](IndexFact& i) { i.is_exclusion = true; }},
      {"replica identity", [](IndexFact& i) { i.is_replica_identity = true; }},
      {"clustered", [](IndexFact& i) { i.is_clustered = true; }},
      {"partitioned parent", [](IndexFact& i) { i.is_partition_child = true; }},
      {"extension", [](IndexFact& i) { i.extension_owned = true; }},
      {"no way back", [](IndexFact& i) { i.definition.clear(); }},
  };
  for (const auto& one : cases) {
    INFO(one.why);
    Scene scene = orders();
    one.bind(scene.index(10, 1, "a_idx", {"customer_id"}));
    auto& keeper = scene.index(11, 1, "b_idx", {"customer_id"});
    keeper.is_primary = true;
    const Advice advice = duplicate_index(outline(scene.before), scene.now, {});
    CHECK(advice.recommendations.empty());
    CHECK(says(advice.refused, "a_idx", one.why));
  }
}

TEST_CASE("an index whose keys another one starts with goes, unless that is much larger or ordered otherwise") {
  Scene scene = orders();
  scene.index(10, 1, "short_idx", {"customer_id"}).supports_foreign_key = true;
  auto& longer = scene.index(11, 1, "long_idx", {"customer_id", "id"});
  REQUIRE(duplicate_index(outline(scene.before), scene.now, {}).recommendations.size() == 1);
  longer.bytes *= 4;
  CHECK(duplicate_index(outline(scene.before), scene.now, {}).recommendations.empty());
  longer.bytes /= 4;
  longer.definition = "CREATE INDEX long_idx ON public.orders USING btree (customer_id DESC, id)";
  const Advice none = duplicate_index(outline(scene.before), scene.now, {});
  CHECK(none.recommendations.empty());
  CHECK(says(none.refused, "duplicate", "none of 2 indexes"));
}

TEST_CASE("an index nobody scanned for the window is offered for dropping") {
  Scene scene = orders();
  scene.index(10, 1, "idle_idx", {"customer_id"}).idx_scan = 0;
  scene.now.stats_reset = scene.now.taken_at - kLong;
  const Advice advice = unused_index(outline(scene.before), scene.now, {});
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(advice.recommendations[0].change.sql_up[0] == R"(DROP INDEX CONCURRENTLY "public"."idle_idx")");
  CHECK(advice.recommendations[0].risk == Risk::medium);
}

TEST_CASE("young statistics, scans and dependants keep an index") {
  Scene scene = orders();
  auto& index = scene.index(10, 1, "idle_idx", {"customer_id"});
  index.idx_scan = 0;
  CHECK(says(unused_index(outline(scene.before), scene.now, {}).refused, "unused", "the window is 5w"));
  scene.now.stats_reset = scene.now.taken_at - kLong;
  index.supports_foreign_key = true;
  CHECK(says(unused_index(outline(scene.before), scene.now, {}).refused, "idle_idx", "foreign key"));
  index.supports_foreign_key = false;
  index.is_unique = true;
  CHECK(says(unused_index(outline(scene.before), scene.now, {}).refused, "idle_idx", "uniqueness"));
  index.is_unique = false;
  index.bytes = 8192;
  CHECK(says(unused_index(outline(scene.before), scene.now, {}).refused, "idle_idx", "takes only"));
  index.idx_scan = 3;
  const Advice scanned = unused_index(outline(scene.before), scene.now, {});
  CHECK(scanned.recommendations.empty());
  CHECK(says(scanned.refused, "unused", "every index was scanned"));
}

TEST_CASE("scans that stood still between two readings a window apart count as none") {
  Scene scene = orders();
  scene.index(10, 1, "idle_idx", {"customer_id"}).idx_scan = 7;
  scene.before.indexes[0].idx_scan = 7;
  scene.before.taken_at = scene.now.taken_at - kLong;
  CHECK(unused_index(outline(scene.before), scene.now, {}).recommendations.size() == 1);
  scene.before.indexes[0].idx_scan = 6;
  CHECK(unused_index(outline(scene.before), scene.now, {}).recommendations.empty());
}
