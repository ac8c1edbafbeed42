#include "agent/change/kinds/statement_text.hpp"

#include "agent/change/kinds/registry.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::change;

namespace {

ProposedChange index_plan(const std::string& up, const std::string& down = "") {
  ProposedChange plan;
  plan.kind = ChangeKind::index;
  plan.action = ActionClass::create_index;
  plan.object = "public.items";
  IndexChange d;
  d.schema = "public";
  d.table = "items";
  d.index = "items_a_idx";
  plan.detail = d;
  plan.sql_up = {up};
  if (!down.empty()) plan.sql_down = {down};
  return plan;
}

ProposedChange maintenance_plan(const std::string& up, bool vacuum) {
  ProposedChange plan;
  plan.kind = ChangeKind::maintenance;
  plan.action = vacuum ? ActionClass::vacuum : ActionClass::analyze;
  plan.detail = MaintenanceChange{"public", "items", vacuum, !vacuum};
  plan.sql_up = {up};
  return plan;
}

ProposedChange setting_plan(const std::string& up, const std::string& down = "") {
  ProposedChange plan;
  plan.kind = ChangeKind::setting;
  plan.action = ActionClass::system_setting;
  SettingChange d;
  d.name = "work_mem";
  d.value = "8MB";
  plan.detail = d;
  plan.sql_up = {up};
  if (!down.empty()) plan.sql_down = {down};
  return plan;
}

bool fits(const ProposedChange& plan) {
  return kind_of(plan).validate(plan).has_value();
}

}  // namespace

TEST_CASE("statements are equal by what they say, not by how they are written") {
  CHECK(same_statement("ALTER SYSTEM SET work_mem = '8MB'", "alter  system set \"work_mem\" TO '8MB';"));
  CHECK_FALSE(same_statement("ALTER SYSTEM SET work_mem = '8MB'", "ALTER SYSTEM SET work_mem = '9MB'"));
  CHECK_FALSE(same_statement("ALTER SYSTEM SET DateStyle = 'to'", "ALTER SYSTEM SET DateStyle TO '='"));
  CHECK(same_statement("ANALYZE \"a\"\"b\".\"C\"", "analyze \"a\"\"b\".\"C\" "));
  CHECK_FALSE(same_statement("ANALYZE public.\"C\"", "ANALYZE public.C"));
}

TEST_CASE("what could be taken for something else is no statement") {
  for (const auto* sql : {"ANALYZE a; DROP TABLE b", "ANALYZE a -- x", "ANALYZE /* x */ a", "ANALYZE \"a",
                          "SELECT E'\\''", "SELECT 'a\\'", "SELECT U&'a'", "DO $$x$$", "SELECT b'1'"}) {
    CAPTURE(sql);
    CHECK_FALSE(parts_of(sql));
    CHECK_FALSE(same_statement(sql, sql));
  }
}

TEST_CASE("an index plan builds the index that it names, on the table that it names") {
  CHECK(fits(index_plan("CREATE INDEX CONCURRENTLY items_a_idx ON public.items (a)")));
  CHECK(fits(index_plan(R"(CREATE UNIQUE INDEX CONCURRENTLY "items_a_idx" ON "public"."items" USING btree ("a"))",
                        R"(DROP INDEX CONCURRENTLY "public"."items_a_idx")")));
  for (const auto* sql :
       {"CREATE INDEX CONCURRENTLY items_a_idx ON public.other (items)", "CREATE INDEX items_a_idx ON public.items (a)",
        "CREATE INDEX CONCURRENTLY other ON public.items (items_a_idx)",
        "CREATE INDEX CONCURRENTLY ON public.items (a)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS items_a_idx ON public.items (a)",
        "CREATE INDEX CONCURRENTLY items_a_idx ON items (a)",
        "CREATE INDEX CONCURRENTLY items_a_idx ON public.items (a); DROP TABLE public.items"}) {
    CAPTURE(sql);
    CHECK_FALSE(fits(index_plan(sql)));
  }
  const std::string up = "CREATE INDEX CONCURRENTLY items_a_idx ON public.items (a)";
  for (const auto* sql :
       {"DROP INDEX CONCURRENTLY public.other", "DROP INDEX CONCURRENTLY public.items_a_idx CASCADE",
        "DROP INDEX CONCURRENTLY public.items_a_idx, public.other", "DROP TABLE public.items_a_idx"}) {
    CAPTURE(sql);
    CHECK_FALSE(fits(index_plan(up, sql)));
  }
}

TEST_CASE("a reindex plan rebuilds the one index that it names, concurrently") {
  const auto reindex = [](const std::string& sql) {
    auto plan = index_plan(sql);
    plan.action = ActionClass::reindex;
    return plan;
  };
  auto plan = reindex("REINDEX INDEX CONCURRENTLY public.items_a_idx");
  CHECK(fits(plan));
  for (const auto* sql : {"REINDEX INDEX public.items_a_idx", "REINDEX INDEX CONCURRENTLY public.other",
                          "REINDEX TABLE CONCURRENTLY public.items", "REINDEX INDEX CONCURRENTLY items_a_idx",
                          "REINDEX INDEX CONCURRENTLY public.items_a_idx; DROP TABLE public.items",
                          "CREATE INDEX CONCURRENTLY items_a_idx ON public.items (a)"}) {
    CAPTURE(sql);
    CHECK_FALSE(fits(reindex(sql)));
  }
  plan.sql_down = {"DROP INDEX CONCURRENTLY public.items_a_idx"};
  CHECK_FALSE(fits(plan));
  plan.sql_down.clear();
  plan.kind = ChangeKind::maintenance;
  CHECK_FALSE(fits(plan));
}

TEST_CASE("the action is one of its kind and says what the detail says") {
  auto plan = index_plan("CREATE INDEX CONCURRENTLY items_a_idx ON public.items (a)");
  plan.action = ActionClass::analyze;
  CHECK_FALSE(fits(plan));
  plan.action = ActionClass::drop_index;
  CHECK_FALSE(fits(plan));
  plan = maintenance_plan("VACUUM public.items", true);
  plan.action = ActionClass::analyze;
  CHECK_FALSE(fits(plan));
}

TEST_CASE("maintenance is of the one table that the plan names") {
  CHECK(fits(maintenance_plan("VACUUM public.items", true)));
  CHECK(fits(maintenance_plan("VACUUM (FREEZE, PARALLEL 2) public.items", true)));
  CHECK(fits(maintenance_plan("ANALYZE \"public\".\"items\"", false)));
  for (const auto* sql :
       {"VACUUM (ANALYZE) public.items, public.other", "VACUUM public.other", "VACUUM (FULL) public.items",
        "VACUUM FULL public.items", "VACUUM", "VACUUM (FREEZE) \"items public.items\""}) {
    CAPTURE(sql);
    CHECK_FALSE(fits(maintenance_plan(sql, true)));
  }
  CHECK_FALSE(fits(maintenance_plan("ANALYZE public.items (a), public.other", false)));
  CHECK_FALSE(fits(maintenance_plan("ANALYZE", false)));
}

TEST_CASE("a setting plan sets what it names to what it names, each way") {
  CHECK(fits(setting_plan("ALTER SYSTEM SET work_mem = '8MB'", "ALTER SYSTEM RESET work_mem")));
  for (const auto* sql : {"ALTER SYSTEM SET random_page_cost = '8MB work_mem'", "ALTER SYSTEM SET work_mem = '88MB'",
                          "ALTER SYSTEM RESET ALL", "ALTER ROLE work_mem SET fsync = '8MB'"}) {
    CAPTURE(sql);
    CHECK_FALSE(fits(setting_plan(sql)));
  }
  CHECK_FALSE(fits(setting_plan("ALTER SYSTEM SET work_mem = '8MB'", "ALTER SYSTEM RESET ALL")));
  CHECK_FALSE(fits(setting_plan("ALTER SYSTEM SET work_mem = '8MB'", "ALTER SYSTEM SET work_mem = '1GB'")));
}
