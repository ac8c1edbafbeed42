#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/log.hpp"
#include "agent/config/settings_alerting.hpp"
#include "agent/model/policy.hpp"
#include "agent/model/series.hpp"

// The configuration as typed structs. Defaults live here and nowhere else; the YAML key of a field is its name
// (operator_role is `operator`). Ranges and the meaning of each key are in schema*.cpp, shown by reference().
namespace pgtend::config {

struct InstanceConfig {
  std::string name = "main";  // label `instance`
};

// A second identity for the lanes that act.
struct RoleConfig {
  std::string user;
  std::string passfile;
};

// The server's own log, read on this host.
struct ServerLogConfig {
  std::string path;  // its last part may be a glob; empty: where the server's settings say
  std::int64_t max_bytes_per_second = 1LL << 20;
  bool operator==(const ServerLogConfig&) const = default;
};

struct PostgresqlConfig {
  std::string host;  // empty: the unix socket directory /var/run/postgresql
  int port = 5432;
  std::string user = "pgtend_monitor";
  std::string database = "postgres";
  std::string passfile;
  std::string sslmode;  // empty: see effective_sslmode()
  std::string sslrootcert, sslcert, sslkey, sslcrl;
  bool insecure_ok = false;  // allows sslmode below verify-full to a host that is not loopback
  std::optional<RoleConfig> operator_role;
  std::vector<std::string> include_databases, exclude_databases;  // globs; empty include: all
  Millis connect_timeout{5'000};
  Millis statement_timeout{3'000};
  Millis replication_heartbeat{0};  // 0: none
  ServerLogConfig logs;
};

// A PgBouncer whose console is asked.
struct PgbouncerConfig {
  std::string name;  // label `pooler`; empty, which one alone may be: no such label
  std::string host;  // empty: the unix socket directory /var/run/postgresql
  int port = 6432;
  std::string user = "pgtend_monitor";
  std::string passfile;
  std::string sslmode;  // empty: see effective_sslmode()
  std::string sslrootcert, sslcert, sslkey;
  bool insecure_ok = false;
  Millis interval{10'000};
  Millis timeout{3'000};                   // of one run: connecting and all questions
  std::string ini_file;                    // its pgbouncer.ini, when changes may be made to it; empty: none are
  std::string admin_user, admin_passfile;  // who may RELOAD; empty: user
  bool operator==(const PgbouncerConfig&) const = default;
};

// A Redis that is asked.
struct RedisConfig {
  std::string name;  // label `cache`; empty, which one alone may be: no such label
  std::string host = "127.0.0.1";
  int port = 6379;
  std::string socket;  // path of a unix socket, instead of both
  std::string user;    // of its ACL; empty: the one named default
  std::string password_file;
  bool tls = false;
  std::string ca_file, cert_file, key_file, server_name;
  bool insecure_ok = false;  // allows a host that is not loopback without TLS
  Millis interval{10'000};
  Millis timeout{3'000};  // of one run: connecting and all questions
  bool operator==(const RedisConfig&) const = default;
};

struct AgentBudget {
  double cpu_ratio = 0.01;  // of one core, own backends and the agent
  std::int64_t rss_bytes = 64LL << 20;
};

// The history of active sessions: who waits for what, sampled often.
struct ActiveSessionsConfig {
  Millis interval{1'000};  // 0: not sampled
  int groups = 100;        // of one interval of the collector; the rest goes into `other`
};

struct CollectionConfig {
  Millis default_interval{10'000};  // of a collector file that names no interval
  std::map<std::string, Millis> intervals;
  std::vector<std::string> disabled;  // globs over collector names
  std::string directory = "/etc/pgtend/collectors.d";
  int max_series = 5000;
  int max_series_per_collector = 2000;
  AgentBudget budget;
  ActiveSessionsConfig active_sessions;
  int statements_top = 100;
};

struct HistoryConfig {
  std::string path = "/var/lib/pgtend/history.db";
  Millis retention{7LL * 24 * 3600 * 1000};
  Millis retention_5m{90LL * 24 * 3600 * 1000};
  Millis retention_1h{730LL * 24 * 3600 * 1000};
  std::int64_t max_bytes = 512LL << 20;
  std::int64_t min_free_bytes = 1LL << 30;
  double min_free_ratio = 0.05;
  int max_series_per_collector = 20'000;
  Millis commit_interval{1'000};
};

// One receiver of remote write.
struct RemoteWriteConfig {
  std::string name;
  std::string url;       // one of url and url_file
  std::string url_file;  // an URL that is a secret stays out of this file
  std::string bearer_token_file;
  std::string username;  // of basic authentication
  std::string password_file;
  std::map<std::string, std::string> headers;
  Millis timeout{30'000};
  Millis backfill{0};
  bool operator==(const RemoteWriteConfig&) const = default;
};

struct LedgerConfig {
  std::string path = "/var/lib/pgtend/ledger.db";
};

struct RulesConfig {
  std::vector<std::string> files;  // globs
  bool shipped = true;             // load the rules embedded in the binary as well
  Millis evaluation_interval{15'000};
  // Source: Prometheus's default of --rules.alert.for-outage-tolerance.
  Millis outage_tolerance{3'600'000};
  Labels external_labels;
};

// How expressions are evaluated: of rules, of the API and of the command line.
struct PromqlConfig {
  std::string range_boundary = "left_open";  // left_open (Prometheus 3) or closed (Prometheus 2)
  Millis lookback{300'000};
  Millis timeout{5'000};
  std::int64_t max_samples = 2'000'000;
};

struct AdvisorsConfig {
  Millis interval{600'000};
  std::vector<std::string> disabled;  // globs over advisor names
  Millis min_history{0};
  std::int64_t min_table_bytes = 10LL << 20;
  std::int64_t min_table_rows = 10'000;
  double min_statement_share = 0.01;  // of the load
  double min_saving = 0.2;            // of the statement's cost
  Millis unused_index_window{35LL * 24 * 3600 * 1000};
  Millis matview_max_age{0};  // 0: no age limit, only changes and reads count
  std::int64_t index_budget_bytes = 10LL << 30;
  // Source: premake of pg_partman.
  int partitions_ahead = 4;
};

struct ChangeConfig {
  Millis lock_timeout{100};
  int lock_attempts = 60;
  Millis lock_budget{600'000};
  Millis wait_budget{900'000};  // of a concurrent build in its waiting phases
  double disk_factor = 2.5;     // free space needed, as a multiple of the predicted size
  Millis max_xact_age{60'000};
  // Of the statement itself, per kind.
  Millis index_timeout{6LL * 3600 * 1000};
  Millis refresh_timeout{3'600'000};
  Millis maintenance_timeout{3'600'000};
  Millis setting_timeout{10'000};
  std::string freeze_file = "/run/pgtend/freeze";
};

struct VerifyConfig {
  Millis window{60'000};
  Millis block{600'000};
  int min_windows = 20;
  int min_calls = 100;
  Millis before{3'600'000};
  Millis after{3'600'000};
  Millis warm_up{600'000};
  Millis max_observe{72LL * 3600 * 1000};
  double effect_blocks = 0.10;
  double effect_time = 0.15;
  double p_value = 0.01;
  int min_control = 5;
  bool undo_no_effect = true;
  Millis trip_replica_lag{120'000};
  double trip_disk_free = 0.03;
  int trip_lock_waiters = 20;
  double trip_rollbacks = 0.20;
};

// A bearer token of the API; only its SHA-256 (64 hex digits) is written down.
struct ApiToken {
  std::string name;
  std::string right = "viewer";  // viewer, approver, admin
  std::string sha256;
};

struct HttpConfig {
  std::string listen = "127.0.0.1:9187";           // "host:port", "[::1]:9187"; empty: no TCP listener
  std::string socket = "/run/pgtend/pgtend.sock";  // empty: no socket
  std::string tls_certificate_file, tls_key_file;  // PEM; both or none
  std::vector<ApiToken> tokens;
  // User names or numeric uids of peers on the socket; root and the agent's own uid are always admins.
  std::vector<std::string> socket_viewers, socket_approvers, socket_admins;
};

// The names of postgres_exporter on /metrics.
struct CompatConfig {
  std::string version = "0.20";  // 0.20, 0.15, 0.11 or off
  bool dashboard_9628 = true;
};

struct LogConfig {
  log::Level level = log::Level::info;
};

struct HostConfig {
  bool enabled = true;
  std::string proc = "/proc";
  std::vector<std::string> filesystems;  // mount points; empty: all that have a disk of their own
};

struct BackupConfig {
  std::string pgbackrest_info;  // file with the output of pgbackrest info --output=json; empty: not watched
};

// Built-in policy: refresh_matview, analyze and vacuum auto; drop_index and drop_statistics recommend; restart_setting
// never; all other classes approve.
[[nodiscard]] PolicyConfig default_policy();

struct Config {
  InstanceConfig instance;
  PostgresqlConfig postgresql;
  std::vector<PgbouncerConfig> pgbouncer;
  std::vector<RedisConfig> redis;
  CollectionConfig collection;
  HistoryConfig history;
  std::vector<RemoteWriteConfig> remote_write;
  LedgerConfig ledger;
  RulesConfig rules;
  PromqlConfig promql;
  AlertingConfig alerting;
  AdvisorsConfig advisors;
  PolicyConfig policy = default_policy();
  ChangeConfig change;
  VerifyConfig verify;
  HttpConfig http;
  CompatConfig compat;
  LogConfig log;
  HostConfig host;
  BackupConfig backup;
};

}  // namespace pgtend::config
