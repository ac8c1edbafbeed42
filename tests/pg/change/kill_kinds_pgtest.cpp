#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

// What crash_pgtest.cpp does with an index, for the kinds that have no case of their own with their other tests.
using namespace pgtend;
using namespace pgtend::test;

namespace {

const std::string kRolesValue =
    "SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE r.rolname = 'killed' AND "
    "s.setconfig @> '{work_mem=8192kB}'";

struct KindCase {
  std::string name;
  std::function<ProposedChange()> plan;
  std::string shows;  // SQL, whose value is 1 when the change is there, and 0 before
  bool has_way_back = true, is_measured = true;
};

ProposedChange storage_plan() {
  ProposedChange plan;
  plan.action = ActionClass::table_setting;
  plan.kind = ChangeKind::setting;
  plan.database = "shop";
  plan.object = "public.orders";
  SettingChange detail;
  detail.name = "autovacuum_vacuum_scale_factor";
  detail.value = "0.02";
  detail.schema = "public";
  detail.table = "orders";
  plan.detail = detail;
  return plan;
}

std::vector<KindCase> kind_cases() {
  const std::string refreshed = "SELECT (sum(n) = 2001)::int FROM totals";
  return {
      {"system setting", [] { return system_setting_plan("work_mem", "7MB"); },
       "SELECT count(*) FROM pg_settings WHERE name = 'work_mem' AND reset_val = '7168'"},
      {"role setting", [] { return role_setting_plan("killed", "work_mem", "8192kB"); }, kRolesValue},
      {"table setting", storage_plan,
       "SELECT count(*) FROM pg_class WHERE relname = 'orders' AND reloptions @> "
       "'{autovacuum_vacuum_scale_factor=0.02}'",
       true, false},
      {"refresh", [] { return refresh_plan(false); }, refreshed, false, false},
      {"refresh concurrently", [] { return refresh_plan(true); }, refreshed, false, false},
      {"analyze", [] { return maintenance_plan(false); },
       "SELECT least(pg_stat_get_analyze_count('orders'::regclass), 1)", false, false},
      {"vacuum", [] { return maintenance_plan(true); }, "SELECT least(pg_stat_get_vacuum_count('orders'::regclass), 1)",
       false, false},
  };
}

void make_ready(PgCluster& cluster) {
  make_shop(cluster);
  cluster.exec("shop", "ALTER SYSTEM RESET work_mem");
  cluster.reload();
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE killed; EXCEPTION WHEN duplicate_object THEN END $$; ALTER ROLE killed RESET "
               "ALL; ALTER TABLE orders SET (autovacuum_enabled = off); INSERT INTO orders VALUES (0, 0, 'n')");
}

bool is_applied(const Change& change) {
  return is_final(change.state) || change.state == ChangeState::observing;
}

bool comes_to_show(PgCluster& cluster, const KindCase& kind, const std::string& value) {
  return eventually([&] { return cluster.exec("shop", kind.shows) == value; });
}

}  // namespace

TEST_CASE("an agent killed at any point of a setting, refresh, ANALYZE or VACUUM brings it to its right end") {
  auto& cluster = shared_cluster();
  const auto kind = GENERATE(from_range(kind_cases()));
  const std::string point =
      GENERATE("pre_validated", "applying.intent", "applying.step", "applying.executed", "post_validated", "last");
  CAPTURE(kind.name, point);
  make_ready(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  std::string id;
  {
    Rig rig(cluster, {.ledger_file = ledger});
    id = rig.approved(kind.plan()).id;
  }
  CHECK(cluster.exec("shop", kind.shows) == "0");
  run_agent_until(cluster, ledger, id, point != "last" ? point : kind.is_measured ? "observing" : "kept");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id, is_applied);
  CAPTURE(change.last_error);
  CHECK(change.state == (kind.is_measured ? ChangeState::observing : ChangeState::kept));
  CHECK(comes_to_show(cluster, kind, "1"));
  const auto audit = rig.ledger().audit_verify();
  REQUIRE(audit);
  CHECK(audit->ok);
}

TEST_CASE("an agent killed while it takes a setting back finishes that after the restart") {
  auto& cluster = shared_cluster();
  const auto kind = GENERATE(filter([](const KindCase& each) { return each.has_way_back; }, from_range(kind_cases())));
  const std::string point = GENERATE("reverting.intent", "reverting.step", "reverting.executed");
  CAPTURE(kind.name, point);
  make_ready(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  std::string id;
  {
    Rig rig(cluster, {.ledger_file = ledger});
    id = rig.approved(kind.plan()).id;
    rig.drive(id, is_applied);
    REQUIRE(comes_to_show(cluster, kind, "1"));
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  }
  run_agent_until(cluster, ledger, id, point);
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::reverted);
  CHECK(comes_to_show(cluster, kind, "0"));
}
