#include "agent/store/backup.hpp"

#include <filesystem>
#include <utility>

#include "agent/store/files.hpp"

namespace pgtend::store {

namespace {

// Source: 1,000 pages are 4 MB, about 10 ms of writing.
constexpr int kPagesPerStep = 1'000;

}  // namespace

Result<std::unique_ptr<Backup>> Backup::begin(Database& from, const std::string& to) {
  if (std::filesystem::exists(to)) return fail(Errc::conflict, to + " exists already; name a new file");
  auto out = std::unique_ptr<Backup>(new Backup(to));
  // One that a crash left.
  std::error_code none;
  std::filesystem::remove(out->part(), none);
  PGTEND_STORE_TRY(create_private(out->part()));
  auto target = Database::open(out->part(), OpenMode::read_write);
  if (!target) return fail(std::move(target).error());
  out->to_ = std::move(*target);
  out->backup_ = sqlite3_backup_init(out->to_->handle(), "main", from.handle(), "main");
  if (out->backup_ == nullptr)
    return fail(sqlite_error(out->to_->handle(), sqlite3_errcode(out->to_->handle()), "begin backup"));
  return out;
}

Backup::~Backup() {
  if (backup_ != nullptr) sqlite3_backup_finish(backup_);
  to_.reset();
  std::error_code none;
  std::filesystem::remove(part(), none);
  std::filesystem::remove(part() + "-journal", none);
}

Result<bool> Backup::step() {
  const int code = sqlite3_backup_step(backup_, kPagesPerStep);
  if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) return false;
  if (code != SQLITE_DONE) return fail(sqlite_error(to_->handle(), code, "backup"));
  if (auto finished = finish(); !finished) return fail(std::move(finished).error());
  return true;
}

Result<void> Backup::finish() {
  const int code = sqlite3_backup_finish(std::exchange(backup_, nullptr));
  if (code != SQLITE_OK) return fail(sqlite_error(to_->handle(), code, "backup"));
  to_.reset();
  // Unlike a rename, a link does not replace what came there meanwhile.
  std::error_code failed;
  std::filesystem::create_hard_link(part(), path_, failed);
  if (failed)
    return fail(failed == std::errc::file_exists ? Errc::conflict : Errc::io, path_ + ": " + failed.message());
  return {};
}

std::string name_of_version(const std::string& path, std::int64_t version) {
  return path + ".version" + std::to_string(version);
}

Result<void> keep_version(Database& db, std::int64_t version) {
  const auto to = name_of_version(db.path(), version);
  if (std::error_code ignored; std::filesystem::exists(to, ignored)) return {};
  auto backup = Backup::begin(db, to);
  if (!backup) return fail(std::move(backup).error());
  for (bool complete = false; !complete;) {
    auto step = (*backup)->step();
    if (!step) return fail(std::move(step).error());
    complete = *step;
  }
  return {};
}

}  // namespace pgtend::store
