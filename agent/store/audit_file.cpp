#include "agent/store/audit_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "agent/store/ledger_impl.hpp"

namespace pgtend::store {

namespace {

Result<void> check_readable(const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return {};
  const int why = errno;
  const auto code = why == ENOENT || why == ENOTDIR ? Errc::not_found : why == EACCES ? Errc::permission : Errc::io;
  return fail(code, "cannot read " + path + ": " + std::strerror(why));
}

// An agent that was killed leaves its last rows in the log beside the file; one that stopped, or never started, none.
bool has_log(const std::string& path) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(path + "-wal", none);
  return !none && bytes > 0;
}

Result<AuditCheck> verify(const std::string& path, bool logged) {
  if (logged) PGTEND_STORE_TRY(check_readable(path + "-wal"));
  auto db = Database::open(path, logged ? OpenMode::read_only : OpenMode::untouched);
  if (!db) return fail(std::move(db).error());
  // One state of the file for all statements, also while an agent writes.
  PGTEND_STORE_TRY((*db)->exec("BEGIN"));
  auto tables = (*db)->number("SELECT count(*) FROM sqlite_master WHERE name IN ('audit', 'audit_head')");
  if (!tables) return fail(std::move(tables).error(), "read " + path);
  if (*tables != 2) return fail(Errc::unsupported, path + " is no ledger of pgtend: it has no audit");
  auto check = verify_audit(**db);
  if (!check) return fail(std::move(check).error(), "read " + path);
  return check;
}

}  // namespace

Result<AuditCheck> verify_audit_file(const std::string& path) {
  PGTEND_STORE_TRY(check_readable(path));
  const bool logged = has_log(path);
  auto check = verify(path, logged);
  // An agent began to write meanwhile.
  if (!logged && has_log(path)) check = verify(path, true);
  return check;
}

}  // namespace pgtend::store
