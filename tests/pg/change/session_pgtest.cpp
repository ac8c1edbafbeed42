#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

ProposedChange session_plan(int pid, bool terminate) {
  ProposedChange plan;
  plan.action = terminate ? ActionClass::terminate_session : ActionClass::cancel_session;
  plan.kind = ChangeKind::session;
  plan.database = "shop";
  SessionChange detail;
  detail.pid = pid;
  detail.terminate = terminate;
  plan.detail = detail;
  return plan;
}

void make_app(PgCluster& cluster) {
  make_shop(cluster);
  cluster.exec("shop", "DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN END $$");
}

bool is_there(PgCluster& cluster, int pid) {
  return cluster.exec("shop", "SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(pid)) == "1";
}

std::string refusal(Rig& rig, const ProposedChange& plan) {
  const auto answer = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
  REQUIRE_FALSE(answer);
  return answer.error().message;
}

}  // namespace

TEST_CASE("a session is terminated with the roles of roles.sql, after a person's approval, and it is in the audit") {
  PgCluster cluster;
  make_app(cluster);
  cluster.exec("shop", "CREATE ROLE app_owner LOGIN");
  cluster.psql_file("shop", std::filesystem::path(source_dir()) / "packaging/sql/roles.sql", {{"owner", "app_owner"}});
  TempDir dir("pgtend-change");
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.operator_.parameters = cluster.parameters("shop", "pgtend_operator");
  Rig rig(cluster, options);
  auto victim = cluster.session("shop", "app");
  auto bystander = cluster.session("shop", "app");
  victim.exec("BEGIN; SELECT 1");
  const auto proposed = rig.run(rig.pipeline().submit_plan(session_plan(victim.backend_pid(), true), "person:ann"));
  REQUIRE(proposed);
  CHECK(proposed->state == ChangeState::proposed);
  CHECK(proposed->plan.run_as_role == "pgtend_signal");
  CHECK_THAT(proposed->plan.sql_up.front(), ContainsSubstring("backend_start = '"));
  const auto change = rig.drive(rig.approved(*proposed).id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK_FALSE(is_there(cluster, victim.backend_pid()));
  CHECK(is_there(cluster, bystander.backend_pid()));
  const auto undone = rig.run(rig.pipeline().undo(change.id, "person:ann"));
  REQUIRE_FALSE(undone);
  CHECK(undone.error().code == Errc::unsupported);
  int approvals = 0, results = 0;
  for (const auto& entry : rig.audit()) {
    if (entry.action == "change.approve" && entry.actor == "person:bob") ++approvals;
    if (entry.action == "change.apply.result" && entry.result == "ok") ++results;
  }
  CHECK(approvals == 1);
  CHECK(results == 1);
}

TEST_CASE("a statement is cancelled and its session stays, and another statement of it is not hit") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto victim = cluster.session("shop", "app");
  victim.send("SELECT pg_sleep(600)");
  const auto state =
      "SELECT state || ' ' || query FROM pg_stat_activity WHERE pid = " + std::to_string(victim.backend_pid());
  REQUIRE(eventually([&] { return cluster.exec("shop", state) == "active SELECT pg_sleep(600)"; }));
  const auto first = rig.approved(session_plan(victim.backend_pid(), false)).id;
  const auto change = rig.drive(first);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(is_there(cluster, victim.backend_pid()));
  CHECK(cluster.exec("shop", state) == "idle SELECT pg_sleep(600)");
  CHECK_THROWS(victim.finish());
  victim.send("SELECT pg_sleep(601)");
  REQUIRE(eventually([&] { return cluster.exec("shop", state) == "active SELECT pg_sleep(601)"; }));
  const auto second = rig.approved(session_plan(victim.backend_pid(), false)).id;
  cluster.exec("shop", "SELECT pg_cancel_backend(" + std::to_string(victim.backend_pid()) + ")");
  CHECK_THROWS(victim.finish());
  victim.send("SELECT pg_sleep(602)");
  REQUIRE(eventually([&] { return cluster.exec("shop", state) == "active SELECT pg_sleep(602)"; }));
  const auto stale = rig.drive(second);
  CHECK(stale.state == ChangeState::failed);
  CHECK_THAT(stale.last_error, ContainsSubstring("not what it was"));
  CHECK(cluster.exec("shop", state) == "active SELECT pg_sleep(602)");
}

TEST_CASE("a session that has the pid of the one that was meant is not hit") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto other = cluster.session("shop", "app");
  auto plan = session_plan(other.backend_pid(), true);
  std::get<SessionChange>(plan.detail).started = "2020-01-01 00:00:00.000000+00";
  CHECK_THAT(refusal(rig, plan), ContainsSubstring("not the one that is meant"));
  // The statement itself holds to it too.
  plan.sql_up = {"SELECT pg_terminate_backend(" + std::to_string(other.backend_pid()) + ")"};
  CHECK_THAT(refusal(rig, plan), ContainsSubstring("not what the plan describes"));
  const auto gone = rig.approved(session_plan(other.backend_pid(), true));
  cluster.exec("shop", gone.plan.sql_up.front());
  REQUIRE(eventually([&] { return !is_there(cluster, other.backend_pid()); }));
  const auto late = rig.drive(gone.id);
  CHECK(late.state == ChangeState::failed);
  CHECK(late.attempt == 0);
}

TEST_CASE("pgtend's own sessions are never signalled, a superuser's and a standby's only when the plan says so") {
  PgCluster cluster;
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto own = cluster.session("shop", "app");
  own.exec("SET application_name = 'pgtend/sample'");
  CHECK_THAT(refusal(rig, session_plan(own.backend_pid(), true)), ContainsSubstring("pgtend's own"));
  auto super = cluster.session("shop");
  auto plan = session_plan(super.backend_pid(), true);
  CHECK_THAT(refusal(rig, plan), ContainsSubstring("of_superuser"));
  std::get<SessionChange>(plan.detail).of_superuser = true;
  CHECK(rig.drive(rig.approved(plan).id).state == ChangeState::kept);
  CHECK_FALSE(is_there(cluster, super.backend_pid()));
  const auto process = cluster.exec("shop", "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'");
  CHECK_THAT(refusal(rig, session_plan(std::stoi(process), true)), ContainsSubstring("checkpointer"));
  const auto standby = cluster.make_standby();
  const auto sender = "SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE backend_type = 'walsender'";
  REQUIRE(eventually([&] { return cluster.exec("shop", sender) != "0"; }));
  CHECK_THAT(refusal(rig, session_plan(std::stoi(cluster.exec("shop", sender)), true)),
             ContainsSubstring("of_replication"));
}

TEST_CASE("without the right to signal, the GRANT is named and nothing is sent") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE tender LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$;"
               "GRANT pg_monitor TO tender; REVOKE pg_signal_backend FROM tender; DROP ROLE IF EXISTS pgtend_signal");
  TempDir dir("pgtend-change");
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.operator_.parameters = cluster.parameters("shop", "tender");
  Rig rig(cluster, options);
  auto victim = cluster.session("shop", "app");
  const auto change = rig.drive(rig.approved(session_plan(victim.backend_pid(), true)).id);
  CHECK(change.state == ChangeState::failed);
  CHECK(change.attempt == 0);
  CHECK_THAT(change.last_error, ContainsSubstring("GRANT pg_signal_backend TO \"tender\""));
  CHECK_THAT(change.last_error, ContainsSubstring("GRANT pg_read_all_stats TO \"tender\""));
  CHECK(is_there(cluster, victim.backend_pid()));
}

TEST_CASE("a session in the way of another change is ended while that one waits for it") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  cluster.exec("shop", "GRANT ALL ON orders TO app");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .wait_budget = Millis(25'000)});
  auto victim = cluster.session("shop", "app");
  victim.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  const auto build = rig.approved(index_plan()).id;
  const auto signal = rig.approved(session_plan(victim.backend_pid(), true)).id;
  const auto built =
      rig.drive(build, [](const Change& now) { return is_final(now.state) || now.state == ChangeState::observing; });
  CAPTURE(built.last_error);
  CHECK(built.state == ChangeState::observing);
  CHECK(built.attempt == 1);
  CHECK_FALSE(is_there(cluster, victim.backend_pid()));
  CHECK(rig.get(signal).state == ChangeState::kept);
  CHECK(index_comment(cluster, "orders_customer_idx") == "pgtend:" + build);
}

TEST_CASE("no rule lets a session be ended without a person") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  rig.policy().defaults[ActionClass::terminate_session] = PolicyMode::automatic;
  auto victim = cluster.session("shop", "app");
  const auto proposed = rig.run(rig.pipeline().submit_plan(session_plan(victim.backend_pid(), true), "person:ann"));
  REQUIRE(proposed);
  CHECK(proposed->state == ChangeState::proposed);
  const auto still = rig.drive(proposed->id, [](const Change&) { return true; });
  CHECK(still.state == ChangeState::proposed);
  CHECK(is_there(cluster, victim.backend_pid()));
}
