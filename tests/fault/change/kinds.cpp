#include "tests/fault/change/kinds.hpp"

#include <regex>

namespace pgtend::test {
namespace {

using Detail = ChangeDetail;

ProposedChange plan_of(ActionClass action, ChangeKind kind, Detail detail) {
  ProposedChange plan;
  plan.action = action;
  plan.kind = kind;
  plan.database = "shop";
  plan.detail = std::move(detail);
  return plan;
}

std::function<std::string(Scene&)> sql_of(std::string query) {
  return [query = std::move(query)](Scene& scene) { return scene.sql(query); };
}

std::function<void(Scene&)> with(std::string statements) {
  return [statements = std::move(statements)](Scene& scene) { scene.cluster.exec("shop", statements); };
}

void nothing(Scene&) {}

constexpr const char* kEvents =
    "CREATE TABLE events (id int PRIMARY KEY, kind int DEFAULT 3) PARTITION BY RANGE (id);"
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (1000);"
    "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM (1000) TO (2000);"
    "INSERT INTO events SELECT g, g % 10 FROM generate_series(0, 1999) g; ANALYZE events;"
    "COMMENT ON TABLE events_1 IS 'the first';";

ProposedChange drop_index_plan(Scene&) {
  auto plan = index_plan("orders_note", "note");
  std::swap(plan.sql_up, plan.sql_down);
  plan.action = ActionClass::drop_index;
  std::get<IndexChange>(plan.detail).is_drop = true;
  return plan;
}

ProposedChange reindex_plan(Scene&) {
  auto plan = index_plan("orders_note", "note");
  plan.action = ActionClass::reindex;
  plan.sql_up = {R"(REINDEX INDEX CONCURRENTLY "public"."orders_note")"};
  plan.sql_down.clear();
  return plan;
}

SettingChange setting(const std::string& name, const std::string& value) {
  SettingChange out;
  out.name = name;
  out.value = value;
  return out;
}

ProposedChange database_plan(Scene&) {
  auto detail = setting("random_page_cost", "1.1");
  detail.database = "shop";
  return plan_of(ActionClass::database_setting, ChangeKind::setting, detail);
}

ProposedChange storage_plan(Scene&) {
  auto detail = setting("autovacuum_vacuum_scale_factor", "0.02");
  detail.schema = "public";
  detail.table = "orders";
  return plan_of(ActionClass::table_setting, ChangeKind::setting, detail);
}

ProposedChange column_plan(Scene&) {
  auto detail = setting("", "500");
  detail.schema = "public";
  detail.table = "orders";
  detail.column = "customer_id";
  return plan_of(ActionClass::column_setting, ChangeKind::setting, detail);
}

ProposedChange statistics_plan(bool is_drop) {
  StatisticsChange detail;
  detail.schema = "public";
  detail.name = "orders_both";
  detail.table = "orders";
  detail.kinds = {"dependencies"};
  detail.columns = {"customer_id", "note"};
  detail.is_drop = is_drop;
  return plan_of(is_drop ? ActionClass::drop_statistics : ActionClass::create_statistics, ChangeKind::statistics,
                 detail);
}

ProposedChange partition_plan(ActionClass action, const std::string& name, const std::string& from = "",
                              const std::string& to = "") {
  return plan_of(action, ChangeKind::partition, PartitionChange{"public", "events", name, from, to, 7});
}

ProposedChange drain_plan(Scene&) {
  PartitionChange detail;
  detail.schema = "public";
  detail.table = "events";
  detail.ranges = {{"events_3", "2000", "3000"}, {"events_4", "3000", "4000"}};
  return plan_of(ActionClass::drain_default, ChangeKind::partition, detail);
}

std::function<ProposedChange(Scene&)> policy_plan(const std::string& sql, const std::string& policy = "own_rows") {
  return [=](Scene&) {
    auto plan =
        plan_of(ActionClass::row_security, ChangeKind::row_security, RowSecurityChange{"public", "orders", policy});
    plan.sql_up = {sql};
    return plan;
  };
}

std::function<ProposedChange(Scene&)> session_plan(bool terminate) {
  return [=](Scene& scene) {
    SessionChange detail;
    detail.pid = scene.victim->backend_pid();
    detail.terminate = terminate;
    return plan_of(terminate ? ActionClass::terminate_session : ActionClass::cancel_session, ChangeKind::session,
                   detail);
  };
}

// Two sessions of an application that sleep: the one that is meant, and one that must sleep on.
void make_sessions(Scene& scene) {
  const auto app = [&] { return std::make_unique<PgSession>(scene.cluster.session("shop", "killed")); };
  scene.victim = app();
  scene.bystander = app();
  for (auto* each : {scene.victim.get(), scene.bystander.get()}) each->send("SELECT pg_sleep(600)");
  const auto asleep = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'killed' AND query LIKE '%pg_sleep%'";
  if (!eventually([&] { return scene.sql(asleep) == "2"; })) throw std::runtime_error("the sessions do not sleep");
}

// "1": the one has stopped and the other sleeps on.
std::string stopped(Scene& scene) {
  const auto count = [&](const PgSession& session) {
    return scene.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid = " +
                     std::to_string(session.backend_pid()));
  };
  if (count(*scene.bystander) != "1") return "the bystander was hit";
  return count(*scene.victim) == "0" ? "1" : "0";
}

void make_pooler(Scene& scene) {
  PgBouncerOptions options;
  options.settings = {{"default_pool_size", "20"}};
  scene.bouncer = std::make_unique<PgBouncerProcess>(scene.cluster, options);
}

ProposedChange pool_plan(Scene&) {
  return plan_of(ActionClass::pgbouncer_setting, ChangeKind::pgbouncer, PgbouncerChange{"", "default_pool_size", "30"});
}

std::string pool_size(Scene& scene) {
  PgSession console(scene.bouncer->conninfo("pgbouncer"));
  const auto rows = console.rows("SHOW CONFIG");
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows.text(i, "key") == "default_pool_size") return rows.text(i, "value") == "30" ? "1" : "0";
  return "no such setting";
}

}  // namespace

RigOptions Scene::options() const {
  RigOptions out{.ledger_file = (dir.path() / "ledger.db").string()};
  if (!bouncer) return out;
  out.poolers = [file = bouncer->ini_file().string(), parameters = bouncer->parameters("pgbouncer")](auto blocking) {
    pg::ConnectSpec console;
    console.parameters = parameters;
    console.admin_console = true;
    return std::vector<change::Pooler>{{"", file, console, blocking}};
  };
  return out;
}

std::vector<KindRow> index_rows() {
  const auto there = [](const std::string& name) {
    return sql_of("SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass('" + name + "') AND indisvalid");
  };
  const std::string by_hand = "CREATE INDEX orders_note ON orders (note); COMMENT ON INDEX orders_note IS 'by hand';";
  return {
      {"create index", nothing, [](Scene&) { return index_plan(); }, there("orders_customer_idx"),
       ChangeState::observing},
      {"drop index", with(by_hand), drop_index_plan, sql_of("SELECT (to_regclass('orders_note') IS NULL)::int"),
       ChangeState::observing},
      {"reindex", with(by_hand + "CREATE TABLE first_file AS SELECT pg_relation_filenode('orders_note') AS node"),
       reindex_plan, sql_of("SELECT (node <> pg_relation_filenode('orders_note'))::int FROM first_file"),
       ChangeState::kept, false},
      {"index of a partitioned table", with(kEvents),
       [](Scene&) { return index_plan("events_kind", "kind", "events"); }, there("events_kind"),
       ChangeState::observing},
  };
}

std::vector<KindRow> setting_rows() {
  const std::string file = "SELECT count(*) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf' AND name = ";
  const auto of_role = [](const std::string& where) {
    return sql_of("SELECT count(*) FROM pg_db_role_setting WHERE " + where);
  };
  return {
      {"system setting", nothing, [](Scene&) { return system_setting_plan("work_mem", "7MB"); },
       sql_of("SELECT count(*) FROM pg_settings WHERE name = 'work_mem' AND reset_val = '7168'"),
       ChangeState::observing},
      {"restart setting", nothing, [](Scene&) { return system_setting_plan("max_connections", "60", true); },
       sql_of(file + "'max_connections' AND setting = '60'"), ChangeState::needs_restart},
      {"restart setting after the restart", nothing,
       [](Scene&) { return system_setting_plan("max_connections", "60", true); },
       sql_of(file + "'max_connections' AND setting = '60'"), ChangeState::observing, true, true},
      {"role setting", nothing, [](Scene&) { return role_setting_plan("killed", "work_mem", "8192kB"); },
       of_role("setrole = 'killed'::regrole AND setconfig @> '{work_mem=8192kB}'"), ChangeState::observing},
      {"database setting", nothing, database_plan, of_role("setrole = 0 AND setconfig @> '{random_page_cost=1.1}'"),
       ChangeState::observing},
      {"table setting", nothing, storage_plan,
       sql_of("SELECT count(*) FROM pg_class WHERE relname = 'orders' AND reloptions @> "
              "'{autovacuum_vacuum_scale_factor=0.02}'"),
       ChangeState::kept},
      {"column setting", nothing, column_plan,
       sql_of("SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attname = 'customer_id' AND "
              "attstattarget = 500"),
       ChangeState::observing},
  };
}

std::vector<KindRow> table_rows() {
  const auto refreshed = sql_of("SELECT (sum(n) = 2001)::int FROM totals");
  const auto one_more = with("INSERT INTO orders VALUES (0, 0, 'n')");
  const auto statistics = [](const std::string& wanted) {
    return sql_of("SELECT (count(*) = " + wanted + ")::int FROM pg_statistic_ext WHERE stxname = 'orders_both'");
  };
  return {
      {"refresh", one_more, [](Scene&) { return refresh_plan(false); }, refreshed, ChangeState::kept, false},
      {"refresh concurrently", one_more, [](Scene&) { return refresh_plan(true); }, refreshed, ChangeState::kept,
       false},
      {"analyze", nothing, [](Scene&) { return maintenance_plan(false); },
       sql_of("SELECT least(pg_stat_get_analyze_count('orders'::regclass), 1)"), ChangeState::kept, false},
      {"vacuum", nothing, [](Scene&) { return maintenance_plan(true); },
       sql_of("SELECT least(pg_stat_get_vacuum_count('orders'::regclass), 1)"), ChangeState::kept, false},
      {"create statistics", nothing, [](Scene&) { return statistics_plan(false); }, statistics("1"),
       ChangeState::observing},
      {"drop statistics", with("CREATE STATISTICS orders_both (dependencies) ON customer_id, note FROM orders"),
       [](Scene&) { return statistics_plan(true); }, statistics("0"), ChangeState::observing},
  };
}

std::vector<KindRow> partition_rows() {
  const auto attached = [](const std::string& names, const std::string& wanted) {
    return sql_of("SELECT (count(*) = " + wanted + ")::int FROM pg_inherits WHERE inhparent = 'events'::regclass AND " +
                  "inhrelid::regclass::text IN (" + names + ")");
  };
  const std::string detached =
      "ALTER TABLE events DETACH PARTITION events_1; COMMENT ON TABLE events_1 IS 'the first "
      "pgtend:00000000-0000-4000-8000-000000000001 detached 2020-01-01 00:00:00+00';";
  const std::string drained =
      "CREATE TABLE events_rest PARTITION OF events DEFAULT;"
      "INSERT INTO events SELECT g, g % 10 FROM generate_series(2000, 4499) g;";
  const auto policy = [](const std::string& wanted) {
    return sql_of("SELECT (coalesce(min(qual), 'none') = '" + wanted +
                  "')::int FROM pg_policies WHERE policyname = 'own_rows'");
  };
  const auto make_policy = with("CREATE POLICY own_rows ON orders FOR SELECT TO killed USING (id < 5)");
  return {
      {"create partition", with(kEvents),
       [](Scene&) { return partition_plan(ActionClass::create_partition, "events_3", "2000", "3000"); },
       attached("'events_3'", "1"), ChangeState::kept},
      {"detach partition", with(kEvents),
       [](Scene&) { return partition_plan(ActionClass::detach_partition, "events_1"); }, attached("'events_1'", "0"),
       ChangeState::kept},
      {"drop partition", with(kEvents + detached),
       [](Scene&) { return partition_plan(ActionClass::drop_partition, "events_1"); },
       sql_of("SELECT (to_regclass('events_1') IS NULL)::int"), ChangeState::kept, false},
      {"drain", with(kEvents + drained), drain_plan, attached("'events_3', 'events_4'", "2"), ChangeState::kept},
      {"create policy", nothing, policy_plan("CREATE POLICY own_rows ON public.orders TO killed USING (id < 9)"),
       policy("(id < 9)"), ChangeState::kept},
      {"alter policy", make_policy, policy_plan("ALTER POLICY own_rows ON public.orders USING (id < 7)"),
       policy("(id < 7)"), ChangeState::kept},
      {"drop policy", make_policy, policy_plan("DROP POLICY own_rows ON public.orders"), policy("none"),
       ChangeState::kept},
      {"row security", nothing, policy_plan("ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY", ""),
       sql_of("SELECT relrowsecurity::int FROM pg_class WHERE relname = 'orders'"), ChangeState::kept},
  };
}

std::vector<KindRow> other_rows() {
  return {
      {"cancel session", make_sessions, session_plan(false), stopped, ChangeState::kept, false},
      {"terminate session", make_sessions, session_plan(true), stopped, ChangeState::kept, false},
      {"pgbouncer", make_pooler, pool_plan, pool_size, ChangeState::kept},
  };
}

std::string inventory(const Scene& scene) {
  const auto text = scene.sql(R"(
    WITH ours AS (SELECT c.* FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace)
    SELECT regexp_replace(regexp_replace(string_agg(line, E'\n' ORDER BY line COLLATE "C"),
             'pgtend:[0-9a-f]{8}-[0-9a-f-]{27}', 'pgtend:ID', 'g'), 'ID detached [-0-9: .+]+', 'ID detached', 'g')
    FROM (
      SELECT concat_ws(' ', 'relation', relkind, relname, reloptions, relrowsecurity, relforcerowsecurity,
                       pg_get_expr(relpartbound, oid), obj_description(oid, 'pg_class')) AS line FROM ours
      UNION ALL SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive)
        FROM pg_index JOIN ours ON ours.oid = indrelid
      UNION ALL SELECT concat_ws(' ', 'parent', inhrelid::regclass, inhparent::regclass)
        FROM pg_inherits JOIN ours ON ours.oid = inhrelid
      UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
        FROM pg_constraint c JOIN ours ON ours.oid = conrelid
      UNION ALL SELECT concat_ws(' ', 'policy', polrelid::regclass, polname, polpermissive, polcmd, polroles::regrole[],
                       pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
                       obj_description(p.oid, 'pg_policy')) FROM pg_policy p
      UNION ALL SELECT concat_ws(' ', 'statistics', pg_get_statisticsobjdef(s.oid), obj_description(s.oid, 'pg_statistic_ext'))
        FROM pg_statistic_ext s
      UNION ALL SELECT concat_ws(' ', 'target', attrelid::regclass, attname, attstattarget)
        FROM pg_attribute JOIN ours ON ours.oid = attrelid WHERE attstattarget >= 0 AND attnum > 0 AND relkind <> 'i'
      UNION ALL SELECT concat_ws(' ', 'set', setdatabase <> 0, setrole::regrole, setconfig) FROM pg_db_role_setting
        WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = 'shop'))
      UNION ALL SELECT concat_ws(' ', 'file', name, setting) FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf'
      UNION ALL SELECT concat_ws(' ', 'rows', relname, query_to_xml(format(
                       'SELECT count(*) AS n, md5(string_agg(t::text, '','' ORDER BY t::text)) AS h FROM %s t', oid::regclass),
                       false, true, '')) FROM ours WHERE relkind IN ('r', 'p', 'm') AND relname <> 'first_file'
    ) AS lines)");
  if (!scene.bouncer) return text;
  // Each pooler has a folder and ports of its own.
  static const std::regex own("(/tmp/\\S+|port ?= ?\\d+)");
  return text + "\n" + std::regex_replace(read_file(scene.bouncer->ini_file()), own, "OWN");
}

}  // namespace pgtend::test
