// The history of active sessions against a real server.
#include "agent/engine/active_sessions.hpp"
#include "agent/engine/wiring.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

config::Config configured(const PgCluster& cluster, const std::string& user, const std::string& history) {
  config::Config out;
  out.postgresql.host = cluster.socket_dir();
  out.postgresql.port = cluster.port();
  out.postgresql.user = user;
  out.history.path = history;
  return out;
}

// What the engine gives the sampler, with real lanes and a real file.
class Sampler {
 public:
  explicit Sampler(const PgCluster& cluster, const std::string& user = "postgres")
      : config_(
            std::make_shared<const config::Config>(configured(cluster, user, (dir_.path() / "history.db").string()))),
        lanes_(world_.io(), world_.blocking(), engine::lane_options(config_->postgresql), clock_, 1),
        history_(*store::HistoryFile::open(
            engine::history_options(config_->history), [](const std::function<void()>& job) { job(); }, clock_)),
        board_(api::BoardOptions{"test"}),
        parts_{clock_, world_.io(), world_.blocking(), world_.blocking(), config_, lanes_, *history_, nullptr, "",
               board_, {}},
        cost_({1, 1LL << 40}),
        sessions_(parts_, cost_) {
    sessions_.enable(true);
  }
  ~Sampler() { world_.run(lanes_.close()); }

  // What the probe does first.
  bool connect() {
    return world_.run(lanes_.query(pg::Lane::probe, "", "identity", "SELECT 1", {}, Millis(5'000))).has_value();
  }
  void sample() { world_.run(sessions_.sample()); }
  Snapshot run() {
    Snapshot out;
    sessions_.run(out);
    return out;
  }
  store::SessionReport report(std::vector<store::SessionTrait> by) {
    store::SessionQuestion question;
    question.range = {clock_.now() - Millis(600'000), clock_.now() + Millis(60'000)};
    question.by = std::move(by);
    auto answer = world_.run(sessions_.report(question));
    REQUIRE(answer);
    return *answer;
  }
  // The groups of one sample.
  std::vector<store::SessionShare> look(std::vector<store::SessionTrait> by) {
    sample();
    run();
    return report(std::move(by)).rows;
  }
  pg::Lanes& lanes() { return lanes_; }
  store::HistoryFile& history() { return *history_; }

 private:
  TempDir dir_{"pgtend-ash"};
  SystemClock clock_;
  IoWorld world_;
  std::shared_ptr<const config::Config> config_;
  pg::Lanes lanes_;
  std::unique_ptr<store::HistoryFile> history_;
  api::MetricsBoard board_;
  engine::Parts parts_;
  engine::CostAccount cost_;
  engine::ActiveSessions sessions_;
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
