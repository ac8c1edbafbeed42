#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rules/sql/ddl.hpp"

// Inside rules/migrations only: what the comments of a script say of it.
namespace pgtend::migrations {

struct Section {
  enum class Kind { up, down, check };
  Kind kind = Kind::up;
  std::size_t at = 0;  // byte at which it begins
};

struct Allowance {
  std::size_t at = 0, end = 0;  // of the comment
  std::string rule, reason;
  bool whole_file = false;
};

struct Marks {
  std::vector<Section> sections;  // never empty
  bool in_transaction = true;     // the tool runs the script in one
  bool lock_timeout = false;      // it is a file of pgtend's, which sets one
  std::vector<Allowance> allowances;
};

// Reads the marks of pgtend (`pgtend: tx=none`, `@up`), goose, dbmate and this lint. A script without marks of sections
// is one section, which the file's name may tell to be the way back.
[[nodiscard]] Marks read_marks(const sql::DdlScript& script, std::string_view file);

}  // namespace pgtend::migrations
