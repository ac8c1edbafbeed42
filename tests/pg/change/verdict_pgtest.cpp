#include "agent/change/verify/evidence_text.hpp"
#include "agent/store/proof_rows.hpp"
#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

Recommendation recommended(double before, double after) {
  Recommendation out;
  out.id = "r1";
  out.advisor = "missing_index";
  out.change = index_plan();
  out.effect.metric = "buffers per call";
  out.effect.before = before;
  out.effect.after = after;
  return out;
}

// A server with a standby that replays nothing once it is told so; its lag grows with what is written.
struct Replicated {
  Replicated() : standby(cluster.make_standby()) { make_shop(cluster); }
  void pause() { standby->exec("postgres", "SELECT pg_wal_replay_pause()"); }
  void resume() { standby->exec("postgres", "SELECT pg_wal_replay_resume()"); }
  void write() { cluster.exec("shop", "INSERT INTO items VALUES (1, 1)"); }
  double lag() {
    write();
    const auto seconds =
        cluster.exec("shop", "SELECT coalesce(extract(epoch FROM replay_lag), 0) FROM pg_stat_replication");
    return seconds.empty() ? 0 : std::stod(seconds);
  }

  PgCluster cluster;
  std::unique_ptr<PgCluster> standby;
};

const Decision kAutomatic{DecisionKind::automatic, "action_class create_index", "auto", std::nullopt};

}  // namespace

TEST_CASE("a verdict leaves what it was made of in the ledger, and that gives the same verdict again") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto change = rig.drive(rig.approved(index_plan()).id);
  REQUIRE(change.state == ChangeState::kept);
  REQUIRE(change.verdict);
  const auto rows = rig.ledger().proof_rows(change.id);
  REQUIRE(rows);
  CHECK_THAT(change.evidence_after, ContainsSubstring(store::sha256_of(rows->evidence)));
  const auto evidence = change::parse_evidence(rows->evidence);
  REQUIRE(evidence);
  const auto again = change::judge(*evidence);
  CHECK(again.kind == change.verdict->kind);
  CHECK(again.effect == change.verdict->effect);
  CHECK(again.explanation == change.verdict->explanation);
  CHECK(rows->audit.front().entry.action == "change.propose");
  CHECK(rows->audit.back().row_digest == store::digest_of(rows->change));
}

TEST_CASE("an automatic index asks for approval until its class has earned a record") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.policy().defaults[ActionClass::create_index] = PolicyMode::automatic;
  const auto entered = rig.run(rig.pipeline().submit(recommended(100, 20), kAutomatic));
  REQUIRE(entered);
  const auto asks = rig.drive(entered->id, [](const Change& now) { return now.state != ChangeState::approved; });
  CHECK(asks.state == ChangeState::proposed);
  CHECK(asks.decision.limit == "track record");
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  // A person approves it; its verdict is the first of the record, and the policy asks for one.
  const auto kept = rig.drive(rig.approved(asks).id);
  REQUIRE(kept.state == ChangeState::kept);
  const auto past = rig.ledger().policy_past(UtcTime{});
  REQUIRE(past);
  const auto& record = past->records.at(ActionClass::create_index);
  CHECK(record.verdicts == 1);
  CHECK(record.right == 1);
  // Buffers fell by four fifths, as was promised.
  REQUIRE(record.median_error);
  CHECK(*record.median_error < 0.1);
  rig.policy().trust = {1, 0.3};
  auto second = recommended(100, 20);
  second.id = "r2";
  second.change = index_plan("items_order_idx", "order_id", "items");
  const auto trusted = rig.run(rig.pipeline().submit(second, kAutomatic));
  REQUIRE(trusted);
  const auto runs = rig.drive(trusted->id, [](const Change& now) { return now.applied_at || is_final(now.state); });
  CHECK(runs.applied_at);
}

TEST_CASE("a change is taken back at once when the server gets into trouble after it") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().verify.trip_lock_waiters = 0;
  rig.options().verify.after = Millis(60'000);
  const auto id = rig.approved(index_plan()).id;
  const auto observing = rig.drive(id, [](const Change& now) { return now.state == ChangeState::observing; });
  REQUIRE(observing.state == ChangeState::observing);
  CHECK_THAT(observing.evidence_before, ContainsSubstring("\"lock_waiters\":0"));
  auto holder = cluster.session("shop");
  holder.exec("BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE");
  auto waiter = cluster.session("shop");
  waiter.send("SELECT count(*) FROM items");
  const auto change = rig.drive(id);
  holder.exec("COMMIT");
  waiter.finish();
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::reverted);
  REQUIRE(change.verdict);
  CHECK(change.verdict->kind == VerdictKind::regressed);
  CHECK(change.verdict->test == "hard trip");
  CHECK_THAT(change.verdict->explanation, ContainsSubstring("1 sessions wait for locks, and 0 did before"));
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
}

TEST_CASE("a standby further behind than the ceiling holds back what runs by itself") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.policy().defaults[ActionClass::refresh_matview] = PolicyMode::automatic;
  rig.policy().default_budget.replica_lag = Millis(5'000);
  auto recommendation = recommended(1, 1);
  recommendation.change = refresh_plan(true);
  const auto entered = rig.run(rig.pipeline().submit(recommendation, kAutomatic));
  REQUIRE(entered);
  // There is no standby: the ceiling is asked for and lets it pass.
  CHECK(rig.drive(entered->id).state == ChangeState::kept);
}

TEST_CASE("what runs by itself waits while a real standby is further behind than the ceiling") {
  Replicated servers;
  TempDir dir("pgtend-change");
  Rig rig(servers.cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.policy().defaults[ActionClass::refresh_matview] = PolicyMode::automatic;
  rig.policy().default_budget.replica_lag = Millis(1'000);
  auto recommendation = recommended(1, 1);
  recommendation.change = refresh_plan(true);
  const auto entered = rig.run(rig.pipeline().submit(recommendation, kAutomatic));
  REQUIRE(entered);
  servers.pause();
  REQUIRE(eventually([&] { return servers.lag() > 2; }));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  const auto waits = rig.drive(entered->id, [&](const Change& now) {
    servers.write();
    return is_final(now.state) || std::chrono::steady_clock::now() > until;
  });
  CHECK(waits.state == ChangeState::approved);
  const auto why = rig.run(rig.pipeline().waits_for(rig.get(entered->id)));
  CHECK_THAT(why, ContainsSubstring("the ceiling is 1s"));
  servers.resume();
  REQUIRE(eventually([&] { return servers.lag() < 0.5; }));
  // Asked again after a minute.
  rig.clock().move(Millis(61'000));
  CHECK(rig.drive(entered->id).state == ChangeState::kept);
}

TEST_CASE("a change is taken back when a real standby falls behind after it") {
  Replicated servers;
  TempDir dir("pgtend-change");
  Rig rig(servers.cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.options().verify.trip_replica_lag = Millis(1'500);
  rig.options().verify.after = Millis(60'000);
  const auto id = rig.approved(index_plan()).id;
  const auto observing = rig.drive(id, [](const Change& now) { return now.state == ChangeState::observing; });
  REQUIRE(observing.state == ChangeState::observing);
  servers.pause();
  const auto change = rig.drive(id, [&](const Change& now) {
    servers.write();
    return now.verdict && now.verdict->test == "hard trip";
  });
  REQUIRE(change.verdict);
  CHECK_THAT(change.verdict->explanation, ContainsSubstring("the server is in trouble: a standby is "));
  servers.resume();
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(index_comment(servers.cluster, "orders_customer_idx").empty());
}
