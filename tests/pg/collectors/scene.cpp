#include "tests/pg/collectors/scene.hpp"

#include <stdexcept>

#include "agent/base/strings.hpp"
#include "agent/config/collector_file.hpp"
#include "collectors/postgres/facts.hpp"
#include "collectors/postgres/sizes.hpp"
#include "tests/support/catch.hpp"

namespace pgtend::test {

std::vector<CollectorDef> shipped_collectors() {
  std::vector<CollectorDef> out;
  for (const auto& file : embedded::collector_files()) {
    auto decoded = config::decode_collector(file.text, std::string(file.name));
    INFO(file.name);
    REQUIRE(decoded.def);
    out.push_back(*decoded.def);
  }
  return out;
}

const CollectorDef& shipped(const std::string& name) {
  static const auto all = shipped_collectors();
  for (const auto& def : all)
    if (def.name == name) return def;
  throw std::runtime_error("no collector " + name);
}

void make_shop(const PgCluster& cluster) {
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec("postgres", R"(CREATE ROLE monitor LOGIN; GRANT pg_monitor TO monitor; CREATE ROLE stranger LOGIN)");
  cluster.exec("shop", R"(
    CREATE SCHEMA extras; CREATE EXTENSION pg_stat_statements SCHEMA extras;
    CREATE EXTENSION pg_buffercache SCHEMA extras;
    GRANT USAGE ON SCHEMA extras TO PUBLIC;
    CREATE TABLE customers(id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders(id int PRIMARY KEY, customer int REFERENCES customers, total numeric, note text)
      WITH (autovacuum_enabled = off, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
    INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 100) g;
    INSERT INTO orders SELECT g, 1 + g % 100, g, repeat('x', 50) FROM generate_series(1, 5000) g;
    CREATE INDEX orders_customer ON orders(customer);
    CREATE INDEX orders_customer_again ON orders(customer);
    CREATE INDEX orders_note_lower ON orders(lower(note)) WHERE total > 10;
    CREATE VIEW order_totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
    CREATE MATERIALIZED VIEW top_customers AS SELECT * FROM order_totals ORDER BY total DESC LIMIT 10;
    CREATE UNIQUE INDEX ON top_customers(customer);)");
  cluster.exec("shop", "ANALYZE");
}

void make_tools(const PgCluster& cluster) {
  cluster.exec("shop", R"(
    CREATE SCHEMA app; CREATE SCHEMA sqitch; CREATE SCHEMA partman; CREATE SCHEMA cron;
    CREATE TABLE app.schema_migrations(version bigint PRIMARY KEY, dirty boolean NOT NULL);
    INSERT INTO app.schema_migrations VALUES (20260102, true);
    CREATE TABLE app.flyway_schema_history(installed_rank int PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL,
      type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL,
      installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL, success boolean NOT NULL);
    INSERT INTO app.flyway_schema_history VALUES (1, '1', 'a', 'SQL', 'V1__a.sql', 1, 'app', now(), 5, true),
      (2, '2', 'b', 'SQL', 'V2__b.sql', 2, 'app', now(), 5, false);
    CREATE TABLE app.databasechangeloglock(id int PRIMARY KEY, locked boolean NOT NULL, lockgranted timestamp, lockedby varchar(255));
    INSERT INTO app.databasechangeloglock VALUES (1, true, LOCALTIMESTAMP - interval '1 hour', 'host');
    CREATE TABLE sqitch.events(event text NOT NULL, change_id text NOT NULL, change text NOT NULL, project text NOT NULL,
      committed_at timestamptz NOT NULL);
    INSERT INTO sqitch.events VALUES ('fail', '1', 'users', 'shop', now() - interval '3 hours'),
      ('deploy', '1', 'users', 'shop', now() - interval '2 hours'), ('fail', '2', 'orders', 'shop', now() - interval '1 hour'),
      ('fail', '3', 'a', 'blog', now() - interval '3 hours'), ('deploy', '3', 'a', 'blog', now() - interval '2 hours');
    CREATE TABLE partman.part_config(parent_table text PRIMARY KEY, premake int NOT NULL DEFAULT 4,
      automatic_maintenance text NOT NULL DEFAULT 'on', maintenance_last_run timestamptz);
    INSERT INTO partman.part_config VALUES ('public.orders', 4, 'on', now() - interval '1 day'), ('public.news', 2, 'off', NULL);
    CREATE TABLE cron.job_run_details(jobid bigint, runid bigint PRIMARY KEY, job_pid int, database text, username text,
      command text, status text, return_message text, start_time timestamptz, end_time timestamptz);
    INSERT INTO cron.job_run_details SELECT 1, g, 1, 'shop', 'app', 'SELECT 1', CASE WHEN g % 2 = 0 THEN 'failed' ELSE 'succeeded' END,
      '', now() - g * interval '10 minutes', now() - g * interval '10 minutes' FROM generate_series(1, 20) g;)");
}

void let_read_tools(const PgCluster& cluster) {
  cluster.exec("shop", R"(GRANT USAGE ON SCHEMA app, sqitch, partman, cron TO monitor;
    GRANT SELECT ON ALL TABLES IN SCHEMA app, sqitch, partman, cron TO monitor)");
}

namespace {

ServerIdentity identify(PgSession& session) {
  const RowSet rows = session.rows(R"(SELECT system_identifier, timeline_id, pg_is_in_recovery() AS recovering,
      (extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint AS started,
      current_setting('server_version_num') AS version
    FROM pg_control_system(), pg_control_checkpoint())");
  ServerIdentity out;
  out.system_identifier = rows.text(0, "system_identifier");
  out.timeline = static_cast<int>(rows.integer(0, "timeline_id").value_or(0));
  out.role = rows.boolean(0, "recovering") ? ServerRole::standby : ServerRole::primary;
  out.postmaster_start = from_ms(rows.integer(0, "started").value_or(0));
  out.version_num = static_cast<int>(rows.integer(0, "version").value_or(0));
  return out;
}

}  // namespace

CollectorSession::CollectorSession(const PgCluster& cluster, const std::string& user, const std::string& of)
    : CollectorSession(cluster.session(of, user), of) {}

CollectorSession::CollectorSession(PgSession on, const std::string& of) : session(std::move(on)), database(of) {
  session.exec(
      "SET search_path = pg_catalog; SET lock_timeout = 100; SET default_transaction_read_only = on; SET jit = off");
  shape.identity = identify(session);
  const auto defs = shipped_collectors();
  collectors::add_columns(shape, session.rows(collectors::column_probe_sql(defs)));
}

CollectorSession::Outcome CollectorSession::ask(const CollectorDef& def,
                                                const std::function<collectors::SeriesRun(const RowSet&)>& series) {
  Outcome out;
  const auto query = collectors::make_query(def, shape);
  if (!query) {
    out.unsupported = query.error().message;
    return out;
  }
  out.lost_columns = query->lost_columns;
  std::vector<std::string> statements{query->sql};
  if (def.lock_aware) {
    statements.clear();
    for (const auto& chunk : collectors::oid_chunks(session.rows(collectors::unlocked_relations_sql()))) {
      std::string sql = query->sql;
      sql.replace(sql.find("$1"), 2, quote_literal(chunk));
      statements.push_back(std::move(sql));
    }
  }
  for (const auto& sql : statements) {
    out.sqlstate = session.sqlstate_of(sql);
    if (!out.sqlstate.empty()) return out;
    out.rows = session.rows(sql);
    auto run = series(out.rows);
    out.run.dropped += run.dropped;
    out.run.duplicates += run.duplicates;
    for (auto& sample : run.samples) out.run.samples.push_back(std::move(sample));
  }
  return out;
}

CollectorSession::Outcome CollectorSession::collect(const CollectorDef& def) {
  return ask(def, [&](const RowSet& rows) { return collectors::rows_to_series(def, rows, shape.identity, database); });
}

CollectorSession::Outcome CollectorSession::collect(const collectors::CodeCollector& code) {
  return ask(code.def, [&](const RowSet& rows) { return code.series(rows, shape.identity, database); });
}

std::map<std::string, double> CollectorSession::values(const std::string& collector) {
  const auto outcome = collect(shipped(collector));
  INFO(collector << ": " << outcome.unsupported << outcome.sqlstate);
  REQUIRE(outcome.unsupported.empty());
  REQUIRE(outcome.sqlstate.empty());
  std::map<std::string, double> out;
  for (const auto& sample : outcome.run.samples) out[to_string(sample.key)] = sample.value;
  return out;
}

std::map<std::string, RowSet> CollectorSession::fact_answers() {
  std::map<std::string, RowSet> out;
  for (const auto& query : collectors::fact_queries(shape)) {
    INFO(query.name);
    if (session.sqlstate_of(query.sql).empty()) out[query.name] = session.rows(query.sql);
  }
  return out;
}

}  // namespace pgtend::test
