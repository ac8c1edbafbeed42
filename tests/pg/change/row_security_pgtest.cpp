#include "agent/policy/policy.hpp"
#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

const std::string kCreate = "CREATE POLICY own_rows ON public.orders AS RESTRICTIVE FOR SELECT TO app USING (id < 10)";

ProposedChange policy_plan(const std::string& sql, const std::string& policy = "own_rows") {
  ProposedChange plan;
  plan.action = ActionClass::row_security;
  plan.kind = ChangeKind::row_security;
  plan.database = "shop";
  plan.sql_up = {sql};
  plan.detail = RowSecurityChange{"public", "orders", policy};
  return plan;
}

void make_app(PgCluster& cluster) {
  make_shop(cluster);
  cluster.exec("shop", "DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN END $$");
}

std::string policies(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT coalesce(string_agg(concat_ws(' ', policyname, permissive, roles::text, cmd, qual, "
                      "with_check), '; '), '') FROM pg_policies WHERE tablename = 'orders'");
}

std::string flags(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT relrowsecurity::text || ' ' || relforcerowsecurity FROM pg_class WHERE relname = "
                      "'orders'");
}

}  // namespace

TEST_CASE("a policy is created and its undo drops it") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(policy_plan(kCreate)).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(policies(cluster) == "own_rows RESTRICTIVE {app} SELECT (id < 10)");
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(policies(cluster).empty());
}

TEST_CASE("a created policy that somebody changed or made anew since is not dropped by the undo") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(policy_plan(kCreate)).id;
  REQUIRE(rig.drive(id).state == ChangeState::kept);
  const auto* by_hand = GENERATE("ALTER POLICY own_rows ON orders USING (id < 11)",
                                 "DROP POLICY own_rows ON orders; CREATE POLICY own_rows ON orders");
  cluster.exec("shop", by_hand);
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  const auto change = rig.drive(id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("somebody changed it"));
  CHECK_FALSE(policies(cluster).empty());
}

TEST_CASE("a dropped policy comes back as it was") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  const auto* made = GENERATE(
      "CREATE POLICY own_rows ON orders FOR ALL TO app, PUBLIC USING (id < 5 AND note = 'it''s') "
      "WITH CHECK (id > 1)",
      "CREATE POLICY own_rows ON orders AS RESTRICTIVE FOR INSERT WITH CHECK (note <> '')");
  cluster.exec("shop", made);
  const auto before = policies(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(policy_plan("DROP POLICY own_rows ON public.orders")).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(policies(cluster).empty());
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  CHECK(rig.drive(id).state == ChangeState::reverted);
  CHECK(policies(cluster) == before);
}

TEST_CASE("a policy is altered, and its undo gives it its roles, conditions and comment of before") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_app(cluster);
  cluster.exec("shop",
               "CREATE POLICY own_rows ON orders FOR ALL TO app USING (id < 5 AND note = 'it''s') WITH CHECK (id > 1);"
               "COMMENT ON POLICY own_rows ON orders IS 'by hand'");
  const auto before = policies(cluster);
  const auto comment = [&] {
    return cluster.exec("shop", "SELECT coalesce(obj_description(oid, 'pg_policy'), '') FROM pg_policy");
  };
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto proposed = rig.run(rig.pipeline().submit_plan(
      policy_plan("ALTER POLICY own_rows ON public.orders TO PUBLIC USING (id < 7)"), "person:ann"));
  REQUIRE(proposed);
  const auto id = rig.approved(*proposed).id;
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(policies(cluster) == "own_rows PERMISSIVE {public} ALL (id < 7) (id > 1)");
  CHECK_THAT(comment(), ContainsSubstring("by hand pgtend:" + id + " "));
  SECTION("as it was made") {
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    const auto undone = rig.drive(id);
    CAPTURE(undone.last_error);
    CHECK(undone.state == ChangeState::reverted);
    CHECK(policies(cluster) == before);
    CHECK(comment() == "by hand");
  }
  SECTION("changed by somebody since") {
    cluster.exec("shop", "ALTER POLICY own_rows ON orders USING (id < 8)");
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    const auto undone = rig.drive(id);
    CHECK(undone.state == ChangeState::failed);
    CHECK_THAT(undone.last_error, ContainsSubstring("somebody changed it"));
    CHECK(policies(cluster) == "own_rows PERMISSIVE {public} ALL (id < 8) (id > 1)");
  }
}

TEST_CASE("an ALTER POLICY that could not be set back is refused with the reason") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  cluster.exec("shop", "CREATE POLICY own_rows ON orders FOR ALL USING (id < 5)");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto refusal = [&](const std::string& sql, const std::string& policy = "own_rows") {
    const auto answer = rig.run(rig.pipeline().submit_plan(policy_plan(sql, policy), "person:ann"));
    REQUIRE_FALSE(answer);
    return answer.error().message;
  };
  CHECK_THAT(refusal("ALTER POLICY own_rows ON public.orders WITH CHECK (id > 1)"),
             ContainsSubstring("has no WITH CHECK now"));
  CHECK_THAT(refusal("ALTER POLICY own_rows ON public.orders RENAME TO other"),
             ContainsSubstring("not what the plan describes"));
  CHECK_THAT(refusal("ALTER POLICY none ON public.orders USING (true)", "none"),
             ContainsSubstring("there is no policy"));
  CHECK(policies(cluster) == "own_rows PERMISSIVE {public} ALL (id < 5)");
}

TEST_CASE("row-level security is enabled and forced, and each is set back") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  struct Case {
    const char *word, *after, *before;
  };
  const Case cases[] = {{"ENABLE", "true false", "false false"}, {"FORCE", "false true", "false false"}};
  for (const auto& one : cases) {
    INFO(one.word);
    const auto plan = policy_plan("ALTER TABLE public.orders " + std::string(one.word) + " ROW LEVEL SECURITY", "");
    const auto id = rig.approved(plan).id;
    REQUIRE(rig.drive(id).state == ChangeState::kept);
    CHECK(flags(cluster) == one.after);
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
    CHECK(rig.drive(id).state == ChangeState::reverted);
    CHECK(flags(cluster) == one.before);
  }
  // What is so already is not a change.
  const auto again =
      rig.drive(rig.approved(policy_plan("ALTER TABLE public.orders DISABLE ROW LEVEL SECURITY", "")).id);
  CHECK(again.state == ChangeState::failed);
  CHECK_THAT(again.last_error, ContainsSubstring("so already"));
}

TEST_CASE("a statement that is not the named policy's is refused, and none runs without a person") {
  auto& cluster = shared_cluster();
  make_app(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  for (const auto* bad :
       {"CREATE POLICY own_rows ON public.items USING (true)", "CREATE POLICY other ON public.orders USING (true)",
        "ALTER POLICY own_rows ON public.items USING (true)", "ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY",
        "DROP POLICY own_rows ON public.orders; DROP TABLE orders"})
    CHECK_FALSE(rig.run(rig.pipeline().submit_plan(policy_plan(bad), "person:ann")));
  Recommendation advice;
  advice.advisor = "somebody";
  advice.change = policy_plan(kCreate);
  advice.change.object = "public.orders";
  advice.change.sql_down = {"DROP POLICY own_rows ON public.orders"};
  PolicyConfig lets;
  lets.defaults[ActionClass::row_security] = PolicyMode::automatic;
  PolicyPast past;
  const auto decision = policy::decide(advice.change, Risk::low, lets, past, UtcTime{});
  CHECK(decision.kind == DecisionKind::needs_approval);
  CHECK(decision.limit == "approval only");
}
