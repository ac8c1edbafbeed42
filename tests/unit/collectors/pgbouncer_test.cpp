#include "collectors/pgbouncer/pgbouncer.hpp"

#include <algorithm>
#include <set>

#include "agent/base/strings.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

// "a|b" lines, the first with the columns, as psql -A prints them; \N is NULL.
RowSet table(const std::string& text) {
  RowSet out;
  for (const auto& line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto fields = split(line, '|');
    if (out.columns.empty()) {
      out.columns = fields;
      continue;
    }
    std::vector<std::optional<std::string>> row;
    for (const auto& field : fields) row.push_back(field == "\\N" ? std::nullopt : std::optional(field));
    REQUIRE(row.size() == out.columns.size());
    out.rows.push_back(std::move(row));
  }
  return out;
}

// Recorded from Debian 12's PgBouncer.
PgbouncerAnswers of_1_18() {
  return {
      {"SHOW VERSION", table("version\nPgBouncer 1.18.0\n")},
      {"SHOW POOLS",
       table("database|user|cl_active|cl_waiting|cl_active_cancel_req|cl_waiting_cancel_req|sv_active|sv_active_cancel|"
             "sv_being_canceled|sv_idle|sv_used|sv_tested|sv_login|maxwait|maxwait_us|pool_mode\n"
             "pgbouncer|pgbouncer|1|0|0|0|0|0|0|0|0|0|0|0|0|statement\n"
             "shop|app|7|3|0|0|2|0|0|1|4|0|0|2|250000|transaction\n")},
      {"SHOW STATS",
       table("database|total_xact_count|total_query_count|total_received|total_sent|total_xact_time|total_query_time|"
             "total_wait_time|avg_xact_count|avg_query_count|avg_recv|avg_sent|avg_xact_time|avg_query_time|"
             "avg_wait_time\n"
             "shop|30|40|500|600|7000000|6500000|125000|0|0|0|0|0|0|0\n")},
      {"SHOW DATABASES",
       table("name|host|port|database|force_user|pool_size|min_pool_size|reserve_pool|pool_mode|max_connections|"
             "current_connections|paused|disabled\n"
             "shop|/run/postgresql|5432|shop_prod|\\N|20|0|5|\\N|0|6|0|1\n")},
      {"SHOW LISTS",
       table("list|items\ndatabases|2\nusers|3\npools|4\nfree_clients|49\nused_clients|1\nlogin_clients|0\n"
             "free_servers|0\nused_servers|6\ndns_names|0\ndns_zones|0\ndns_queries|0\ndns_pending|0\n")},
      {"SHOW CONFIG", table("key|value|default|changeable\nauth_type|trust|md5|yes\ndefault_pool_size|20|20|yes\n"
                            "max_client_conn|100|100|yes\nmax_db_connections|0|0|yes\nmax_user_connections|0|0|yes\n")},
  };
}

// The columns that 1.24 has otherwise.
PgbouncerAnswers of_1_24() {
  auto out = of_1_18();
  out["SHOW VERSION"] = table("version\nPgBouncer 1.24.1\n");
  out["SHOW POOLS"] = table(
      "database|user|cl_active|cl_waiting|cl_active_cancel_req|cl_waiting_cancel_req|sv_active|sv_active_cancel|"
      "sv_being_canceled|sv_idle|sv_used|sv_tested|sv_login|maxwait|maxwait_us|pool_mode|load_balance_hosts\n"
      "shop|app|7|3|0|0|2|0|0|1|4|0|0|2|250000|transaction|\\N\n");
  out["SHOW STATS"] = table(
      "database|total_server_assignment_count|total_xact_count|total_query_count|total_received|total_sent|"
      "total_xact_time|total_query_time|total_wait_time|total_client_parse_count|total_server_parse_count|"
      "total_bind_count\n"
      "shop|11|30|40|500|600|7000000|6500000|125000|12|13|14\n");
  out["SHOW DATABASES"] = table(
      "name|host|port|database|force_user|pool_size|min_pool_size|reserve_pool_size|server_lifetime|pool_mode|"
      "load_balance_hosts|max_connections|current_connections|max_client_connections|current_client_connections|"
      "paused|disabled\n"
      "shop|/run/postgresql|5432|shop_prod|\\N|20|0|5|3600|\\N|\\N|0|6|50|7|0|1\n");
  return out;
}

std::optional<double> value(const PgbouncerRun& run, const std::string& key) {
  for (const auto& sample : run.samples)
    if (to_string(sample.key) == key) return sample.value;
  return std::nullopt;
}

std::set<std::string> names(const PgbouncerRun& run) {
  std::set<std::string> out;
  for (const auto& sample : run.samples) out.insert(sample.key->name);
  return out;
}

}  // namespace

TEST_CASE("PgBouncer 1.18's answers become series under the exporter's names, in base units") {
  const auto run = pgbouncer_series(of_1_18(), "", 5);
  CHECK(run.lost.empty());
  CHECK(run.version == "1.18.0");
  CHECK(value(run, R"(pgbouncer_version_info{version="1.18.0"})") == 1);
  CHECK(value(run, R"(pgbouncer_pools_client_active_connections{database="shop",user="app"})") == 7);
  CHECK(value(run, R"(pgbouncer_pools_client_waiting_connections{database="shop",user="app"})") == 3);
  CHECK(value(run, R"(pgbouncer_pools_server_used_connections{database="shop",user="app"})") == 4);
  CHECK(value(run, R"(pgbouncer_pools_client_maxwait_seconds{database="shop",user="app"})") == 2.25);
  CHECK(value(run, R"(pgbouncer_pools_client_active_connections{database="pgbouncer",user="pgbouncer"})") == 1);
  CHECK(value(run, R"(pgbouncer_stats_queries_pooled_total{database="shop"})") == 40);
  CHECK(value(run, R"(pgbouncer_stats_server_in_transaction_seconds_total{database="shop"})") == Approx(7.0));
  CHECK(value(run, R"(pgbouncer_stats_client_wait_seconds_total{database="shop"})") == Approx(0.125));
  const std::string shop = R"({database="shop_prod",host="/run/postgresql",name="shop",port="5432"})";
  CHECK(value(run, "pgbouncer_databases_pool_size" + shop) == 20);
  CHECK(value(run, "pgbouncer_databases_reserve_pool" + shop) == 5);
  CHECK(value(run, "pgbouncer_databases_current_connections" + shop) == 6);
  CHECK(value(run, "pgbouncer_databases_disabled" + shop) == 1);
  CHECK(value(run, "pgbouncer_used_servers") == 6);
  CHECK(value(run, "pgbouncer_pools") == 4);
  CHECK(value(run, "pgbouncer_config_max_client_connections") == 100);
  CHECK(value(run, "pgbouncer_config_max_user_connections") == 0);
  for (const auto& sample : run.samples) {
    INFO(to_string(sample.key));
    CHECK((sample.kind == MetricKind::counter) == sample.key->name.ends_with("_total"));
    CHECK(sample.epoch == (sample.kind == MetricKind::counter ? 5 : 0));
  }
}

TEST_CASE("1.24 has all that 1.18 has, its own columns, and the renamed one under the same metric") {
  const auto run = pgbouncer_series(of_1_24(), "", 1);
  CHECK(run.lost.empty());
  const auto now = names(run), before = names(pgbouncer_series(of_1_18(), "", 1));
  CHECK(std::includes(now.begin(), now.end(), before.begin(), before.end()));
  std::set<std::string> added;
  std::set_difference(now.begin(), now.end(), before.begin(), before.end(), std::inserter(added, added.end()));
  CHECK(added == std::set<std::string>{"pgbouncer_stats_server_assignments_total", "pgbouncer_stats_binds_total",
                                       "pgbouncer_stats_client_parses_total", "pgbouncer_stats_server_parses_total",
                                       "pgbouncer_databases_max_client_connections",
                                       "pgbouncer_databases_current_client_connections"});
  CHECK(value(run, R"(pgbouncer_databases_reserve_pool{database="shop_prod",host="/run/postgresql",name="shop",)"
                   R"(port="5432"})") == 5);
}

TEST_CASE("a named pooler has its name on every series") {
  for (const auto& sample : pgbouncer_series(of_1_24(), "edge", 1).samples) {
    INFO(to_string(sample.key));
    CHECK(sample.key->labels.get("pooler") == "edge");
  }
}

TEST_CASE("a column that is gone loses its metric only, and is named") {
  auto answers = of_1_18();
  auto& pools = answers["SHOW POOLS"];
  pools.columns[*pools.column("sv_login")] = "sv_logging_in";
  const auto run = pgbouncer_series(answers, "", 1);
  CHECK(run.lost == std::vector<std::string>{"SHOW POOLS: sv_login"});
  auto expected = names(pgbouncer_series(of_1_18(), "", 1));
  expected.erase("pgbouncer_pools_server_login_connections");
  CHECK(names(run) == expected);
}

TEST_CASE("1.24 without one of its own columns says so, 1.18 does not miss it") {
  auto answers = of_1_24();
  answers["SHOW STATS"].columns[1] = "renamed";
  CHECK(pgbouncer_series(answers, "", 1).lost == std::vector<std::string>{"SHOW STATS: total_server_assignment_count"});
  answers["SHOW VERSION"] = table("version\nPgBouncer 1.18.0\n");
  CHECK(pgbouncer_series(answers, "", 1).lost.empty());
}

TEST_CASE("a refused question costs its own metrics") {
  auto answers = of_1_18();
  answers.erase("SHOW CONFIG");
  const auto run = pgbouncer_series(answers, "", 1);
  CHECK(run.lost.size() == 4);
  for (const auto& lost : run.lost) CHECK(lost.starts_with("SHOW CONFIG: "));
  CHECK(value(run, "pgbouncer_used_servers") == 6);
}

TEST_CASE("malformed answers give what is sound in them and name the rest") {
  auto answers = of_1_18();
  answers["SHOW VERSION"] = table("version\nsomething else\n");
  answers["SHOW LISTS"] = table("list|items\nusers|many\npools|NaN\nused_servers|6\n");
  answers["SHOW POOLS"].rows[1][2] = "7 of 9";
  answers["SHOW STATS"] = {};
  const auto run = pgbouncer_series(answers, "", 1);
  CHECK(run.version.empty());
  CHECK(value(run, "pgbouncer_users") == std::nullopt);
  CHECK(value(run, "pgbouncer_pools") == std::nullopt);
  CHECK(value(run, "pgbouncer_used_servers") == 6);
  CHECK(value(run, R"(pgbouncer_pools_client_active_connections{database="shop",user="app"})") == std::nullopt);
  CHECK(value(run, R"(pgbouncer_pools_client_active_connections{database="pgbouncer",user="pgbouncer"})") == 1);
  const auto named = [&](const std::string& what) {
    return std::find(run.lost.begin(), run.lost.end(), what) != run.lost.end();
  };
  CHECK(named("SHOW LISTS: users"));
  CHECK(named("SHOW LISTS: pools"));
  CHECK(named("SHOW POOLS: cl_active"));
  CHECK(named("SHOW STATS: total_query_count"));
  CHECK(pgbouncer_series({}, "", 1).samples.empty());
}

TEST_CASE("every PgBouncer metric that is made is described, once, and every description is made by some version") {
  std::set<std::string> described;
  for (const auto& metric : pgbouncer_metrics()) {
    INFO(metric.name);
    CHECK(described.insert(metric.name).second);
    CHECK(metric.name.starts_with("pgbouncer_"));
    CHECK(metric.help.ends_with("."));
    CHECK((metric.kind == MetricKind::counter) == metric.name.ends_with("_total"));
  }
  auto made = names(pgbouncer_series(of_1_24(), "", 1));
  made.insert("pgbouncer_up");
  CHECK(made == described);
}
