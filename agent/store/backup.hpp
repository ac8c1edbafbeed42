#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/base/result.hpp"
#include "agent/store/sqlite.hpp"

namespace pgtend::store {

// A copy of an open database, made page by page between its commits. The source must be the read-write connection: its
// own commits then go into the copy too, where those of another connection would start it anew. The copy is made under
// another name beside `to`, and is gone when it does not come to its end. Private to agent/store; store thread only.
class Backup {
 public:
  // Errors: conflict (`to` exists), io.
  static Result<std::unique_ptr<Backup>> begin(Database& from, const std::string& to);
  ~Backup();
  // Copies some pages. True: the copy is complete. Errors: io, resource_exhausted (disk full).
  Result<bool> step();

 private:
  explicit Backup(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] std::string part() const { return path_ + ".part"; }
  Result<void> finish();

  std::string path_;
  std::unique_ptr<Database> to_;
  sqlite3_backup* backup_ = nullptr;
};

// The name of the copy of a file of an older version.
[[nodiscard]] std::string name_of_version(const std::string& path, std::int64_t version);

// Before an upgrade: the file as the older version left it, which that one can go on with, under name_of_version(). One
// of an upgrade that did not come to its end stays. Errors: those of Backup.
Result<void> keep_version(Database& db, std::int64_t version);

}  // namespace pgtend::store
