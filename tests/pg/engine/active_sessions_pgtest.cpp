// The history of active sessions against a real server.
#include "agent/engine/active_sessions.hpp"
#include "tests/pg/engine/engine_rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

class Sampler {
 public:
  explicit Sampler(const PgCluster& cluster, const std::string& user = "postgres") : rig_(cluster, user) {
    sessions_.enable(true);
  }

  // What the probe does first.
  bool connect() { return rig_.connect(pg::Lane::probe); }
  void sample() { rig_.world().run(sessions_.sample()); }
  Snapshot run() {
    Snapshot out;
    sessions_.run(out);
    return out;
  }
  store::SessionReport report(std::vector<store::SessionTrait> by) {
    store::SessionQuestion question;
    question.range = {rig_.clock().now() - Millis(600'000), rig_.clock().now() + Millis(60'000)};
    question.by = std::move(by);
    auto answer = rig_.world().run(sessions_.report(question));
    REQUIRE(answer);
    return *answer;
  }
  // The groups of one sample.
  std::vector<store::SessionShare> look(std::vector<store::SessionTrait> by) {
    sample();
    run();
    return report(std::move(by)).rows;
  }
  pg::Lanes& lanes() { return rig_.lanes(); }
  store::HistoryFile& history() { return rig_.history(); }

 private:
  EngineRig rig_;
  engine::ActiveSessions sessions_{rig_.parts(), rig_.cost()};
};

bool any(const std::vector<store::SessionShare>& rows, const std::vector<std::string>& names) {
  return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.names == names; });
}

double value(const Snapshot& snapshot, const std::string& state, const std::string& type, const std::string& event) {
  for (const auto& sample : snapshot.samples) {
    const auto& labels = sample.key->labels;
    if (labels.get("state") == state && labels.get("wait_event_type") == type && labels.get("wait_event") == event)
      return sample.value;
  }
  return -1;
}

constexpr auto kWait = store::SessionTrait::wait;
constexpr auto kUser = store::SessionTrait::user;
constexpr auto kState = store::SessionTrait::state;
constexpr auto kDatabase = store::SessionTrait::database;
constexpr auto kBlocker = store::SessionTrait::blocker;
constexpr auto kQuery = store::SessionTrait::query;

}  // namespace

TEST_CASE("a wait for a lock is seen with its wait, its query and who stands at the head of the chain") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec("shop", "CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE ROLE web LOGIN SUPERUSER");
  auto holder = cluster.session("shop"), first = cluster.session("shop", "web"),
       second = cluster.session("shop", "web");
  holder.exec("BEGIN; UPDATE t SET n = 2");
  first.exec("BEGIN");
  first.send("UPDATE t SET n = 3");
  second.send("UPDATE t SET n = 4");
  Sampler sampler(cluster);
  REQUIRE(sampler.connect());
  const std::string head = "pid " + std::to_string(holder.backend_pid()) + " postgres@shop (idle in transaction)";
  std::vector<store::SessionShare> rows;
  CHECK(eventually([&] {
    rows = sampler.look({kWait, kUser, kDatabase, kBlocker});
    return any(rows, {"Lock:transactionid", "web", "shop", head}) && any(rows, {"Lock:tuple", "web", "shop", head});
  }));
  CHECK(any(rows, {"Client:ClientRead", "postgres", "shop", ""}));
  // pg_stat_statements is loaded, so queries have an id.
  for (const auto& row : sampler.report({kWait, kQuery}).rows)
    if (row.names[0].starts_with("Lock:")) CHECK(store::query_id_of(row.names[1]).value_or(0) != 0);
  holder.exec("ROLLBACK");
  first.finish();
  first.exec("ROLLBACK");
  second.finish();
}

TEST_CASE("a session that sleeps is active and waits, and idle sessions and the agent's own are not there") {
  PgCluster cluster;
  auto idle = cluster.session(), sleeper = cluster.session(), open = cluster.session();
  open.exec("BEGIN");
  sleeper.send("SELECT pg_sleep(600)");
  Sampler sampler(cluster);
  REQUIRE(sampler.connect());
  CHECK(eventually([&] { return any(sampler.look({kState, kWait}), {"active", "Timeout:PgSleep"}); }));
  sampler.sample();
  sampler.sample();
  const auto snapshot = sampler.run();
  CHECK(snapshot.status == CollectStatus::ok);
  CHECK(value(snapshot, "active", "Timeout", "PgSleep") == 1);
  CHECK(value(snapshot, "idle in transaction", "Client", "ClientRead") == 1);
  CHECK(value(snapshot, "active", "CPU", "") == 0);
  CHECK(snapshot.samples.size() == 3);
  // And it is in the file.
  REQUIRE(sampler.history().commit());
  std::size_t stored = 0;
  REQUIRE(sampler.history().read_sessions({from_ms(0), from_ms(4'000'000'000'000)},
                                          [&](const auto& bucket) { stored += bucket.groups.size(); }));
  CHECK(stored >= 2);
  CHECK(sampler.lanes().sessions().size() == 1);
  cluster.exec("postgres", "SELECT pg_cancel_backend(" + std::to_string(sleeper.backend_pid()) + ")");
  CHECK_THROWS(sleeper.finish());
}

TEST_CASE("a role that may not see others says so and names the GRANT, and sees its own") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE ROLE stranger LOGIN");
  auto other = cluster.session(), own = cluster.session("postgres", "stranger");
  other.exec("BEGIN");
  own.exec("BEGIN");
  Sampler sampler(cluster, "stranger");
  REQUIRE(sampler.connect());
  sampler.sample();
  const auto snapshot = sampler.run();
  CHECK(snapshot.status == CollectStatus::permission);
  CHECK(snapshot.detail.find("GRANT pg_read_all_stats TO \"stranger\";") != std::string::npos);
  const auto report = sampler.report({kUser});
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.warnings[0].find("GRANT pg_read_all_stats") != std::string::npos);
  REQUIRE(report.rows.size() == 1);
  CHECK(report.rows[0].names == std::vector<std::string>{"stranger"});
  cluster.exec("postgres", "GRANT pg_read_all_stats TO stranger");
  // Rights are taken up by the session that is open.
  sampler.sample();
  CHECK(sampler.run().status == CollectStatus::ok);
  CHECK(any(sampler.report({kUser}).rows, {"postgres"}));
}

TEST_CASE("a server that is away is no sample, and says why nothing is known") {
  PgCluster cluster;
  Sampler sampler(cluster);
  CHECK(sampler.run().status == CollectStatus::unavailable);
  REQUIRE(sampler.connect());
  cluster.stop("immediate");
  sampler.sample();
  const auto snapshot = sampler.run();
  CHECK(snapshot.status == CollectStatus::unavailable);
  CHECK_FALSE(snapshot.detail.empty());
  CHECK(sampler.report({kWait}).samples == 0);
  CHECK(sampler.report({kWait}).warnings.size() == 1);
}
