// Shipped rules about transaction ids, on a server whose counter is set forward and whose horizon a slot holds.
#include <cstdio>

#include "tests/e2e/daemon/rule_scene.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend::test;

namespace {

// Transaction ids whose states one file of pg_xact holds. Source: SLRU_PAGES_PER_SEGMENT, four to a byte.
constexpr std::int64_t kPerFile = 32 * 8'192 * 4;

// The next transaction's id becomes the first one of that file.
void set_next_transaction(PgCluster& cluster, std::int64_t file) {
  cluster.stop();
  char name[8];
  std::snprintf(name, sizeof name, "%04llX", static_cast<unsigned long long>(file));
  SpawnOptions as_postgres;
  as_postgres.as_postgres = true;
  const auto path = (cluster.data_dir() / "pg_xact" / name).string();
  must_run({"dd", "if=/dev/zero", "of=" + path, "bs=8192", "count=32", "status=none"}, as_postgres);
  must_run(
      {pg_program(0, "pg_resetwal").string(), "-x", std::to_string(file * kPerFile), "-D", cluster.data_dir().string()},
      as_postgres);
  cluster.start();
}

}  // namespace

TEST_CASE("transaction ids: a held horizon is told, an age far past the limit is an emergency, near the end critical") {
  RuleScene scene({{"wal_level", "logical"}}, {"wraparound", "xmin"});
  // No vacuum can freeze what it holds.
  scene.cluster.exec("postgres", "select pg_create_logical_replication_slot('forgotten', 'test_decoding')");
  scene.start_seeing("pgtend_xid_age{datname=\"postgres\"}");
  for (const char* rule : {"PgXidAgeStuck", "PgEmergencyVacuum", "PgXidAgeCritical", "PgXminHeld"})
    scene.must_stay_quiet(rule, "pgtend_xmin_age{holder=\"slot_catalog\"}");

  scene.daemon.stop();
  set_next_transaction(scene.cluster, 201);
  scene.start_seeing("pgtend_xid_freeze_ratio{datname=\"postgres\"} > 1");
  scene.must_fire("PgXminHeld");
  for (const auto& labels : scene.firing("PgXminHeld")) CHECK(labels["holder"] == "slot_catalog");
  scene.must_stay_quiet("PgEmergencyVacuum", "pgtend_xid_freeze_ratio{datname=\"postgres\"} > 1.05");
  scene.must_stay_quiet("PgXidAgeCritical", "pgtend_xid_age{datname=\"postgres\"} > 2.1e8");

  scene.daemon.stop();
  set_next_transaction(scene.cluster, 1'525);
  scene.daemon.start();
  scene.must_fire("PgEmergencyVacuum");
  scene.must_fire("PgXidAgeCritical");
  std::set<std::string> severities;
  for (const auto& labels : scene.firing("PgEmergencyVacuum"))
    if (labels["datname"] == "postgres") severities.insert(labels["severity"].get<std::string>());
  CHECK(severities.contains("critical"));
}

TEST_CASE("PgXidAgeStuck is about the whole day: an age that fell within it is no trouble") {
  RuleScene scene({{"wal_level", "logical"}}, {"wraparound"});
  scene.start_seeing("pgtend_xid_freeze_ratio{datname=\"postgres\"} < 1");
  scene.cluster.exec("postgres", "select pg_create_logical_replication_slot('forgotten', 'test_decoding')");
  scene.daemon.stop();
  set_next_transaction(scene.cluster, 201);
  scene.daemon.start();
  scene.must_stay_quiet("PgXidAgeStuck", "pgtend_xid_freeze_ratio{datname=\"postgres\"} > 1");
  scene.daemon.stop();
  // With the day before forgotten, it has been so for as long as anybody knows.
  std::filesystem::remove(scene.daemon.path("history.db"));
  scene.daemon.start();
  scene.must_fire("PgXidAgeStuck");
}
