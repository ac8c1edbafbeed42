#include "rules/advisors/outline.hpp"

#include "rules/advisors/autovacuum_behind.hpp"
#include "rules/advisors/unused_index.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/advisors/scene.hpp"

using namespace pgtend;
using namespace pgtend::advisors;
using pgtend::test::Scene;

namespace {

constexpr Millis kLong{40LL * 24 * 3'600'000};

}  // namespace

TEST_CASE("an index that stood still is found by the counters in the outline of the earlier reading") {
  Scene scene;
  scene.table(1, "orders", 100'000, {});
  scene.index(10, 1, "idle_idx", {"customer_id"});
  scene.before.indexes[0].idx_tup_read = scene.now.indexes[0].idx_tup_read = 70;
  scene.now.taken_at = scene.before.taken_at + kLong;
  CHECK(unused_index(outline(scene.before), scene.now, {}).recommendations.size() == 1);
  scene.now.indexes[0].idx_tup_read = 71;
  CHECK(unused_index(outline(scene.before), scene.now, {}).recommendations.empty());
}

TEST_CASE("a table is behind by the settings of the time, which the outline of the earlier reading has") {
  Scene scene;
  scene.table(1, "events", 1'000'000, {});
  scene.before.tables[0].n_dead_tup = 250'000;
  scene.now.tables[0].n_dead_tup = 300'000;
  scene.before.tables[0].last_analyze = scene.now.tables[0].last_analyze = scene.before.taken_at;
  CHECK(autovacuum_behind(outline(scene.before), scene.now, {}, {}).recommendations.size() == 1);
  scene.before.settings["autovacuum_vacuum_scale_factor"].value = "0.5";
  CHECK(autovacuum_behind(outline(scene.before), scene.now, {}, {}).recommendations.empty());
}

TEST_CASE("an outline has names, statements and views, and leaves out what only the latest reading is asked for") {
  Scene scene;
  scene.table(1, "orders", 100'000, {Scene::column("id", "bigint", -1, 8)}).options["fillfactor"] = "90";
  scene.index(10, 1, "orders_id", {"id"});
  scene.statement(7, "select 1", 3, 30);
  scene.now.matviews.emplace_back().name = "daily";
  scene.now.statements_readable = true;
  const DatabaseFacts kept = outline(scene.now);
  CHECK(kept.epoch == scene.now.epoch);
  CHECK(kept.statements_epoch == scene.now.statements_epoch);
  CHECK(kept.taken_at == scene.now.taken_at);
  CHECK(kept.identity == scene.now.identity);
  REQUIRE(kept.table("public", "orders") != nullptr);
  CHECK(kept.table(1)->options.at("fillfactor") == "90");
  CHECK(kept.table(1)->columns.empty());
  REQUIRE(kept.indexes.size() == 1);
  CHECK(kept.indexes[0].oid == 10);
  CHECK(kept.indexes[0].idx_scan == 10);
  CHECK(kept.indexes[0].definition.empty());
  REQUIRE(kept.statements.size() == 1);
  CHECK(kept.statements[0].text == "select 1");
  CHECK(kept.statements[0].calls == 3);
  REQUIRE(kept.matviews.size() == 1);
  CHECK(kept.matviews[0].name == "daily");
  CHECK(kept.statements_readable);
}
