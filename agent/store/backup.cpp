#include "agent/store/backup.hpp"

#include <filesystem>

#include "agent/store/files.hpp"

namespace pgtend::store {

namespace {

// Source: 1,000 pages are 4 MB, about 10 ms of writing.
constexpr int kPagesPerStep = 1'000;

}  // namespace

Result<std::unique_ptr<Backup>> Backup::begin(Database& from, const std::string& to) {
  if (std::filesystem::exists(to)) return fail(Errc::conflict, to + " exists already; name a new file");
  PGTEND_STORE_TRY(create_private(to));
  auto target = Database::open(to, OpenMode::read_write);
  if (!target) return fail(std::move(target).error());
  auto out = std::unique_ptr<Backup>(new Backup());
  out->to_ = std::move(*target);
  out->backup_ = sqlite3_backup_init(out->to_->handle(), "main", from.handle(), "main");
  if (out->backup_ == nullptr)
    return fail(sqlite_error(out->to_->handle(), sqlite3_errcode(out->to_->handle()), "begin backup"));
  return out;
}

Backup::~Backup() {
  if (backup_ != nullptr) sqlite3_backup_finish(backup_);
}

Result<bool> Backup::step() {
  const int code = sqlite3_backup_step(backup_, kPagesPerStep);
  if (code == SQLITE_DONE) return true;
  if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) return false;
  return fail(sqlite_error(to_->handle(), code, "backup"));
}

}  // namespace pgtend::store
