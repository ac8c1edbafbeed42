#include "tests/pg/change/migration_scene.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* kThreeSteps = "CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\n";

}  // namespace

TEST_CASE("the freeze switch stops a migration before each of its statements") {
  MigrationScene scene;
  const bool in_one = GENERATE(true, false);
  CAPTURE(in_one);
  scene.put("V1__a.sql", std::string(in_one ? "" : "-- pgtend: tx=none\n") + kThreeSteps);
  // Asked at the start of the run, of the transaction, and for each statement; one by one, of each transaction too.
  scene.statements_until_freeze = in_one ? 4 : 5;
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::refused);
  CHECK(has(error.describe(), "frozen by bob"));
  CHECK(has(error.describe(), in_one ? "V1__a.sql:2" : "V1__a.sql:3"));
  if (in_one) {
    CHECK(scene.value("SELECT to_regclass('a') IS NULL") == "t");
  } else {
    CHECK(scene.value("SELECT count(*) FROM a") == "0");
  }
  scene.statements_until_freeze = -1;
  scene.frozen_by.clear();
  CHECK(scene.applied() == std::vector<std::string>{"V1"});
  CHECK(scene.value("SELECT count(*) FROM a") == "2");
}

TEST_CASE("a file whose intent cannot be kept is not begun") {
  MigrationScene scene;
  scene.put("V1__a.sql", std::string(kThreeSteps) + "-- @down\nDROP TABLE a;\n");
  scene.intents_are_kept = false;
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(has(error.describe(), "the ledger is full"));
  CHECK(scene.value("SELECT to_regclass('a') IS NULL") == "t");
  scene.intents_are_kept = true;
  CHECK_FALSE(scene.baseline(1).failure);
  CHECK(scene.intents == std::vector<std::string>{"baseline V1"});
  scene.exec("TRUNCATE pgtend.change_log");
  scene.applied();
  CHECK_FALSE(scene.down().failure);
  CHECK(scene.intents == std::vector<std::string>{"baseline V1", "up V1", "down V1"});
}

TEST_CASE("an index that the disk has no room for is not begun") {
  MigrationScene scene;
  scene.exec("CREATE TABLE a AS SELECT g FROM generate_series(1, 1000) g");
  const bool makes = GENERATE(true, false);
  CAPTURE(makes);
  if (!makes) scene.exec("CREATE INDEX a_g ON a (g)");
  scene.put("V1__a.sql", std::string("-- pgtend: tx=none\n") +
                             (makes ? "CREATE INDEX CONCURRENTLY a_g ON a (g);\n" : "REINDEX TABLE CONCURRENTLY a;\n"));
  scene.options.disk_factor = 1e15;
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::resource_exhausted);
  CHECK(has(error.describe(), "V1__a.sql:2: the disk has "));
  CHECK(scene.value("SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass") == (makes ? "0" : "1"));
  scene.options.disk_factor = 2;
  CHECK(scene.applied() == std::vector<std::string>{"V1"});
}

TEST_CASE("a standby that is too far behind is waited for, and who may not see it is told the GRANT") {
  MigrationScene scene;
  const auto standby = scene.cluster().make_standby();
  standby->set("recovery_min_apply_delay", "3s");
  standby->reload();
  scene.exec("CREATE TABLE a (b int); CREATE TABLE traffic (n int)");
  // The server measures the lag of what it sends, so somebody writes all the time.
  auto writer = scene.cluster().session("app");
  writer.send(
      "DO $$ BEGIN FOR i IN 1..600 LOOP INSERT INTO traffic VALUES (i); COMMIT; PERFORM pg_sleep(0.05); END LOOP; END "
      "$$");
  const auto lag = [&] {
    return scene.value("SELECT coalesce(max(extract(epoch FROM replay_lag)), 0) > 1 FROM pg_stat_replication") == "t";
  };
  REQUIRE(eventually(lag));
  scene.put("V1__a.sql", "-- pgtend: tx=none\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\n");
  scene.options.max_replica_lag = Millis(100);
  scene.options.wait_budget = Millis(10);
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::unavailable);
  CHECK(error.retryable);
  CHECK(has(error.describe(), " s behind"));
  CHECK(scene.value("SELECT count(*) FROM a") == "0");
  standby->set("recovery_min_apply_delay", "0");
  standby->reload();
  scene.options.wait_budget = Millis(60'000);
  scene.told.clear();
  CHECK(scene.applied() == std::vector<std::string>{"V1"});

  scene.cluster().exec("postgres",
                       "DO $$ BEGIN CREATE ROLE mig_blind LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  scene.exec("GRANT ALL ON SCHEMA pgtend, public TO mig_blind; GRANT ALL ON ALL TABLES IN SCHEMA pgtend TO mig_blind");
  scene.parameters = scene.cluster().parameters("app", "mig_blind");
  scene.put("V2__b.sql", "CREATE TABLE b (c int);");
  scene.told.clear();
  CHECK(scene.applied() == std::vector<std::string>{"V2"});
  REQUIRE_FALSE(scene.told.empty());
  CHECK(has(scene.told.front(), "GRANT pg_read_all_stats TO mig_blind"));
}
