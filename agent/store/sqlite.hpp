#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"

// The thin layer over SQLite's C interface; private to agent/store.
namespace pgtend::store {

// Turns the last failure of `db` into an Error: busy, full, io and interrupts keep their meaning. Never holds a value.
[[nodiscard]] Error sqlite_error(sqlite3* db, int code, std::string_view doing);

// A prepared statement, reset after each complete run. Parameters are numbered from 1, columns from 0.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* db, sqlite3_stmt* stmt, std::size_t* counter) : db_(db), stmt_(stmt), executed_(counter) {}

  Statement& bind(int at, std::int64_t value);
  Statement& bind(int at, std::string_view value);
  // Bytes, not copied: they must live until the statement has run.
  Statement& bind_blob(int at, std::string_view value);
  Statement& bind_null(int at);
  // Bit-exact: what SQLite cannot keep as a REAL (NaN becomes NULL, -0 becomes 0) is stored as eight bytes.
  Statement& bind_exact(int at, double value);
  Statement& bind(int at, UtcTime value) { return bind(at, to_ms(value)); }
  Statement& bind(int at, const std::optional<UtcTime>& value);

  // True: a row is there; false: done, and the statement is reset.
  Result<bool> step();
  // Runs a statement that gives no rows (rows are ignored).
  Result<void> run();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(stmt_.get(), column); }
  [[nodiscard]] std::string text(int column) const;
  // Valid until the next step.
  [[nodiscard]] std::string_view view(int column) const;
  // Bytes of a blob; valid until the next step.
  [[nodiscard]] std::string_view blob(int column) const;
  [[nodiscard]] double exact(int column) const;
  [[nodiscard]] bool is_blob(int column) const { return sqlite3_column_type(stmt_.get(), column) == SQLITE_BLOB; }
  [[nodiscard]] bool is_text(int column) const { return sqlite3_column_type(stmt_.get(), column) == SQLITE_TEXT; }
  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(stmt_.get(), column) == SQLITE_NULL; }
  [[nodiscard]] UtcTime time(int column) const { return from_ms(integer(column)); }
  [[nodiscard]] std::optional<UtcTime> optional_time(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* stmt) const { sqlite3_finalize(stmt); }
  };
  sqlite3* db_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> stmt_;
  std::size_t* executed_ = nullptr;
  bool fresh_ = true;
};

// untouched: the file alone, which nobody writes meanwhile; nothing is created beside it.
enum class OpenMode { read_write, read_only, untouched };

class Database {
 public:
  // Errors: io, corrupt. REQUIRES: a file to be written was made by create_private.
  static Result<std::unique_ptr<Database>> open(const std::string& path, OpenMode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs SQL text without parameters.
  Result<void> exec(const std::string& sql);
  Result<Statement> prepare(std::string_view sql);
  // A statement prepared once and kept; the caller runs it to its end before asking for the same text again.
  Result<Statement*> cached(const char* sql);
  // First column of the first row, as a number; 0 when there is none.
  Result<std::int64_t> number(std::string_view sql);
  // The same with a statement that is kept, for what every commit asks.
  Result<std::int64_t> cached_number(const char* sql);

  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(db_); }
  [[nodiscard]] std::int64_t last_id() const { return sqlite3_last_insert_rowid(db_); }
  [[nodiscard]] std::size_t executed() const { return executed_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] sqlite3* handle() const { return db_; }

  // Statements still running at `deadline` end with Errc::timeout; nullopt lifts it. Real steady time: SQLite calls
  // back in the middle of a statement, where no other clock could have moved.
  void set_deadline(std::optional<Deadline> deadline);

 private:
  explicit Database(std::string path) : path_(std::move(path)) {}
  static int on_progress(void* self);

  std::string path_;
  sqlite3* db_ = nullptr;
  std::size_t executed_ = 0;
  std::optional<Deadline> deadline_;
  std::vector<std::pair<const char*, std::unique_ptr<Statement>>> cache_;
};

// BEGIN IMMEDIATE … COMMIT; rolled back unless commit() was reached.
class Transaction {
 public:
  static Result<Transaction> begin(Database& db, const char* how = "BEGIN IMMEDIATE");
  Transaction(Transaction&& other) noexcept : db_(other.db_) { other.db_ = nullptr; }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database* db) : db_(db) {}
  Database* db_ = nullptr;
};

}  // namespace pgtend::store

// Leaves the function with the error of a Result that failed.
#define PGTEND_STORE_TRY(expression)                                                                   \
  do {                                                                                                 \
    if (auto pgtend_tried = (expression); !pgtend_tried) return fail(std::move(pgtend_tried).error()); \
  } while (false)
