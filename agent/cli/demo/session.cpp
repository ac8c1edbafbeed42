#include "agent/cli/demo/session.hpp"

#include <libpq-fe.h>

#include <cstdlib>

namespace pgtend::cli::demo {

namespace {

PGconn* as_connection(void* connection) {
  return static_cast<PGconn*>(connection);
}

RowSet copy(const PGresult* result) {
  RowSet out;
  const int columns = PQnfields(result);
  for (int c = 0; c < columns; ++c) out.columns.emplace_back(PQfname(result, c));
  for (int r = 0; r < PQntuples(result); ++r) {
    auto& row = out.rows.emplace_back();
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(result, r, c) != 0) {
        row.emplace_back(std::nullopt);
      } else {
        row.emplace_back(std::string(PQgetvalue(result, r, c)));
      }
    }
  }
  return out;
}

Result<RowSet> take(PGconn* connection, PGresult* given) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(given, PQclear);
  const auto status = PQresultStatus(result.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return copy(result.get());
  Error error;
  error.code = Errc::server;
  error.message = result ? PQresultErrorMessage(result.get()) : PQerrorMessage(connection);
  if (const char* state = result ? PQresultErrorField(result.get(), PG_DIAG_SQLSTATE) : nullptr; state != nullptr)
    error.sqlstate = state;
  return fail(std::move(error));
}

}  // namespace

void Session::Close::operator()(void* connection) const {
  PQfinish(as_connection(connection));
}

Result<Session> Session::open(const std::string& conninfo) {
  Session out(PQconnectdb(conninfo.c_str()));
  PGconn* connection = as_connection(out.connection_.get());
  if (PQstatus(connection) != CONNECTION_OK) return fail(Errc::unavailable, PQerrorMessage(connection));
  PQsetNoticeReceiver(connection, [](void*, const PGresult*) {}, nullptr);
  return out;
}

Result<RowSet> Session::run(const std::string& sql) {
  PGconn* connection = as_connection(connection_.get());
  return take(connection, PQexec(connection, sql.c_str()));
}

Result<RowSet> Session::run(const std::string& sql, const std::vector<std::string>& parameters) {
  PGconn* connection = as_connection(connection_.get());
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  return take(connection, PQexecParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                                       nullptr, nullptr, 0));
}

Result<std::string> Session::value(const std::string& sql) {
  auto rows = run(sql);
  if (!rows) return fail(std::move(rows.error()));
  if (rows->rows.empty() || rows->rows[0].empty()) return std::string();
  return rows->rows[0][0].value_or("");
}

Result<double> Session::number(const std::string& sql) {
  auto text = value(sql);
  if (!text) return fail(std::move(text.error()));
  return std::strtod(text->c_str(), nullptr);
}

Result<bool> Session::holds(const std::string& sql) {
  auto text = value(sql);
  if (!text) return fail(std::move(text.error()));
  return *text == "t";
}

}  // namespace pgtend::cli::demo
