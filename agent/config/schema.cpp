#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

const EnumNames<log::Level> kLevels{
    {log::Level::debug, "debug"}, {log::Level::info, "info"}, {log::Level::warn, "warn"}, {log::Level::error, "error"}};

Table<Config> build() {
  using C = Config;
  return {
      section("instance", &C::instance, {text("name", &InstanceConfig::name, "Value of the label `instance`.")},
              "The server that is tended."),
      section("postgresql", &C::postgresql, postgresql_table(), "How to reach it."),
      list_of("pgbouncer", &C::pgbouncer, pgbouncer_table(),
              "Poolers in front of it, whose consoles are asked. Lists of later files are appended."),
      list_of("redis", &C::redis, redis_table(), "Caches beside it that are asked. Lists of later files are appended."),
      section("collection", &C::collection, collection_table(), "What is sampled and what that may cost."),
      section("history", &C::history, history_table(), "Samples on disk."),
      list_of("remote_write", &C::remote_write, remote_write_table(),
              "Engines that speak Prometheus's remote write 1.0 and get every stored sample. Lists of later files are "
              "appended."),
      section("ledger", &C::ledger,
              {text("path", &LedgerConfig::path,
                    "Changes, approvals, alerts and the audit. Keep it. Before a newer version changes its form it is "
                    "copied beside itself, as NAME.versionN.",
                    "path")},
              "What must not be lost."),
      section("rules", &C::rules, rules_table(), "Alert and recording rules."),
      section("promql", &C::promql, promql_table(), "How expressions of rules and queries are evaluated."),
      section("alerting", &C::alerting, alerting_table(), "Where alerts go."),
      section("advisors", &C::advisors, advisors_table(), "What is worth advising."),
      section("policy", &C::policy, policy_table(), "What may be changed, when, and by whom."),
      section("change", &C::change, change_table(), "Limits of a change while it runs."),
      section("verify", &C::verify, verify_table(), "How a change is judged against a control group."),
      section("http", &C::http, http_table(), "The API, /metrics and the command line's socket."),
      section("compat", &C::compat,
              {choice("version", &CompatConfig::version, {"0.20", "0.15", "0.11", "off"},
                      "Generation of postgres_exporter whose names and labels /metrics has beside pgtend's own."),
               boolean("dashboard_9628", &CompatConfig::dashboard_9628,
                       "Seven pg_stat_bgwriter_* a second time without _total, as Grafana's dashboard 9628 asks.")},
              "In place of postgres_exporter."),
      section("log", &C::log, {one_of("level", &LogConfig::level, kLevels, "Lines below it are left out.")},
              "Lines on standard error."),
      section("host", &C::host,
              {boolean("enabled", &HostConfig::enabled, "Samples CPU, memory, disk and pressure of this host."),
               text("proc", &HostConfig::proc, "Where procfs is mounted.", "path"),
               text_list("filesystems", &HostConfig::filesystems,
                         "Mount points to watch. Empty: all that have a disk of their own.")},
              "The host the server runs on."),
      section("backup", &C::backup,
              {text("pgbackrest_info", &BackupConfig::pgbackrest_info,
                    "File that a timer of yours fills with pgbackrest info --output=json. Empty: backups are not "
                    "watched.",
                    "path")},
              "Backups of the server."),
  };
}

}  // namespace

Table<HttpConfig> http_table() {
  using H = HttpConfig;
  using T = ApiToken;
  Table<T> token{
      text("name", &T::name, "Name of the token, once; it is kept in the audit.").required(),
      choice("right", &T::right, {"viewer", "approver", "admin"}, "What its bearer may do."),
      text("sha256", &T::sha256, "SHA-256 of the token, 64 hex digits: printf %s TOKEN | sha256sum.").required(),
  };
  return {
      text("listen", &H::listen, "host:port of the TCP listener. Empty: none."),
      text("socket", &H::socket, "Path of the unix socket. Empty: none.", "path"),
      text("tls_certificate_file", &H::tls_certificate_file,
           "PEM file of the listener's certificate with its chain. Needed, with the key and a token, beyond loopback.",
           "path"),
      text("tls_key_file", &H::tls_key_file, "PEM file of its key.", "path"),
      list_of("tokens", &H::tokens, std::move(token),
              "Bearers of the TCP listener. Lists of later files are appended."),
      text_list("socket_viewers", &H::socket_viewers, "Users who may look through the socket: names or uids."),
      text_list("socket_approvers", &H::socket_approvers, "Users who may approve, reject and undo."),
      text_list("socket_admins", &H::socket_admins,
                "Users who may also freeze; root and the agent's own user always may."),
  };
}

const Table<Config>& config_table() {
  static const Table<Config> table = build();
  return table;
}

}  // namespace pgtend::config
