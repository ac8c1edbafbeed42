#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "agent/base/strings.hpp"
#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// 15 cannot have these; everything else must answer.
const std::set<std::string> kOtherVersions{"checkpointer", "bgwriter_backend", "statements_13"};

bool is_failure(const CollectorSession::Outcome& outcome) {
  return !outcome.sqlstate.empty();
}

}  // namespace

TEST_CASE("every shipped collector answers a pg_monitor member, without duplicates or lost columns") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  for (const auto& def : shipped_collectors()) {
    const auto outcome = monitor.collect(def);
    INFO(def.name << " " << outcome.sqlstate << " " << outcome.unsupported);
    CHECK(outcome.sqlstate.empty());
    CHECK(outcome.run.duplicates == 0);
    CHECK(outcome.lost_columns.empty());
    if (kOtherVersions.contains(def.name) || def.role == ServerRole::standby) {
      CHECK_FALSE(outcome.unsupported.empty());
    } else {
      CHECK(outcome.unsupported.empty());
    }
  }
  for (const auto& code : collectors::code_collectors()) {
    const auto outcome = monitor.collect(code);
    INFO(code.def.name);
    CHECK_FALSE(is_failure(outcome));
    CHECK(outcome.run.samples.size() > 0);
  }
}

TEST_CASE("a role without rights loses only collectors that name the GRANT they need") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession stranger(cluster, "stranger");
  std::set<std::string> refused;
  for (const auto& def : shipped_collectors()) {
    const auto outcome = stranger.collect(def);
    INFO(def.name << " " << outcome.sqlstate);
    if (!is_failure(outcome)) continue;
    refused.insert(def.name);
    CHECK(outcome.sqlstate == "42501");
    CHECK(def.grant.starts_with("GRANT "));
    // The cure it names really cures.
    cluster.exec("shop", std::string(def.grant).replace(def.grant.find("{role}"), 6, "stranger"));
    CHECK(stranger.collect(def).sqlstate.empty());
    cluster.exec("shop", "REVOKE pg_monitor FROM stranger");
  }
  CHECK(refused == std::set<std::string>{"wal_archive_queue", "wal_directory"});
  for (const auto& code : collectors::code_collectors()) CHECK_FALSE(is_failure(stranger.collect(code)));
}

namespace {

// Present or not as the moment has it: lag is NULL when idle, the rest needs events the scene does not wait for.
bool comes_and_goes(const std::string& name) {
  return (name.starts_with("pgtend_replication_") && name.ends_with("_lag_seconds")) ||
         name.find("last_auto") != std::string::npos || name == "pgtend_archiver_last_failed_time_seconds";
}

// Something of everything, so that every metric of 15 has a value.
void stir(const PgCluster& cluster) {
  cluster.exec("shop", "SELECT pg_stat_reset()");
  cluster.exec("shop", "VACUUM ANALYZE orders");
  cluster.exec("shop", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_customer_again'::regclass");
  cluster.exec("shop", "SELECT pg_create_physical_replication_slot('spare', true)");
  cluster.exec("shop", "SELECT pg_create_logical_replication_slot('changes', 'test_decoding')");
  cluster.exec("shop", "SELECT pg_switch_wal()");
}

}  // namespace

TEST_CASE("the metric names of 15 are those on the list") {
  PgClusterOptions options;
  options.settings = {{"wal_level", "logical"},
                      {"archive_mode", "on"},
                      {"archive_command", "true"},
                      {"max_slot_wal_keep_size", "1GB"},
                      {"autovacuum", "off"}};
  PgCluster cluster(options);
  make_shop(cluster);
  const auto standby = cluster.make_standby();
  stir(cluster);
  REQUIRE(eventually([&] { return cluster.exec("postgres", "SELECT count(*) FROM pg_stat_replication") == "1"; }));
  REQUIRE(eventually([&] { return standby->exec("postgres", "SELECT count(*) FROM pg_stat_wal_receiver") == "1"; }));
  REQUIRE(eventually(
      [&] { return standby->exec("postgres", "SELECT pg_last_xact_replay_timestamp() IS NOT NULL") == "t"; }));
  REQUIRE(
      eventually([&] { return cluster.exec("postgres", "SELECT archived_count > 0 FROM pg_stat_archiver") == "t"; }));
  auto blocker = cluster.session("shop"), victim = cluster.session("shop");
  blocker.exec("BEGIN; LOCK TABLE customers");
  victim.send("SELECT count(*) FROM customers");
  REQUIRE(eventually([&] { return cluster.exec("shop", "SELECT count(*) FROM pg_locks WHERE NOT granted") == "1"; }));

  std::set<std::string> names;
  const auto gather = [&](CollectorSession& on) {
    const auto take = [&](const CollectorSession::Outcome& outcome) {
      for (const auto& sample : outcome.run.samples) names.insert(sample.key->name);
    };
    for (const auto& def : shipped_collectors()) take(on.collect(def));
    for (const auto& code : collectors::code_collectors()) take(on.collect(code));
  };
  CollectorSession monitor(cluster), follower(*standby);
  gather(monitor);
  gather(follower);
  blocker.exec("ROLLBACK");
  std::string text;
  for (const auto& name : names) {
    // Settings come and go with preloaded libraries and minor versions: two stand for the 250.
    const bool other_setting = name.starts_with("pg_settings_") && name != "pg_settings_max_connections" &&
                               name != "pg_settings_shared_buffers_bytes";
    if (!other_setting && !comes_and_goes(name)) text += name + "\n";
  }
  const std::string path = std::string(pgtend::test::source_dir()) + "/tests/golden/metrics_pg15.txt";
  // PGTEND_UPDATE_GOLDEN=1 accepts a wanted change; the difference is then reviewed as a diff.
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  CHECK(split(text, '\n') == split(golden.str(), '\n'));
}
