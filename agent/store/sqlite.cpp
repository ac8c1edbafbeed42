#include "agent/store/sqlite.hpp"

#include <bit>
#include <cmath>
#include <cstring>

namespace pgtend::store {

namespace {

// Virtual-machine steps between two looks at the deadline: about a millisecond of work.
constexpr int kStepsPerLook = 10'000;

Errc code_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Errc::resource_exhausted;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_INTERRUPT:
      return Errc::timeout;
    case SQLITE_CONSTRAINT:
      return Errc::conflict;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
      return Errc::internal;
    default:
      return Errc::io;
  }
}

std::string immutable_uri(const std::string& path) {
  constexpr std::string_view kPlain = "/._-";
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string out = "file:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += std::string("%") + kHex[byte >> 4] + kHex[byte & 15];
    }
  }
  return out + "?immutable=1";
}

}  // namespace

Error sqlite_error(sqlite3* db, int code, std::string_view doing) {
  Error error;
  error.code = code_of(code);
  error.message = std::string(doing) + ": " + (db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code));
  error.retryable = error.code == Errc::io || error.code == Errc::resource_exhausted || error.code == Errc::timeout;
  return error;
}

Statement& Statement::bind(int at, std::int64_t value) {
  sqlite3_bind_int64(stmt_.get(), at, value);
  return *this;
}

Statement& Statement::bind(int at, std::string_view value) {
  // A null pointer would bind NULL; an empty text is not NULL.
  const char* bytes = value.data() != nullptr ? value.data() : "";
  sqlite3_bind_text64(stmt_.get(), at, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind_blob(int at, std::string_view value) {
  const char* bytes = value.data() != nullptr ? value.data() : "";
  sqlite3_bind_blob64(stmt_.get(), at, bytes, value.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_null(int at) {
  sqlite3_bind_null(stmt_.get(), at);
  return *this;
}

Statement& Statement::bind(int at, const std::optional<UtcTime>& value) {
  return value ? bind(at, *value) : bind_null(at);
}

Statement& Statement::bind_exact(int at, double value) {
  if (std::isnan(value) || (value == 0 && std::signbit(value))) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    sqlite3_bind_blob(stmt_.get(), at, &bits, sizeof bits, SQLITE_TRANSIENT);
  } else {
    sqlite3_bind_double(stmt_.get(), at, value);
  }
  return *this;
}

double Statement::exact(int column) const {
  if (sqlite3_column_type(stmt_.get(), column) != SQLITE_BLOB) return sqlite3_column_double(stmt_.get(), column);
  std::uint64_t bits = 0;
  if (sqlite3_column_bytes(stmt_.get(), column) == sizeof bits)
    std::memcpy(&bits, sqlite3_column_blob(stmt_.get(), column), sizeof bits);
  return std::bit_cast<double>(bits);
}

std::string_view Statement::view(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(stmt_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column))};
}

std::string_view Statement::blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(stmt_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(stmt_.get(), column))};
}

std::string Statement::text(int column) const {
  return std::string(view(column));
}

std::optional<UtcTime> Statement::optional_time(int column) const {
  return is_null(column) ? std::nullopt : std::optional(time(column));
}

Result<bool> Statement::step() {
  if (fresh_) ++*executed_;
  fresh_ = false;
  const int code = sqlite3_step(stmt_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto error = sqlite_error(db_, code, "history or ledger statement");
  error.message += std::string(" in \"") + std::string(sqlite3_sql(stmt_.get())).substr(0, 60) + "\"";
  reset();
  return fail(std::move(error));
}

Result<void> Statement::run() {
  while (true) {
    auto more = step();
    if (!more) return fail(std::move(more).error());
    if (!*more) return {};
  }
}

void Statement::reset() {
  if (!stmt_) return;
  sqlite3_reset(stmt_.get());
  sqlite3_clear_bindings(stmt_.get());
  fresh_ = true;
}

Database::~Database() {
  cache_.clear();
  sqlite3_close_v2(db_);
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, OpenMode mode) {
  auto out = std::unique_ptr<Database>(new Database(path));
  const bool untouched = mode == OpenMode::untouched;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (untouched ? SQLITE_OPEN_URI : 0) |
                    (mode == OpenMode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2((untouched ? immutable_uri(path) : path).c_str(), &out->db_, flags, nullptr);
  if (code != SQLITE_OK) return fail(sqlite_error(out->db_, code, "open " + path));
  sqlite3_progress_handler(out->db_, kStepsPerLook, &Database::on_progress, out.get());
  // A schema can be tampered with; nothing in it may run code of ours with side effects.
  sqlite3_db_config(out->db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(out->db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Only the read-write connection checkpoints: this SQLite has the WAL-reset bug.
  if (mode != OpenMode::read_write) sqlite3_db_config(out->db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_busy_timeout(out->db_, 2'000);
  PGTEND_STORE_TRY(out->exec("PRAGMA mmap_size=0"));
  return out;
}

int Database::on_progress(void* self) {
  const auto* db = static_cast<const Database*>(self);
  return db->deadline_ && std::chrono::steady_clock::now() >= *db->deadline_ ? 1 : 0;
}

void Database::set_deadline(std::optional<Deadline> deadline) {
  deadline_ = deadline;
}

Result<void> Database::exec(const std::string& sql) {
  ++executed_;
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(sqlite_error(db_, code, sql.substr(0, 60)));
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* stmt = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), 0, &stmt, nullptr);
  if (code != SQLITE_OK) return fail(sqlite_error(db_, code, "prepare"));
  return Statement(db_, stmt, &executed_);
}

Result<Statement*> Database::cached(const char* sql) {
  for (auto& [text, statement] : cache_) {
    if (std::strcmp(text, sql) != 0) continue;
    statement->reset();
    return statement.get();
  }
  auto fresh = prepare(sql);
  if (!fresh) return fail(std::move(fresh).error());
  cache_.emplace_back(sql, std::make_unique<Statement>(std::move(*fresh)));
  return cache_.back().second.get();
}

Result<std::int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(std::move(statement).error());
  auto row = statement->step();
  if (!row) return fail(std::move(row).error());
  return *row ? statement->integer(0) : 0;
}

Result<std::int64_t> Database::cached_number(const char* sql) {
  auto statement = cached(sql);
  if (!statement) return fail(std::move(statement).error());
  auto row = (*statement)->step();
  if (!row) return fail(std::move(row).error());
  const auto value = *row ? (*statement)->integer(0) : 0;
  // Left where it is, it would hold its picture of the file.
  (*statement)->reset();
  return value;
}

Result<Transaction> Transaction::begin(Database& db, const char* how) {
  PGTEND_STORE_TRY(db.exec(how));
  return Transaction(&db);
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already; a second ROLLBACK is then refused without harm.
  if (db_ != nullptr && sqlite3_get_autocommit(db_->handle()) == 0)
    sqlite3_exec(db_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Result<void> Transaction::commit() {
  PGTEND_STORE_TRY(db_->exec("COMMIT"));
  db_ = nullptr;
  return {};
}

}  // namespace pgtend::store
