#include "tests/pg/change/migration_scene.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

using Ids = std::vector<std::string>;

void put_orders(MigrationScene& scene) {
  scene.put("V0001__orders.sql",
            "CREATE TABLE orders (id int PRIMARY KEY, note varchar(20));\nINSERT INTO orders SELECT g, 'n' FROM "
            "generate_series(1, 100) g;\n-- @down\nDROP TABLE orders;\n");
  scene.put("V0002__orders_note_idx.sql",
            "-- pgtend: tx=none requires=V0001\n-- @up\nCREATE INDEX CONCURRENTLY orders_note_idx ON orders (note);\n"
            "ALTER TABLE orders ADD COLUMN total int;\n-- @down\nALTER TABLE orders DROP COLUMN total;\n"
            "DROP INDEX CONCURRENTLY orders_note_idx;\n");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("migrations are applied once, in order, each statement in its regime") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  MigrationScene scene(major);
  put_orders(scene);
  scene.put("R__totals.sql", "CREATE OR REPLACE VIEW totals AS SELECT sum(total) AS total FROM orders;");
  CHECK(scene.applied() == Ids{"V0001", "V0002", "R__totals"});
  CHECK(scene.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_note_idx'::regclass") == "t");
  CHECK(scene.value("SELECT count(*) FROM orders") == "100");
  CHECK(scene.applied().empty());
  CHECK(scene.applied().empty());
  const auto log = scene.log();
  REQUIRE(log.rows.size() == 3);
  CHECK(log.broken().empty());
  CHECK(log.rows[1].parent == log.rows[0].hash);
  CHECK(log.rows[0].applied_by == "person:test");
  CHECK_FALSE(log.progress);
  CHECK(scene.drift().empty());
  // A repeatable file is applied again when it changes, a comment of a row is not.
  scene.put("R__totals.sql", "CREATE OR REPLACE VIEW totals AS SELECT sum(total) AS total, count(*) FROM orders;");
  CHECK(scene.applied() == Ids{"R__totals"});
  CHECK(scene.drift().empty());
}

TEST_CASE("a transactional migration that fails leaves nothing, and its run after the mistake is mended completes it") {
  MigrationScene scene;
  scene.put("V1__a.sql", "CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\nSELECT nothing FROM a;\n");
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(has(error.describe(), "V1__a.sql:3: column \"nothing\" does not exist"));
  CHECK(scene.value("SELECT to_regclass('a') IS NULL") == "t");
  const auto items = migrate::items(scene.files(), scene.log());
  CHECK(items.front().state == migrate::State::failed);
  CHECK(has(items.front().detail, "V1__a.sql:3"));
  scene.put("V1__a.sql", "CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\n");
  CHECK(scene.applied() == Ids{"V1"});
  CHECK(migrate::items(scene.files(), scene.log()).front().state == migrate::State::applied);
}

TEST_CASE("a migration of single statements goes on behind the last that is done") {
  MigrationScene scene;
  scene.put("V1__a.sql",
            "-- pgtend: tx=none\nCREATE TABLE a (b int);\nINSERT INTO a VALUES (1), (1);\n"
            "CREATE UNIQUE INDEX CONCURRENTLY a_b ON a (b);\nINSERT INTO a VALUES (2);\n");
  auto error = MigrationScene::failure_of(scene.up());
  CHECK(has(error.describe(), "V1__a.sql:4: "));
  // The INVALID index of the failed build is gone.
  CHECK(scene.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == "0");
  REQUIRE(scene.log().progress);
  CHECK(scene.log().progress->digests.size() == 2);
  // What is done may not be another statement afterwards.
  scene.put("V1__a.sql",
            "-- pgtend: tx=none\nCREATE TABLE a (b int8);\nINSERT INTO a VALUES (1), (1);\n"
            "CREATE UNIQUE INDEX CONCURRENTLY a_b ON a (b);\nINSERT INTO a VALUES (2);\n");
  error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::conflict);
  CHECK(has(error.describe(), "V1__a.sql:2: statement 1 is done and the file has another now"));
  scene.put("V1__a.sql",
            "-- pgtend: tx=none\nCREATE TABLE a (b int);\nINSERT INTO a VALUES (1), (1);\n"
            "CREATE INDEX CONCURRENTLY a_b ON a (b);\nINSERT INTO a VALUES (2);\n");
  CHECK(scene.applied() == Ids{"V1"});
  CHECK(scene.value("SELECT count(*) FROM a") == "3");
  CHECK(scene.drift().empty());
}

TEST_CASE("an index that somebody else made is not taken for the migration's own") {
  MigrationScene scene;
  put_orders(scene);
  scene.up({1, false});
  scene.exec("CREATE INDEX orders_note_idx ON orders (note, id)");
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::conflict);
  CHECK(has(error.describe(), "V0002__orders_note_idx.sql:3: an index public.orders_note_idx is there already"));
  CHECK(has(error.describe(), "DROP INDEX CONCURRENTLY \"public\".\"orders_note_idx\""));
}

TEST_CASE("copies that an earlier REINDEX left are named and not touched") {
  MigrationScene scene;
  scene.exec("CREATE TABLE a (b int); INSERT INTO a VALUES (1), (1); CREATE INDEX a_b ON a (b)");
  REQUIRE_THROWS(scene.exec("CREATE UNIQUE INDEX CONCURRENTLY a_b_ccnew ON a (b)"));
  const std::string left = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
  REQUIRE(scene.value(left) == "1");
  for (const char* statement : {"REINDEX INDEX CONCURRENTLY a_b;\n", "REINDEX TABLE CONCURRENTLY a;\n"}) {
    scene.put("V1__a.sql", std::string("-- pgtend: tx=none\n") + statement);
    const auto error = MigrationScene::failure_of(scene.up());
    CHECK(has(error.describe(), "V1__a.sql:2: "));
    CHECK(has(error.describe(), "DROP INDEX CONCURRENTLY \"public\".\"a_b_ccnew\";"));
    CHECK(scene.value(left) == "1");
  }
  scene.exec("DROP INDEX a_b_ccnew");
  CHECK(scene.applied() == Ids{"V1"});
}

TEST_CASE("checks stop a migration before and take it back after") {
  MigrationScene scene;
  put_orders(scene);
  scene.applied();
  const std::string unique =
      "-- @pre\nSELECT count(*) = 0 AS ok, count(*) AS duplicates, 'n' AS secret FROM (SELECT note FROM orders GROUP "
      "BY "
      "note HAVING count(*) > 1) d;\n-- @up\nCREATE UNIQUE INDEX orders_note_key ON orders (note);\n";
  scene.put("V3__unique.sql", unique);
  auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::refused);
  CHECK(has(error.describe(), "V3__unique.sql:2: the check does not hold: ok = f, duplicates = 1"));
  CHECK_FALSE(has(error.describe(), "secret"));
  const bool in_one = GENERATE(true, false);
  scene.put("V3__unique.sql",
            std::string(in_one ? "" : "-- pgtend: tx=none\n") +
                "-- @up\nCREATE TABLE extra (a int);\nINSERT INTO extra VALUES (1);\n-- @post\n"
                "SELECT count(*) = 2 AS two, count(*) AS rows FROM extra;\n-- @down\nDROP TABLE extra;\n");
  error = MigrationScene::failure_of(scene.up());
  CHECK(has(error.describe(), "the check does not hold: two = f, rows = 1"));
  CHECK(scene.value("SELECT to_regclass('extra') IS NULL") == "t");
  CHECK(scene.log().rows.size() == 2);
  CHECK(scene.drift().empty());
}

TEST_CASE("down takes back the newest and up applies it again") {
  MigrationScene scene;
  put_orders(scene);
  scene.applied();
  auto report = scene.down();
  CHECK_FALSE(report.failure);
  REQUIRE(report.done.size() == 1);
  CHECK(report.done.front().id == "V0002");
  CHECK(scene.value("SELECT to_regclass('orders_note_idx') IS NULL") == "t");
  CHECK(scene.drift().empty());
  CHECK(scene.applied() == Ids{"V0002"});
  report = scene.down({0, 1});
  CHECK(report.done.size() == 2);
  CHECK(scene.value("SELECT to_regclass('orders') IS NULL") == "t");
  CHECK(scene.log().broken().empty());
  scene.put("V0001__orders.sql", "CREATE TABLE orders (id int, note text);");
  scene.put("V0002__orders_note_idx.sql", "ALTER TABLE orders ADD COLUMN total int;");
  scene.applied();
  CHECK(MigrationScene::failure_of(scene.down()).code == Errc::refused);
}

TEST_CASE("drift of files, history and objects is named") {
  MigrationScene scene;
  put_orders(scene);
  scene.applied();
  scene.exec("ALTER TABLE orders ALTER COLUMN note TYPE text");
  scene.exec("ALTER TABLE orders ADD COLUMN by_hand int; DROP INDEX orders_note_idx");
  const auto drift = scene.drift();
  REQUIRE(drift.size() == 3);
  CHECK(drift[0] == "column public.orders.note is \"text\" and was left as \"character varying(20)\"");
  CHECK(drift[1] == "index public.orders_note_idx is gone");
  CHECK(drift[2] == "column public.orders.by_hand was added by hand");
  scene.put("V0001__orders.sql", "CREATE TABLE orders (id int);");
  CHECK(migrate::items(scene.files(), scene.log())[0].state == migrate::State::checksum_drift);
  auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::conflict);
  CHECK(has(error.message, "V0001__orders.sql:1: the file is not the one that was applied as V0001"));
  scene.remove("V0001__orders.sql");
  scene.put("V0002__orders_note_idx.sql", "SELECT 1;");
  CHECK(migrate::items(scene.files(), scene.log())[0].state == migrate::State::missing_file);
  scene.exec("UPDATE pgtend.change_log SET name = 'x' WHERE sequence = 1");
  CHECK(scene.log().broken() == "row 1 (V0001) was changed after it was written");
  CHECK(MigrationScene::failure_of(scene.up()).code == Errc::corrupt);
  scene.exec("DELETE FROM pgtend.change_log WHERE sequence = 1");
  CHECK(scene.log().broken() == "row 2 (V0002) follows row 0");
}

TEST_CASE("a version that comes late is refused unless it is asked for") {
  MigrationScene scene;
  put_orders(scene);
  scene.remove("V0001__orders.sql");
  scene.put("V0002__orders_note_idx.sql", "CREATE TABLE b ();");
  scene.applied();
  scene.put("V0001__late.sql", "CREATE TABLE a ();");
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(has(error.message, "V0001 is not applied and version 2 is"));
  CHECK(has(error.message, "--out-of-order"));
  CHECK(scene.up({std::nullopt, true}).done.size() == 1);
}

TEST_CASE("a baseline notes what was there before and runs nothing") {
  MigrationScene scene;
  put_orders(scene);
  scene.put("V0003__next.sql", "CREATE TABLE next_one ();");
  auto report = scene.baseline(2);
  CHECK_FALSE(report.failure);
  CHECK(report.done.size() == 2);
  CHECK(scene.value("SELECT to_regclass('orders') IS NULL") == "t");
  CHECK(scene.applied() == Ids{"V0003"});
  CHECK(MigrationScene::failure_of(scene.baseline(2)).code == Errc::conflict);
  CHECK(migrate::items(scene.files(), scene.log())[0].state == migrate::State::baseline);
}

TEST_CASE("a lock that somebody holds is asked for again and nobody queues behind it for long") {
  MigrationScene scene;
  put_orders(scene);
  scene.up({1, false});
  scene.put("V0002__orders_note_idx.sql", "ALTER TABLE orders ADD COLUMN total int;");
  auto reader = scene.cluster().session("app");
  reader.exec("BEGIN; SELECT count(*) FROM orders");
  scene.options.lock_attempts = 3;
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::timeout);
  CHECK(error.retryable);
  CHECK(has(error.describe(), "the lock was not granted in 3 attempts"));
  CHECK(has(error.describe(), "V0002__orders_note_idx.sql:1"));
  reader.exec("COMMIT");
  CHECK(scene.applied() == Ids{"V0002"});
}

TEST_CASE("two runners never work at once, nor a runner beside a change of the agent") {
  MigrationScene scene;
  put_orders(scene);
  auto other = scene.cluster().session("app");
  other.exec("SELECT pg_advisory_lock(" + std::to_string(0x70677464) + ", 0)");
  scene.options.advisory_wait = Millis(300);
  scene.options.advisory_poll = Millis(50);
  const auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::timeout);
  CHECK(has(error.message, "pid " + std::to_string(other.backend_pid())));
  CHECK(scene.value("SELECT to_regnamespace('pgtend') IS NULL") == "t");
}

TEST_CASE("a pooler, a standby and the freeze switch are refused before anything runs") {
  MigrationScene scene;
  put_orders(scene);
  const PgBouncerProcess pooler(scene.cluster());
  scene.parameters = pooler.parameters("app");
  auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::refused);
  CHECK(has(error.message, "goes through a pooler"));
  const auto standby = scene.cluster().make_standby();
  scene.parameters = standby->parameters("app");
  error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::refused);
  CHECK(has(error.message, "the server is a standby"));
  scene.parameters.clear();
  scene.frozen_by = "ann";
  error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::refused);
  CHECK(has(error.message, "frozen by ann"));
  CHECK(scene.value("SELECT to_regnamespace('pgtend') IS NULL") == "t");
}

TEST_CASE("a missing right names its GRANT and the role of the header is what the statements run as") {
  MigrationScene scene;
  scene.cluster().exec(
      "postgres",
      "DO $$ BEGIN CREATE ROLE mig_owner NOLOGIN; CREATE ROLE mig_runner LOGIN NOINHERIT; EXCEPTION WHEN "
      "duplicate_object THEN NULL; END $$; REVOKE mig_owner FROM mig_runner");
  scene.parameters = scene.cluster().parameters("app", "mig_runner");
  scene.put("V1__a.sql", "-- pgtend: role=mig_owner\nCREATE TABLE a (b int);\n");
  auto error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::permission);
  CHECK(has(error.message, "GRANT CREATE ON DATABASE \"app\" TO \"mig_runner\""));
  scene.exec(
      "CREATE SCHEMA pgtend; GRANT USAGE, CREATE ON SCHEMA pgtend TO mig_runner; "
      "GRANT CREATE, USAGE ON SCHEMA public TO mig_owner");
  error = MigrationScene::failure_of(scene.up());
  CHECK(error.code == Errc::permission);
  CHECK(has(error.message, "GRANT \"mig_owner\" TO \"mig_runner\""));
  scene.cluster().exec("postgres", "GRANT mig_owner TO mig_runner");
  CHECK(scene.applied() == Ids{"V1"});
  CHECK(scene.value("SELECT relowner::regrole FROM pg_class WHERE relname = 'a'") == "mig_owner");
  scene.put("V2__b.sql", "ALTER TABLE a ADD c int;\n");
  error = MigrationScene::failure_of(scene.up());
  CHECK(has(error.describe(), "V2__b.sql:1: must be owner of table a; run it as the owner"));
}
