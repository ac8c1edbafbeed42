#include "collectors/pgbouncer/metrics.hpp"

#include "collectors/pgbouncer/pgbouncer.hpp"

namespace pgtend::collectors {
namespace {

constexpr auto kGauge = MetricKind::gauge;
constexpr auto kCounter = MetricKind::counter;
// First versions of columns that 1.18 does not have.
constexpr int k123 = 12300, k124 = 12400;
constexpr double kMicro = 1e-6;

constexpr PgbouncerMetric kTable[] = {
    {kShowPools, "cl_active", "", 0, "pgbouncer_pools_client_active_connections", kGauge, "", 1,
     "Clients with a server connection, or idle without need of one."},
    {kShowPools, "cl_waiting", "", 0, "pgbouncer_pools_client_waiting_connections", kGauge, "", 1,
     "Clients that sent a statement and have no server connection yet."},
    {kShowPools, "cl_active_cancel_req", "", 0, "pgbouncer_pools_client_active_cancel_connections", kGauge, "", 1,
     "Clients whose cancel request is on its way to the server."},
    {kShowPools, "cl_waiting_cancel_req", "", 0, "pgbouncer_pools_client_waiting_cancel_connections", kGauge, "", 1,
     "Clients whose cancel request was not passed on yet."},
    {kShowPools, "sv_active", "", 0, "pgbouncer_pools_server_active_connections", kGauge, "", 1,
     "Server connections that a client holds."},
    {kShowPools, "sv_active_cancel", "", 0, "pgbouncer_pools_server_active_cancel_connections", kGauge, "", 1,
     "Server connections that pass on a cancel request."},
    {kShowPools, "sv_being_canceled", "", 0, "pgbouncer_pools_server_being_canceled_connections", kGauge, "", 1,
     "Server connections that wait for the end of cancel requests against them."},
    {kShowPools, "sv_idle", "", 0, "pgbouncer_pools_server_idle_connections", kGauge, "", 1,
     "Server connections free to be used at once."},
    {kShowPools, "sv_used", "", 0, "pgbouncer_pools_server_used_connections", kGauge, "", 1,
     "Server connections idle for so long that they are checked before their next use."},
    {kShowPools, "sv_tested", "", 0, "pgbouncer_pools_server_testing_connections", kGauge, "", 1,
     "Server connections in server_reset_query or server_check_query."},
    {kShowPools, "sv_login", "", 0, "pgbouncer_pools_server_login_connections", kGauge, "", 1,
     "Server connections that log in."},
    {kShowPools, "maxwait", "", 0, "pgbouncer_pools_client_maxwait_seconds", kGauge, "seconds", 1,
     "How long the first client in the queue has waited."},

    {kShowStats, "total_query_count", "", 0, "pgbouncer_stats_queries_pooled_total", kCounter, "", 1,
     "Statements passed on."},
    {kShowStats, "total_query_time", "", 0, "pgbouncer_stats_queries_duration_seconds_total", kCounter, "seconds",
     kMicro, "Time of server connections in statements."},
    {kShowStats, "total_received", "", 0, "pgbouncer_stats_received_bytes_total", kCounter, "bytes", 1,
     "Bytes received from clients and servers."},
    {kShowStats, "total_sent", "", 0, "pgbouncer_stats_sent_bytes_total", kCounter, "bytes", 1,
     "Bytes sent to clients and servers."},
    {kShowStats, "total_wait_time", "", 0, "pgbouncer_stats_client_wait_seconds_total", kCounter, "seconds", kMicro,
     "Time that clients waited for a server connection."},
    {kShowStats, "total_xact_count", "", 0, "pgbouncer_stats_sql_transactions_pooled_total", kCounter, "", 1,
     "Transactions passed on."},
    {kShowStats, "total_xact_time", "", 0, "pgbouncer_stats_server_in_transaction_seconds_total", kCounter, "seconds",
     kMicro, "Time of server connections in transactions, idle in them or not."},
    {kShowStats, "total_server_assignment_count", "", k123, "pgbouncer_stats_server_assignments_total", kCounter, "", 1,
     "How often a client was given a server connection."},
    {kShowStats, "total_client_parse_count", "", k124, "pgbouncer_stats_client_parses_total", kCounter, "", 1,
     "Prepared statements that clients made."},
    {kShowStats, "total_server_parse_count", "", k124, "pgbouncer_stats_server_parses_total", kCounter, "", 1,
     "Prepared statements that were made on servers."},
    {kShowStats, "total_bind_count", "", k124, "pgbouncer_stats_binds_total", kCounter, "", 1,
     "Prepared statements made ready to run."},

    {kShowDatabases, "pool_size", "", 0, "pgbouncer_databases_pool_size", kGauge, "", 1,
     "Most server connections of one pool of the database."},
    {kShowDatabases, "min_pool_size", "", 0, "pgbouncer_databases_min_pool_size", kGauge, "", 1,
     "Server connections that are kept open."},
    {kShowDatabases, "reserve_pool_size", "reserve_pool", 0, "pgbouncer_databases_reserve_pool", kGauge, "", 1,
     "Server connections on top of pool_size for clients that wait too long."},
    {kShowDatabases, "max_connections", "", 0, "pgbouncer_databases_max_connections", kGauge, "", 1,
     "Most server connections of all pools of the database; 0: no limit."},
    {kShowDatabases, "current_connections", "", 0, "pgbouncer_databases_current_connections", kGauge, "", 1,
     "Server connections of the database."},
    {kShowDatabases, "max_client_connections", "", k124, "pgbouncer_databases_max_client_connections", kGauge, "", 1,
     "Most client connections of the database; 0: no limit."},
    {kShowDatabases, "current_client_connections", "", k124, "pgbouncer_databases_current_client_connections", kGauge,
     "", 1, "Client connections of the database."},
    {kShowDatabases, "paused", "", 0, "pgbouncer_databases_paused", kGauge, "", 1, "1 while the database is paused."},
    {kShowDatabases, "disabled", "", 0, "pgbouncer_databases_disabled", kGauge, "", 1,
     "1 while the database takes no clients."},

    {kShowLists, "databases", "", 0, "pgbouncer_databases", kGauge, "", 1, "Databases known to the pooler."},
    {kShowLists, "users", "", 0, "pgbouncer_users", kGauge, "", 1, "Users known to the pooler."},
    {kShowLists, "pools", "", 0, "pgbouncer_pools", kGauge, "", 1, "Pools, one for each pair of database and user."},
    {kShowLists, "free_clients", "", 0, "pgbouncer_free_clients", kGauge, "", 1,
     "Places for clients that are allocated and free."},
    {kShowLists, "used_clients", "", 0, "pgbouncer_used_clients", kGauge, "", 1, "Clients connected."},
    {kShowLists, "login_clients", "", 0, "pgbouncer_login_clients", kGauge, "", 1, "Clients that log in."},
    {kShowLists, "free_servers", "", 0, "pgbouncer_free_servers", kGauge, "", 1,
     "Places for server connections that are allocated and free."},
    {kShowLists, "used_servers", "", 0, "pgbouncer_used_servers", kGauge, "", 1, "Server connections."},
    {kShowLists, "dns_names", "", 0, "pgbouncer_cached_dns_names", kGauge, "", 1, "Host names in the DNS cache."},
    {kShowLists, "dns_zones", "", 0, "pgbouncer_cached_dns_zones", kGauge, "", 1, "Zones in the DNS cache."},
    {kShowLists, "dns_queries", "", 0, "pgbouncer_in_flight_dns_queries", kGauge, "", 1, "DNS queries not answered."},

    {kShowConfig, "max_client_conn", "", 0, "pgbouncer_config_max_client_connections", kGauge, "", 1,
     "Setting max_client_conn."},
    {kShowConfig, "max_user_connections", "", 0, "pgbouncer_config_max_user_connections", kGauge, "", 1,
     "Setting max_user_connections; 0: no limit."},
    {kShowConfig, "max_db_connections", "", 0, "pgbouncer_config_max_db_connections", kGauge, "", 1,
     "Setting max_db_connections; 0: no limit."},
    {kShowConfig, "default_pool_size", "", 0, "pgbouncer_config_default_pool_size", kGauge, "", 1,
     "Setting default_pool_size."},
};

constexpr std::string_view kQuestions[] = {kShowVersion,   kShowPools, kShowStats,
                                           kShowDatabases, kShowLists, kShowConfig};

}  // namespace

std::span<const PgbouncerMetric> pgbouncer_metric_table() {
  return kTable;
}

std::span<const std::string_view> pgbouncer_questions() {
  return kQuestions;
}

std::vector<MetricDef> pgbouncer_metrics() {
  std::vector<MetricDef> out{
      {"pgbouncer_up", kGauge, "", "1 while the pooler's console answers.", "connection", ""},
      {"pgbouncer_version_info", kGauge, "", "Version of the pooler in the label version; the value is 1.",
       std::string(kShowVersion), ""}};
  for (const auto& m : kTable)
    out.push_back(
        {std::string(m.metric), m.kind, std::string(m.unit), std::string(m.help), std::string(m.question), ""});
  return out;
}

}  // namespace pgtend::collectors
