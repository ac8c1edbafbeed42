// How collectors share a beat, and what becomes of one whose source goes.
#include <chrono>
#include <set>

#include "agent/engine/collecting.hpp"
#include "tests/pg/engine/engine_rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

class Collectors {
 public:
  explicit Collectors(const PgCluster& cluster) : rig(cluster), collecting(rig.parts(), rig.cost()) {
    REQUIRE(rig.connect(pg::Lane::probe));
    REQUIRE(collecting.load().empty());
  }
  SnapshotPtr run(const std::string& name, const std::string& database = "") {
    return rig.world().run(collecting.collect(name, database));
  }
  void ask_ahead(const std::vector<std::string>& names) { rig.world().run(collecting.ask_ahead(names, "")); }

  EngineRig rig;
  engine::Collecting collecting;
};

double value(const SnapshotPtr& snapshot, const std::string& metric) {
  for (const auto& sample : snapshot->samples)
    if (sample.key->name == metric) return sample.value;
  return -1;
}

}  // namespace

TEST_CASE("collectors that are due together are asked at one moment, and each takes its answer once") {
  PgCluster cluster;
  Collectors collectors(cluster);
  const std::vector<std::string> names{"connections", "locks", "transactions", "database"};
  // The server keeps a plan from the second time on, and of a collector it is known that it works.
  for (int turn = 0; turn < 2; ++turn)
    for (const auto& name : names) REQUIRE(collectors.run(name)->status == CollectStatus::ok);
  const auto before = value(collectors.run("connections"), "pgtend_connections");
  REQUIRE(before > 0);
  collectors.ask_ahead(names);
  const auto asked = collectors.rig.clock().now();
  const auto other = cluster.session("postgres"), another = cluster.session("postgres");
  std::set<UtcTime> moments;
  for (const auto& name : names) {
    const auto snapshot = collectors.run(name);
    REQUIRE(snapshot->status == CollectStatus::ok);
    CHECK_FALSE(snapshot->samples.empty());
    CHECK(snapshot->taken_at <= asked);
    moments.insert(snapshot->taken_at);
    if (name == "connections") CHECK(value(snapshot, "pgtend_connections") == before);
  }
  CHECK(moments.size() == 1);
  const auto again = collectors.run("connections");
  CHECK(again->taken_at >= asked);
  CHECK(value(again, "pgtend_connections") == before + 2);
}

TEST_CASE("a collector whose source is gone fails alone, and does not keep those of its beat from their answers") {
  PgCluster cluster;
  Collectors collectors(cluster);
  const std::vector<std::string> names{"connections", "replication", "locks"};
  for (int turn = 0; turn < 3; ++turn)
    for (const auto& name : names) REQUIRE(collectors.run(name)->status == CollectStatus::ok);
  cluster.exec("postgres",
               "SET allow_system_table_mods = on; ALTER VIEW pg_catalog.pg_stat_replication RENAME TO elsewhere");
  for (int beat = 0; beat < 2; ++beat) {
    collectors.ask_ahead(names);
    CHECK(collectors.run("connections")->status == CollectStatus::ok);
    const auto broken = collectors.run("replication");
    CHECK(broken->status != CollectStatus::ok);
    CHECK_FALSE(broken->detail.empty());
    CHECK(collectors.run("locks")->status == CollectStatus::ok);
  }
  // What failed is not asked together with others again: they have their answers from before it.
  collectors.ask_ahead(names);
  const auto asked = collectors.rig.clock().now();
  CHECK(collectors.run("locks")->taken_at <= asked);
}

TEST_CASE("an extension that is dropped makes its collector blind, after an hour there is nothing to be seen") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE EXTENSION pg_stat_statements");
  Collectors collectors(cluster);
  const auto& collecting = collectors.collecting;
  const std::string metric = collecting.def("statements")->columns.front().metric;
  const auto wait = [&](Millis by) { collectors.rig.clock().move(by); };
  // The same metrics on version 13: who makes them here is what counts.
  REQUIRE(collectors.run("statements_13")->status == CollectStatus::unsupported);
  REQUIRE(collectors.run("statements")->status == CollectStatus::ok);
  CHECK(collecting.blind(metric).empty());
  cluster.exec("postgres", "DROP EXTENSION pg_stat_statements");
  wait(std::chrono::minutes(6));
  CHECK(collectors.run("statements")->status == CollectStatus::error);
  CHECK_FALSE(collecting.blind(metric).empty());
  // The failure had the server probed again.
  CHECK(collectors.run("statements")->status == CollectStatus::unsupported);
  CHECK(collecting.blind(metric).find("stale: unsupported") != std::string::npos);
  wait(std::chrono::minutes(59));
  CHECK(collectors.run("statements")->status == CollectStatus::unsupported);
  CHECK_FALSE(collecting.blind(metric).empty());
  wait(std::chrono::minutes(1));
  CHECK(collectors.run("statements")->status == CollectStatus::unsupported);
  CHECK(collecting.blind(metric).empty());
  // And one that is created is noticed within an hour.
  cluster.exec("postgres", "CREATE EXTENSION pg_stat_statements");
  wait(std::chrono::hours(1));
  CHECK(collectors.run("statements")->status == CollectStatus::ok);
  CHECK(collecting.blind(metric).empty());
}

TEST_CASE(
    "a run of sizes says how many tables it left out for their locks, and so does the reason to doubt an absence") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE TABLE held AS SELECT 1 AS n; CREATE TABLE free AS SELECT 1 AS n");
  Collectors collectors(cluster);
  const std::string metric = "pgtend_table_size_bytes";
  auto holder = cluster.session("postgres");
  holder.exec("BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE");
  const auto one_held = collectors.run("sizes", "postgres");
  REQUIRE(one_held->status == CollectStatus::ok);
  CHECK_FALSE(one_held->samples.empty());
  CHECK(one_held->left_out == 1);
  CHECK(one_held->detail.find("locked exclusively") != std::string::npos);
  CHECK(collectors.collecting.left_out(metric, nullptr).find("under a lock") != std::string::npos);
  holder.exec("LOCK TABLE free IN ACCESS EXCLUSIVE MODE");
  const auto both_held = collectors.run("sizes", "postgres");
  CHECK(both_held->status == CollectStatus::ok);
  CHECK(both_held->left_out == 2);
  holder.exec("ROLLBACK");
  const auto none_held = collectors.run("sizes", "postgres");
  CHECK(none_held->left_out == 0);
  CHECK(none_held->detail.empty());
  CHECK(collectors.collecting.left_out(metric, nullptr).empty());
}
