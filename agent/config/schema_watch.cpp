// Keys of what is watched and remembered: postgresql, pgbouncer, redis, collection, history, remote_write.
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

constexpr Millis kMinute{60'000}, kDay{24LL * 3'600'000};

const std::vector<std::string> kSslModes{"", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"};

// An operator without a user is none.
Field<PostgresqlConfig> operator_field() {
  using R = RoleConfig;
  const Table<R> table{
      text("user", &R::user,
           "Role that advises and acts, such as pgtend_operator. Empty: the one that watches does it too."),
      text("passfile", &R::passfile, "Its password file, in the form of libpq's .pgpass.", "path")};
  return {{"operator", "section", "The role of the lanes that advise and act.", "", {}, {}},
          [table](Reader& r, const Entry& e, PostgresqlConfig& out) {
            R role = out.operator_role.value_or(R{});
            read_map(r, e, table, role);
            if (role.user.empty() && !role.passfile.empty())
              r.error(Reader::where(e), "'passfile' of the operator is set but 'user' is not");
            if (!role.user.empty()) out.operator_role = std::move(role);
          },
          [table](const PostgresqlConfig& from, KeyDoc& to) {
            to.children = describe(table, from.operator_role.value_or(R{}));
          }};
}

Field<CollectionConfig> intervals_field() {
  return {{"intervals", "map of duration", "Interval of single collectors, by name: {statements: 1m}.", "", {}, {}},
          [](Reader& r, const Entry& e, CollectionConfig& out) { r.duration_map(e, out.intervals, Millis(100), kDay); },
          [](const CollectionConfig& from, KeyDoc& to) {
            std::vector<std::string> shown;
            for (const auto& [name, interval] : from.intervals)
              shown.push_back(show_text(name) + ": " + format_duration(interval));
            to.value = "{" + join(shown, ", ") + "}";
          }};
}

Field<RemoteWriteConfig> headers_field() {
  return {{"headers", "map of text", "Sent with every request, such as {X-Scope-OrgID: shop} to Mimir.", "", {}, {}},
          [](Reader& r, const Entry& e, RemoteWriteConfig& out) { r.text_map(e, out.headers); },
          [](const RemoteWriteConfig& from, KeyDoc& to) { to.value = show_map(from.headers); }};
}

}  // namespace

Table<PostgresqlConfig> postgresql_table() {
  using P = PostgresqlConfig;
  using L = ServerLogConfig;
  Table<L> logs{
      text("path", &L::path,
           "File of the log; the last part may be a pattern (* and ?). Empty: where the server's settings say.",
           "path"),
      bytes("max_bytes_per_second", &L::max_bytes_per_second, 4LL << 10, 1LL << 30,
            "Most that is read of it. A log that grows faster for long is skipped in part, which is counted."),
  };
  return {
      text("host", &P::host, "Host name, address or unix socket directory. Empty: /var/run/postgresql."),
      integer("port", &P::port, 1, 65535, "Port of the server itself, never of a pooler."),
      text("user", &P::user, "Role of the lanes that watch."),
      text("database", &P::database, "Database of the instance-wide collectors."),
      text("passfile", &P::passfile, "Password file in the form of libpq's .pgpass, readable by its owner only.",
           "path"),
      choice("sslmode", &P::sslmode, kSslModes,
             "TLS towards the server. Empty: prefer on this host, verify-full elsewhere."),
      text("sslrootcert", &P::sslrootcert, "Certificates that may sign the server's.", "path"),
      text("sslcert", &P::sslcert, "Client certificate.", "path"),
      text("sslkey", &P::sslkey, "Its key, readable by its owner only.", "path"),
      text("sslcrl", &P::sslcrl, "Revoked certificates.", "path"),
      boolean("insecure_ok", &P::insecure_ok, "Allows an sslmode below verify-full to another host."),
      operator_field(),
      text_list("include_databases", &P::include_databases, "Patterns (* and ?) of databases to watch. Empty: all."),
      text_list("exclude_databases", &P::exclude_databases, "Patterns of databases to leave alone."),
      duration("connect_timeout", &P::connect_timeout, Millis(100), kMinute, "Longest wait for a connection."),
      duration("statement_timeout", &P::statement_timeout, Millis(100), Millis(5 * kMinute),
               "Longest run of one monitoring statement."),
      duration("replication_heartbeat", &P::replication_heartbeat, Millis(0), kMinute,
               "How often a primary writes 112 bytes of WAL by which standbys know their true lag. 0s: never."),
      section("logs", &P::logs, std::move(logs),
              "The server's own log, counted as pgtend_log_*; `logs` in collection.disabled leaves it alone."),
  };
}

Table<PgbouncerConfig> pgbouncer_table() {
  using P = PgbouncerConfig;
  return {
      text("name", &P::name, "Value of the label `pooler`, once. One pooler alone may go without: no such label then."),
      text("host", &P::host, "Host name, address or unix socket directory. Empty: /var/run/postgresql."),
      integer("port", &P::port, 1, 65535, "Its port."),
      text("user", &P::user, "Its user, one of stats_users or admin_users in pgbouncer.ini."),
      text("passfile", &P::passfile, "Password file in the form of libpq's .pgpass, readable by its owner only.",
           "path"),
      choice("sslmode", &P::sslmode, kSslModes, "TLS towards it. Empty: prefer on this host, verify-full elsewhere."),
      text("sslrootcert", &P::sslrootcert, "Certificates that may sign the pooler's.", "path"),
      text("sslcert", &P::sslcert, "Client certificate.", "path"),
      text("sslkey", &P::sslkey, "Its key, readable by its owner only.", "path"),
      boolean("insecure_ok", &P::insecure_ok, "Allows an sslmode below verify-full to another host."),
      duration("interval", &P::interval, Millis(100), kDay, "How often it is asked."),
      duration("timeout", &P::timeout, Millis(100), kMinute, "Longest run: connecting and all questions together."),
      text("ini_file", &P::ini_file,
           "Its pgbouncer.ini, on this host, of which approved changes may edit a line. Empty: none is made.", "path"),
      text("admin_user", &P::admin_user, "One of its admin_users, who may RELOAD. Empty: user."),
      text("admin_passfile", &P::admin_passfile, "Password file of admin_user. Empty: passfile.", "path"),
  };
}

Table<RedisConfig> redis_table() {
  using R = RedisConfig;
  return {
      text("name", &R::name, "Value of the label `cache`, once. One Redis alone may go without: no such label then."),
      text("host", &R::host, "Host name or address."),
      integer("port", &R::port, 1, 65535, "Its port."),
      text("socket", &R::socket, "Path of its unix socket, instead of host and port.", "path"),
      text("user", &R::user, "User of its ACL, with +ping +info +slowlog|len +latency|latest. Empty: default."),
      text("password_file", &R::password_file, "File that holds the password, readable by its owner only.", "path"),
      boolean("tls", &R::tls, "Speaks TLS; its certificate must be valid for the host."),
      text("ca_file", &R::ca_file, "Certificates that may sign its own. Empty: the system's.", "path"),
      text("cert_file", &R::cert_file, "Client certificate.", "path"),
      text("key_file", &R::key_file, "Its key, readable by its owner only.", "path"),
      text("server_name", &R::server_name, "Name that its certificate must have instead of the host's."),
      boolean("insecure_ok", &R::insecure_ok, "Allows another host without TLS."),
      duration("interval", &R::interval, Millis(100), kDay, "How often it is asked."),
      duration("timeout", &R::timeout, Millis(100), kMinute, "Longest run: connecting and all questions together."),
  };
}

Table<CollectionConfig> collection_table() {
  using C = CollectionConfig;
  using B = AgentBudget;
  using A = ActiveSessionsConfig;
  Table<B> budget{
      number("cpu_ratio", &B::cpu_ratio, 0.0001, 1,
             "CPU of the agent and of its own backends, as a share of one core. Over it, collection slows down."),
      bytes("rss_bytes", &B::rss_bytes, 16LL << 20, 16LL << 30, "Resident memory of the agent."),
  };
  Table<A> active_sessions{
      duration("interval", &A::interval, Millis(0), kMinute,
               "How often it is looked who is active and waits for what. 0s: never."),
      integer("groups", &A::groups, 10, 1'000,
              "Groups of equal sessions that are kept of ten seconds; the rest goes into `other`."),
  };
  return {
      duration("default_interval", &C::default_interval, Millis(100), kDay,
               "Interval of collectors that name none themselves."),
      intervals_field(),
      text_list("disabled", &C::disabled, "Patterns (* and ?) of collectors that do not run."),
      text("directory", &C::directory, "Folder with further collectors, one *.yaml each.", "path"),
      integer("max_series", &C::max_series, 100, 1'000'000,
              "Most series of one database server; more are dropped and counted."),
      integer("max_series_per_collector", &C::max_series_per_collector, 10, 1'000'000,
              "Most series of one collector in one database; more are dropped and counted."),
      section("budget", &C::budget, std::move(budget), "What the agent may cost."),
      section("active_sessions", &C::active_sessions, std::move(active_sessions),
              "The history behind `pgtend ash`: what sessions waited for, second by second."),
      integer("statements_top", &C::statements_top, 10, 10'000,
              "How many statements are followed by their numbers: four fifths by their time, the rest by their calls."),
  };
}

Table<HistoryConfig> history_table() {
  using H = HistoryConfig;
  return {
      text("path", &H::path, "Samples. Large, and may be thrown away.", "path"),
      duration("retention", &H::retention, kMinute, Millis(3650 * kDay), "Age at which samples are dropped."),
      duration("retention_5m", &H::retention_5m, kMinute, Millis(3650 * kDay),
               "Age at which the coarser copy with one value in five minutes is dropped."),
      duration("retention_1h", &H::retention_1h, kMinute, Millis(3650 * kDay),
               "Age at which the coarsest copy with one value in an hour is dropped."),
      bytes("max_bytes", &H::max_bytes, 4LL << 20, 1LL << 42,
            "Size of all files of history together at which the oldest samples are dropped."),
      bytes("min_free_bytes", &H::min_free_bytes, 0, 1LL << 42,
            "Free space of the file system below which nothing more is written."),
      number("min_free_ratio", &H::min_free_ratio, 0, 0.5, "The same, as a share of the file system."),
      integer("max_series_per_collector", &H::max_series_per_collector, 100, 1'000'000,
              "Most series of one collector and database at a time; counters above are added up in one per metric, "
              "gauges left out."),
      duration("commit_interval", &H::commit_interval, Millis(50), Millis(kMinute),
               "Samples younger than this may be lost in a crash."),
  };
}

Table<RemoteWriteConfig> remote_write_table() {
  using R = RemoteWriteConfig;
  return {
      text("name", &R::name, "Name of the receiver, once; its cursor is kept under it.").required(),
      text("url", &R::url, "Address, such as http://prometheus:9090/api/v1/write."),
      text("url_file", &R::url_file, "File that holds the address, readable by its owner only.", "path"),
      text("bearer_token_file", &R::bearer_token_file, "File that holds a bearer token, readable by its owner only.",
           "path"),
      text("username", &R::username, "Name for basic authentication."),
      text("password_file", &R::password_file, "File that holds its password, readable by its owner only.", "path"),
      headers_field(),
      duration("timeout", &R::timeout, Millis(100), Millis(5 * kMinute), "Longest wait for one request."),
      duration("backfill", &R::backfill, Millis(0), Millis(3650 * kDay),
               "How far back a new receiver gets what is stored already. Prometheus takes about an hour."),
  };
}

}  // namespace pgtend::config
