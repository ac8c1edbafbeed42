// The collector of a pooler against Debian's PgBouncer.
#include <algorithm>

#include "agent/engine/neighbour.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/run_io.hpp"

using namespace pgtend;
using namespace pgtend::test;
using engine::NeighbourAnswer;

namespace {

class Asker {
 public:
  explicit Asker(config::PgbouncerConfig config) : timeout_(config.timeout) {
    neighbour_ = engine::make_pgbouncer(config, world_.blocking(), clock_);
  }
  Result<NeighbourAnswer> ask() {
    auto answer = world_.run(neighbour_->ask(clock_.steady_now() + timeout_));
    if (!answer) neighbour_->hang_up();
    return answer;
  }

 private:
  IoWorld world_;
  SystemClock clock_;
  Millis timeout_;
  std::unique_ptr<engine::Neighbour> neighbour_;
};

config::PgbouncerConfig section(const PgBouncerProcess& bouncer) {
  config::PgbouncerConfig out;
  out.host = "127.0.0.1";
  out.port = bouncer.port();
  out.timeout = Millis(5'000);
  return out;
}

double value(const NeighbourAnswer& answer, const std::string& name, const std::string& database) {
  for (const auto& sample : answer.samples)
    if (sample.key->name == name &&
        (sample.key->labels.get("database") == database || sample.key->labels.get("name") == database))
      return sample.value;
  return -1;
}

std::uint64_t epoch_of(const NeighbourAnswer& answer) {
  for (const auto& sample : answer.samples)
    if (sample.kind == MetricKind::counter) return sample.epoch;
  return 0;
}

}  // namespace

TEST_CASE("the figures of a pooler are those of what clients did through it") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster, {"session", {{"default_pool_size", "1"}}});
  cluster.exec("postgres", "CREATE DATABASE shop");
  Asker asker(section(bouncer));
  auto holder = std::make_unique<PgSession>(bouncer.conninfo("shop"));
  for (int i = 0; i < 5; ++i) holder->exec("SELECT 1");
  const auto alone = asker.ask();
  REQUIRE(alone);
  CHECK(value(*alone, "pgbouncer_stats_queries_pooled_total", "shop") == 5);
  CHECK(value(*alone, "pgbouncer_stats_sql_transactions_pooled_total", "shop") == 5);
  CHECK(value(*alone, "pgbouncer_pools_client_waiting_connections", "shop") == 0);
  // The one server connection is taken: this one waits for it.
  PgSession late(bouncer.conninfo("shop"));
  late.send("SELECT 2");
  std::optional<NeighbourAnswer> seen;
  CHECK(eventually([&] {
    auto answer = asker.ask();
    REQUIRE(answer);
    seen = std::move(*answer);
    return value(*seen, "pgbouncer_pools_client_waiting_connections", "shop") == 1 &&
           value(*seen, "pgbouncer_pools_client_maxwait_seconds", "shop") > 0;
  }));
  CHECK(seen->version == "1.18.0");
  CHECK(seen->lost.empty());
  CHECK(value(*seen, "pgbouncer_pools_server_active_connections", "shop") == 1);
  CHECK(value(*seen, "pgbouncer_databases_pool_size", "shop") == 1);
  CHECK(value(*seen, "pgbouncer_databases_current_connections", "shop") == 1);
  CHECK(value(*seen, "pgbouncer_config_default_pool_size", "") == 1);
  holder.reset();
  late.finish();
  CHECK(eventually([&] {
    auto answer = asker.ask();
    return answer && value(*answer, "pgbouncer_stats_queries_pooled_total", "shop") == 6;
  }));
}

TEST_CASE("a pooler that is gone is unavailable, and one that is back answers in the same run, in a new epoch") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  Asker asker(section(bouncer));
  const auto before = asker.ask();
  REQUIRE(before);
  // An open session is used again.
  const auto same = asker.ask();
  REQUIRE(same);
  CHECK(epoch_of(*same) == epoch_of(*before));
  bouncer.stop();
  bouncer.start();
  // The session of before is lost, which alone is no failure.
  const auto after = asker.ask();
  REQUIRE(after);
  CHECK(epoch_of(*after) != epoch_of(*before));
  bouncer.stop();
  const auto gone = asker.ask();
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Errc::unavailable);
}

TEST_CASE("a wrong password and a user who may not look are told apart from a pooler that is away, with the cure") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster, {"transaction", {{"auth_type", "md5"}}});
  // Password "right" of pgtend_monitor and of app, who is in neither list.
  bouncer.set_users({{"pgtend_monitor", "right"}, {"app", "right"}});
  TempDir dir("pgtend-pass-");
  const auto with = [&](const std::string& user, const std::string& password) {
    write_file(dir.path() / "pass", "*:*:*:*:" + password + "\n");
    std::filesystem::permissions(dir.path() / "pass", std::filesystem::perms(0600));
    auto config = section(bouncer);
    config.user = user;
    config.passfile = (dir.path() / "pass").string();
    return Asker(config).ask();
  };
  CHECK(with("pgtend_monitor", "right"));
  const auto wrong = with("pgtend_monitor", "wrong");
  REQUIRE_FALSE(wrong);
  INFO(wrong.error().describe());
  CHECK(wrong.error().code == Errc::permission);
  CHECK(wrong.error().describe().find("wrong\"") == std::string::npos);
  const auto app = with("app", "right");
  REQUIRE_FALSE(app);
  CHECK(app.error().code == Errc::permission);
  CHECK(app.error().message.find("add app to stats_users in pgbouncer.ini") != std::string::npos);
}

TEST_CASE("a pooler that stands still is late within the deadline") {
  PgCluster cluster;
  PgBouncerProcess bouncer(cluster);
  auto config = section(bouncer);
  config.timeout = Millis(500);
  Asker asker(config);
  REQUIRE(asker.ask());
  bouncer.process().signal(SIGSTOP);
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = asker.ask();
  const auto took = std::chrono::steady_clock::now() - begun;
  bouncer.process().signal(SIGCONT);
  REQUIRE_FALSE(answer);
  CHECK((answer.error().code == Errc::timeout || answer.error().code == Errc::unavailable));
  // The deadline, and what a cancellation may take.
  CHECK(took < std::chrono::seconds(8));
  CHECK(eventually([&] { return asker.ask().has_value(); }));
}
