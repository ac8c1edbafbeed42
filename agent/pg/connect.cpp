#include <libpq-fe.h>

#include <algorithm>
#include <cstdlib>

#include "agent/base/strings.hpp"
#include "agent/net/certificate.hpp"
#include "agent/net/wait.hpp"
#include "agent/pg/connection.hpp"
#include "agent/pg/error.hpp"
#include "agent/pg/tls_policy.hpp"

namespace pgtend::pg {
namespace {

std::shared_ptr<PGconn> start_connect(const std::map<std::string, std::string>& parameters) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return {PQconnectStartParams(keywords.data(), values.data(), 0), &PQfinish};
}

// Setting names come from our own code and configuration; anything but a plain or dotted name is left out.
bool is_setting_name(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.'; });
}

// A list of schemas is a list of literals; every other value is one.
std::string setting_value(const std::string& name, const std::string& value) {
  if (name != "search_path") return quote_literal(value);
  std::vector<std::string> schemas;
  for (const auto& schema : split(value, ',')) schemas.push_back(quote_literal(trim(schema)));
  return join(schemas, ", ");
}

constexpr std::string_view kIdentityQuery =
    "SELECT pg_catalog.pg_backend_pid() AS pid, pg_catalog.current_database() AS database, current_user AS \"user\","
    " pg_catalog.pg_is_in_recovery() AS standby,"
    " (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000)::int8 AS started_ms,"
    " pg_catalog.current_setting('server_version_num') AS version_num,"
    " pg_catalog.current_setting('server_version') AS version,"
    " pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
    "  AND pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') AS may_read_control,"
    " CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN"
    "  ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8))::bit(32)::int8"
    " END AS timeline";

constexpr std::string_view kControlQuery =
    "SELECT s.system_identifier::text AS system_identifier, c.timeline_id AS timeline"
    " FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c";

// set_config() only where the role may: a plain SET would fail and fill the server's log at each connect. `role` is set
// when it exists and the session's user is a member of it.
std::string optional_setting_query(int version_num) {
  const std::string may = version_num >= 150000
                              ? "pg_catalog.has_parameter_privilege($1, 'SET')"
                              : "(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)"
                                " OR (SELECT context = 'user' FROM pg_catalog.pg_settings WHERE name = $1)";
  return "SELECT CASE WHEN CASE WHEN $1 = 'role' THEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = $2"
         " AND pg_catalog.pg_has_role(session_user, oid, 'MEMBER'))"
         " ELSE pg_catalog.current_setting($1, true) IS NOT NULL AND (" +
         may + ") END THEN pg_catalog.set_config($1, $2, false) END";
}

}  // namespace

std::optional<double> TlsFacts::days_left(UtcTime now) const {
  if (!certificate_not_after) return std::nullopt;
  return std::chrono::duration<double, std::ratio<86400>>(*certificate_not_after - now).count();
}

net::TaskResult<std::unique_ptr<Connection>> Connection::connect(ConnectSpec spec, net::asio::any_io_executor blocking,
                                                                 Deadline deadline) {
  std::unique_ptr<Connection> connection(new Connection());
  connection->blocking_ = blocking;
  auto opened = co_await connection->open(spec, deadline);
  if (!opened) co_return fail(std::move(opened.error()));
  co_return connection;
}

net::TaskResult<bool> Connection::open(ConnectSpec spec, Deadline deadline) {
  const auto begun = std::chrono::steady_clock::now();
  auto parameters = hardened_parameters(spec);
  if (!parameters) co_return fail(std::move(parameters.error()));
  auto wanted = std::move(*parameters);
  auto connected = co_await handshake(wanted, deadline);
  if (!connected) co_return connected;

  opened_at_ = std::chrono::steady_clock::now();
  connect_time_ = std::chrono::duration_cast<Millis>(opened_at_ - begun);
  database_ = PQdb(conn_.get());
  user_ = PQuser(conn_.get());
  const char* address = PQhostaddr(conn_.get());
  local_ = is_loopback(address != nullptr ? address : "");
  read_tls();
  if (spec.admin_console) co_return true;
  co_return co_await prepare_session(spec, deadline);
}

net::TaskResult<bool> Connection::handshake(std::map<std::string, std::string> parameters, Deadline deadline) {
  const bool resolve = needs_resolver(parameters);
  if (resolve) {
    auto start = [parameters] { return start_connect(parameters); };
    auto started = co_await net::run_until(blocking_, start, deadline);
    if (!started) co_return fail(Errc::unavailable, "the host's name was not resolved in time", true);
    conn_ = std::move(*started);
  } else {
    conn_ = start_connect(parameters);
  }
  if (!conn_) co_return fail(Errc::resource_exhausted, "no memory for a connection");
  PQsetNoticeReceiver(conn_.get(), [](void*, const PGresult*) {}, nullptr);
  // A failed connect has no PGresult to ask; under this verbosity its text has the SQLSTATE.
  PQsetErrorVerbosity(conn_.get(), PQERRORS_VERBOSE);

  auto wanted = PGRES_POLLING_WRITING;
  while (PQstatus(conn_.get()) != CONNECTION_BAD) {
    const int socket = PQsocket(conn_.get());
    const auto until = wanted == PGRES_POLLING_READING ? net::Until::read : net::Until::write;
    auto ready = co_await net::wait_descriptor(socket, until, deadline);
    if (ready == net::Ready::none)
      co_return fail(Errc::unavailable, "the server did not answer the connect in time", true);
    if (resolve) {
      // The next host of a list is resolved inside the poll.
      auto conn = conn_;
      auto poll = [conn] { return PQconnectPoll(conn.get()); };
      auto polled = co_await net::run_until(blocking_, poll, deadline);
      if (!polled) co_return fail(Errc::unavailable, "the server did not answer the connect in time", true);
      wanted = *polled;
    } else {
      wanted = PQconnectPoll(conn_.get());
    }
    if (wanted == PGRES_POLLING_OK) {
      PQsetErrorVerbosity(conn_.get(), PQERRORS_TERSE);
      PQsetnonblocking(conn_.get(), 1);
      co_return true;
    }
    if (wanted == PGRES_POLLING_FAILED) break;
  }
  co_return fail(connect_error(PQerrorMessage(conn_.get())));
}

net::TaskResult<bool> Connection::prepare_session(ConnectSpec spec, Deadline deadline) {
  auto identified = co_await read_identity(deadline);
  if (!identified || !direct_) co_return identified;
  std::string sets;
  for (const auto& [name, value] : spec.settings)
    if (is_setting_name(name)) sets += (sets.empty() ? "SET " : "; SET ") + name + " TO " + setting_value(name, value);
  if (!sets.empty()) {
    auto set = co_await execute(sets, deadline);
    if (!set) co_return fail(std::move(set.error()), "session settings");
  }
  const auto optional_sql = optional_setting_query(identity_.version_num);
  for (const auto& [name, value] : spec.optional_settings) {
    Params params{name, value};
    auto set = co_await query(optional_sql, params, deadline);
    if (!set && !healthy()) co_return fail(std::move(set.error()), "session settings");
  }
  co_return true;
}

net::TaskResult<bool> Connection::read_identity(Deadline deadline) {
  const std::string identity_sql(kIdentityQuery), control_sql(kControlQuery);
  const Params none;
  auto answer = co_await query(identity_sql, none, deadline);
  if (!answer) co_return fail(std::move(answer.error()), "identity");
  server_pid_ = static_cast<int>(answer->integer(0, "pid").value_or(0));
  direct_ = server_pid_ == PQbackendPID(conn_.get());
  database_ = answer->text(0, "database");
  user_ = answer->text(0, "user");
  identity_.role = answer->boolean(0, "standby") ? ServerRole::standby : ServerRole::primary;
  identity_.postmaster_start = from_ms(answer->integer(0, "started_ms").value_or(0));
  identity_.version_num = static_cast<int>(answer->integer(0, "version_num").value_or(0));
  identity_.server_version = answer->text(0, "version");
  identity_.timeline = static_cast<int>(answer->integer(0, "timeline").value_or(0));
  if (!answer->boolean(0, "may_read_control")) co_return true;
  auto control = co_await query(control_sql, none, deadline);
  if (!control) co_return fail(std::move(control.error()), "identity");
  identity_.system_identifier = control->text(0, "system_identifier");
  // On a primary the WAL file name is newer than the last checkpoint.
  if (identity_.timeline == 0) identity_.timeline = static_cast<int>(control->integer(0, "timeline").value_or(0));
  co_return true;
}

void Connection::read_tls() {
  tls_.in_use = PQsslInUse(conn_.get()) == 1;
  if (!tls_.in_use) return;
  const char* protocol = PQsslAttribute(conn_.get(), "protocol");
  const char* cipher = PQsslAttribute(conn_.get(), "cipher");
  tls_.protocol = protocol != nullptr ? protocol : "";
  tls_.cipher = cipher != nullptr ? cipher : "";
  auto* session = static_cast<ssl_st*>(PQsslStruct(conn_.get(), "OpenSSL"));
  tls_.certificate_not_after = net::peer_certificate_not_after(session);
}

}  // namespace pgtend::pg
