#include "tests/support/pg_session.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace pgtend::test {
namespace {

// Carries the SQLSTATE from collect() to sqlstate_of().
struct ServerFailure : std::runtime_error {
  ServerFailure(const std::string& message, std::string code)
      : std::runtime_error(message), sqlstate(std::move(code)) {}
  std::string sqlstate;
};

RowSet copy(PGresult* result) {
  RowSet out;
  const int columns = PQnfields(result);
  for (int c = 0; c < columns; ++c) out.columns.emplace_back(PQfname(result, c));
  for (int r = 0; r < PQntuples(result); ++r) {
    auto& row = out.rows.emplace_back();
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(result, r, c))
        row.emplace_back(std::nullopt);
      else
        row.emplace_back(std::string(PQgetvalue(result, r, c)));
    }
  }
  out.affected = std::atoll(PQcmdTuples(result));
  return out;
}

}  // namespace

PgSession::PgSession(const std::string& conninfo) : conn_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(conn_) != CONNECTION_OK) {
    const std::string message = PQerrorMessage(conn_);
    PQfinish(conn_);
    throw std::runtime_error(message);
  }
  PQsetNoticeReceiver(conn_, [](void*, const PGresult*) {}, nullptr);
}

PgSession::~PgSession() {
  PQfinish(conn_);
}

PgSession::PgSession(PgSession&& other) noexcept : conn_(std::exchange(other.conn_, nullptr)) {}

RowSet PgSession::collect() {
  RowSet last;
  std::string failure, sqlstate;
  while (PGresult* result = PQgetResult(conn_)) {
    const auto status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
      failure = PQresultErrorMessage(result);
      const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      sqlstate = code ? code : "08006";
    } else {
      last = copy(result);
    }
    PQclear(result);
    if (PQstatus(conn_) == CONNECTION_BAD) break;
  }
  if (!failure.empty()) throw ServerFailure(failure, sqlstate);
  return last;
}

void PgSession::send(const std::string& sql) {
  if (PQsendQuery(conn_, sql.c_str()) != 1) throw std::runtime_error(PQerrorMessage(conn_));
}

RowSet PgSession::finish() {
  return collect();
}

RowSet PgSession::rows(const std::string& sql) {
  send(sql);
  return collect();
}

std::string PgSession::value(const std::string& sql) {
  const auto answer = rows(sql);
  return answer.rows.empty() || answer.rows[0].empty() ? std::string() : answer.rows[0][0].value_or("");
}

std::string PgSession::sqlstate_of(const std::string& sql) {
  try {
    rows(sql);
    return {};
  } catch (const ServerFailure& failure) {
    return failure.sqlstate;
  }
}

int PgSession::backend_pid() const {
  return PQbackendPID(conn_);
}

}  // namespace pgtend::test
