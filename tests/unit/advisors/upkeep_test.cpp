#include "rules/advisors/autovacuum_behind.hpp"
#include "rules/advisors/outline.hpp"
#include "rules/advisors/work_mem_spills.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/advisors/scene.hpp"

using namespace pgtend;
using namespace pgtend::advisors;
using pgtend::test::says;
using pgtend::test::Scene;

namespace {

Scene bloated(std::int64_t dead_before, std::int64_t dead_now) {
  Scene scene;
  scene.table(1, "events", 1'000'000, {});
  scene.before.tables[0].n_dead_tup = dead_before;
  scene.now.tables[0].n_dead_tup = dead_now;
  scene.before.tables[0].last_analyze = scene.now.tables[0].last_analyze = scene.before.taken_at;
  return scene;
}

Scene spilling(std::int64_t temp_blocks = 10'000) {
  Scene scene;
  scene.now.ram_bytes = 16LL << 30;
  scene.now.active_backends = 4;
  scene.now.settings["work_mem"].value = "4096";
  RoleFact role;
  role.oid = 50;
  role.name = "app";
  role.can_login = true;
  scene.now.roles.push_back(role);
  scene.statement(1, "select * from orders order by total", 10, 1000).temp_blks_written = temp_blocks;
  return scene;
}

}  // namespace

TEST_CASE("a table above its trigger in both readings without a vacuum is vacuumed now") {
  Scene scene = bloated(250'000, 300'000);
  const Advice advice = autovacuum_behind(outline(scene.before), scene.now, {}, {});
  REQUIRE(advice.recommendations.size() == 1);
  const auto& change = advice.recommendations[0].change;
  CHECK(change.action == ActionClass::vacuum);
  CHECK(change.sql_up == std::vector<std::string>{R"(VACUUM (ANALYZE) "public"."events")"});
  CHECK(change.sql_down.empty());
  CHECK(change.run_as_role == "shop_owner");
  CHECK(std::get<MaintenanceChange>(change.detail).vacuum);
}

TEST_CASE("the table's own storage parameters decide, not the server's") {
  Scene scene = bloated(250'000, 300'000);
  scene.now.tables[0].options["autovacuum_vacuum_scale_factor"] = "0.5";
  const Advice calm = autovacuum_behind(outline(scene.before), scene.now, {}, {});
  CHECK(calm.recommendations.empty());
  CHECK(says(calm.refused, "vacuum", "no table stood above"));
  scene.now.tables[0].options.clear();
  scene.before.settings["autovacuum_vacuum_scale_factor"].value = "0.5";
  scene.now.settings = scene.before.settings;
  CHECK(autovacuum_behind(outline(scene.before), scene.now, {}, {}).recommendations.empty());
}

TEST_CASE("above the trigger only now is no delay yet") {
  Scene scene = bloated(100'000, 300'000);
  const Advice advice = autovacuum_behind(outline(scene.before), scene.now, {}, {});
  CHECK(advice.recommendations.empty());
  CHECK(says(advice.refused, "public.events", "may still come in time"));
}

TEST_CASE("autovacuum gets two of its rounds before a table counts as late") {
  Scene scene = bloated(250'000, 300'000);
  scene.now.settings["autovacuum_naptime"].value = "60";
  scene.now.taken_at = scene.before.taken_at + Millis(20'000);
  // A bulk load into a table that nobody analyzed yet.
  scene.table(2, "loaded", 100'000, {});
  scene.now.tables[1].n_mod_since_analyze = 100'000;
  BehindPasts past = remember_behind(remember_behind({}, scene.before), scene.now);
  const Advice early = autovacuum_behind(outline(scene.before), scene.now, past, {});
  CHECK(early.recommendations.empty());
  CHECK(early.findings.empty());
  CHECK(says(early.refused, "vacuum public.events", "above its trigger for 20s; autovacuum"));
  CHECK(says(early.refused, "analyze public.loaded", "above its trigger for 0s; autovacuum"));
  CHECK(says(early.refused, "analyze public.loaded", "every 1m"));

  // The readings stay close together: what was seen earlier counts.
  DatabaseFacts later = scene.now;
  const auto look = [&](int seconds) {
    DatabaseFacts then = later;
    later.taken_at = scene.before.taken_at + Millis(seconds * 1000);
    past = remember_behind(past, later);
    return autovacuum_behind(then, later, past, {});
  };
  CHECK(look(119).recommendations.empty());
  const auto due = look(120).recommendations;
  REQUIRE(due.size() == 1);
  CHECK(due[0].change.object == "public.events");
  const auto both = look(140).recommendations;
  REQUIRE(both.size() == 2);
  CHECK(both[1].change.action == ActionClass::analyze);

  // A run ends the count, being below the trigger too, and other statistics know nothing.
  later.tables[0].last_autovacuum = scene.before.taken_at + Millis(100'000);
  CHECK(look(160).recommendations.size() == 1);
  later.tables[0].last_autovacuum.reset();
  later.tables[1].n_mod_since_analyze = 0;
  CHECK(remember_behind(past, later).size() == 1);
  later.epoch = 2;
  CHECK(remember_behind(past, later).at(1).dead_since == later.taken_at);

  // Where autovacuum never comes there is nothing to wait for.
  scene.now.tables[0].options["autovacuum_enabled"] = "false";
  CHECK(autovacuum_behind(outline(scene.before), scene.now, {}, {}).recommendations.size() == 1);
}

TEST_CASE("behind again although vacuums ran asks for a smaller scale factor, with its way back") {
  Scene scene = bloated(250'000, 300'000);
  scene.now.tables[0].autovacuum_count = 3;
  const Advice advice = autovacuum_behind(outline(scene.before), scene.now, {}, {});
  REQUIRE(advice.recommendations.size() == 2);
  const auto& change = advice.recommendations[1].change;
  CHECK(change.action == ActionClass::table_setting);
  CHECK(change.sql_up[0] == R"(ALTER TABLE "public"."events" SET (autovacuum_vacuum_scale_factor = 0.05))");
  CHECK(change.sql_down[0] == R"(ALTER TABLE "public"."events" RESET (autovacuum_vacuum_scale_factor))");
  CHECK_FALSE(std::get<SettingChange>(change.detail).previous.has_value());

  scene.now.tables[0].options["autovacuum_vacuum_scale_factor"] = "0.1";
  const auto again = autovacuum_behind(outline(scene.before), scene.now, {}, {});
  REQUIRE(again.recommendations.size() == 2);
  CHECK(again.recommendations[1].change.sql_down[0] ==
        R"(ALTER TABLE "public"."events" SET (autovacuum_vacuum_scale_factor = 0.1))");

  scene.now.tables[0].options["autovacuum_enabled"] = "false";
  CHECK(says(autovacuum_behind(outline(scene.before), scene.now, {}, {}).refused, "smaller scale factor",
             "switched off"));
}

TEST_CASE("stale statistics are analyzed, not vacuumed") {
  Scene scene = bloated(0, 0);
  scene.before.tables[0].n_mod_since_analyze = 150'000;
  scene.now.tables[0].n_mod_since_analyze = 200'000;
  const Advice advice = autovacuum_behind(outline(scene.before), scene.now, {}, {});
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(advice.recommendations[0].change.action == ActionClass::analyze);
  CHECK(advice.recommendations[0].change.sql_up[0] == R"(ANALYZE "public"."events")");
  scene.now.epoch = 2;
  CHECK(says(autovacuum_behind(outline(scene.before), scene.now, {}, {}).refused, "vacuum", "reset"));
}

TEST_CASE("a role whose few statements spill gets twice its work_mem, and RESET as the way back") {
  Scene scene = spilling();
  const Advice advice = work_mem_spills(outline(scene.before), scene.now, {});
  REQUIRE(advice.recommendations.size() == 1);
  const auto& change = advice.recommendations[0].change;
  CHECK(change.action == ActionClass::role_setting);
  CHECK(change.object == "role app");
  CHECK(change.sql_up[0] == R"(ALTER ROLE "app" SET work_mem = '8192kB')");
  CHECK(change.sql_down[0] == R"(ALTER ROLE "app" RESET work_mem)");
  CHECK(change.run_as_role == "app");
  CHECK(change.target_statements == std::vector<std::int64_t>{1});
  CHECK(advice.recommendations[0].effect.before == Approx(1000));
}

TEST_CASE("what sorts in maintenance_work_mem, or is our own, asks for no work_mem") {
  for (const char* text : {"/* pgtend:chg/0944774b */ CREATE INDEX CONCURRENTLY i ON orders (total)",
                           "  create unique index i on orders (id)", "REINDEX TABLE orders", "vacuum full orders",
                           "/* pgtend:advise */ select * from orders order by total"}) {
    INFO(text);
    Scene scene = spilling();
    for (auto* facts : {&scene.before, &scene.now})
      for (auto& statement : facts->statements) statement.text = text;
    const Advice advice = work_mem_spills(outline(scene.before), scene.now, {});
    CHECK(advice.recommendations.empty());
    CHECK(says(advice.refused, "more work_mem", "no statement wrote temporary files"));
  }
}

TEST_CASE("a role's own value is doubled and put back, within the bound of memory") {
  Scene scene = spilling();
  scene.now.roles[0].settings["work_mem"] = "200MB";
  const Advice advice = work_mem_spills(outline(scene.before), scene.now, {});
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(advice.recommendations[0].change.sql_up[0] == R"(ALTER ROLE "app" SET work_mem = '262144kB')");
  CHECK(advice.recommendations[0].change.sql_down[0] == R"(ALTER ROLE "app" SET work_mem = '200MB')");
  scene.now.active_backends = 100;
  CHECK(says(work_mem_spills(outline(scene.before), scene.now, {}).refused, "role app", "at the bound of"));
  scene.now.ram_bytes = 0;
  CHECK(says(work_mem_spills(outline(scene.before), scene.now, {}).refused, "role app", "memory is not known"));
}

TEST_CASE("a role that nobody logs in as gets no setting, which would never apply") {
  Scene scene = spilling();
  scene.now.roles[0].can_login = false;
  const Advice advice = work_mem_spills(outline(scene.before), scene.now, {});
  CHECK(advice.findings.size() == 1);
  CHECK(advice.findings[0].summary.starts_with("one statement of role app writes"));
  CHECK(advice.recommendations.empty());
  CHECK(says(advice.refused, "more work_mem for role app", "nobody logs in as it"));
}

TEST_CASE("the spilling of a superuser is found, and its role is left to a superuser") {
  Scene scene = spilling();
  scene.now.roles[0].superuser = true;
  const Advice advice = work_mem_spills(outline(scene.before), scene.now, {});
  CHECK(advice.findings.size() == 1);
  CHECK(advice.recommendations.empty());
  CHECK(says(advice.refused, "more work_mem for role app", "only a superuser may change"));
}

TEST_CASE("small, spread or no spilling is left alone with a reason") {
  Scene little = spilling(100);
  CHECK(says(work_mem_spills(outline(little.before), little.now, {}).refused, "role app", "128 blocks a call"));
  Scene none = spilling(0);
  CHECK(says(work_mem_spills(outline(none.before), none.now, {}).refused, "work_mem", "no statement wrote"));
  Scene spread = spilling();
  for (int i = 2; i < 12; ++i) spread.statement(i, "select 1 from t order by a", 10, 1000).temp_blks_written = 9'000;
  CHECK(says(work_mem_spills(outline(spread.before), spread.now, {}).refused, "role app", "spread over many"));
}
