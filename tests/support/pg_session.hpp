#pragma once

#include <string>

#include "agent/model/rows.hpp"

struct pg_conn;

namespace pgtend::test {

// A plain blocking libpq session for setting a scene and for reading the catalogs behind the agent's back.
// Every failure throws std::runtime_error with the server's message.
class PgSession {
 public:
  explicit PgSession(const std::string& conninfo);
  ~PgSession();
  PgSession(PgSession&& other) noexcept;
  PgSession& operator=(PgSession&&) = delete;

  // Runs one or more statements; the rows of the last.
  RowSet rows(const std::string& sql);
  void exec(const std::string& sql) { rows(sql); }
  // First column of the first row; "" for NULL or no row.
  std::string value(const std::string& sql);
  // SQLSTATE of the failure, "" on success; never throws.
  std::string sqlstate_of(const std::string& sql);

  // Starts a statement without waiting for it (a lock wait, a long query); finish() waits for its end.
  void send(const std::string& sql);
  RowSet finish();
  [[nodiscard]] int backend_pid() const;

 private:
  RowSet collect();
  pg_conn* conn_ = nullptr;
};

}  // namespace pgtend::test
