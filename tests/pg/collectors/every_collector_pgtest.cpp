#include <set>

#include "tests/pg/collectors/scene.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

bool is_for(const CollectorDef& def, const ServerIdentity& server) {
  return server.version_num >= def.min_version.value_or(0) && server.version_num <= def.max_version.value_or(999'999) &&
         (!def.role || *def.role == server.role);
}

bool is_failure(const CollectorSession::Outcome& outcome) {
  return !outcome.sqlstate.empty();
}

}  // namespace

TEST_CASE(
    "on every version each collector meant for it answers a pg_monitor member, without duplicates or lost columns") {
  const int major = GENERATE(from_range(all_majors()));
  CAPTURE(major);
  PgCluster cluster({.major = major});
  make_shop(cluster);
  const auto standby = cluster.make_standby();
  for (const auto* server : {&cluster, standby.get()}) {
    CollectorSession monitor(*server);
    REQUIRE(monitor.shape.identity.version_num / 10'000 == major);
    for (const auto& def : shipped_collectors()) {
      const auto outcome = monitor.collect(def);
      CAPTURE(def.name, outcome.sqlstate, outcome.unsupported, outcome.lost_columns);
      CHECK(outcome.sqlstate.empty());
      CHECK(outcome.run.duplicates == 0);
      CHECK(outcome.lost_columns.empty());
      if (!def.optional) CHECK(outcome.unsupported.empty() == is_for(def, monitor.shape.identity));
    }
    for (const auto& code : collectors::code_collectors()) {
      const auto outcome = monitor.collect(code);
      INFO(code.def.name);
      CHECK_FALSE(is_failure(outcome));
      CHECK(outcome.run.samples.size() > 0);
    }
  }
}

TEST_CASE("a role without rights loses only collectors that name the GRANT they need") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  PgCluster cluster({.major = major});
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
  std::set<std::string> expected{"temp_files", "wal_archive_queue", "wal_directory"};
  if (major >= 16) expected.insert("buffercache");
  CHECK(refused == expected);
  for (const auto& code : collectors::code_collectors()) CHECK_FALSE(is_failure(stranger.collect(code)));
}

TEST_CASE("a column that the server no longer has costs its own metric, and is named") {
  PgCluster cluster;
  make_shop(cluster);
  CollectorSession monitor(cluster);
  auto def = shipped("tables");
  const auto whole = monitor.collect(def);
  REQUIRE(monitor.shape.columns.at(def.source).erase("n_mod_since_analyze") == 1);
  std::string& sql = def.sql;
  sql.replace(sql.find("s.n_mod_since_analyze"), std::string("s.n_mod_since_analyze").size(), "0");
  const auto less = monitor.collect(def);
  CHECK(less.sqlstate.empty());
  CHECK(less.lost_columns == std::vector<std::string>{"n_mod_since_analyze"});
  std::set<std::string> gone;
  for (const auto& sample : whole.run.samples) gone.insert(sample.key->name);
  for (const auto& sample : less.run.samples) gone.erase(sample.key->name);
  CHECK(gone == std::set<std::string>{"pgtend_table_modified_rows", "pg_stat_user_tables_n_mod_since_analyze"});
}
