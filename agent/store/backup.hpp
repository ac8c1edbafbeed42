#pragma once

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

}  // namespace pgtend::store
