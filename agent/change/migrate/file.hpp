#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "rules/sql/script.hpp"

// Migration files: names, headers, sections (docs/migrations.md).
namespace pgtend::migrate {

struct Step {
  sql::ScriptStatement sql;
  int line = 0;  // in the file, from 1
  // What one statement is to the progress of its file: the same text is the same step.
  [[nodiscard]] std::string digest() const;
};

struct MigrationFile {
  std::string path;         // as it was read, for messages
  std::string id;           // "V0007", "R__views"
  std::uint64_t version{};  // 7; 0 for a repeatable one
  std::string name;         // "orders_idx"
  bool repeatable = false;

  bool transactional = true;  // tx=all; tx=none: each statement by itself
  std::string role;           // SET ROLE before its statements; empty: the session's user
  std::string risk;
  std::vector<std::uint64_t> needs;  // requires=
  std::optional<Millis> lock_timeout, statement_timeout;

  std::vector<Step> pre, up, post, down;
  std::string text;      // as it was read
  std::string checksum;  // of the text with LF ends of lines and without trailing blanks; sha-256, hex

  [[nodiscard]] std::string place(const Step& step) const { return path + ":" + std::to_string(step.line); }
};

// What a file's name says: V0007__orders_idx.sql or R__views.sql. nullopt when it is neither.
struct FileName {
  std::string id, name;
  std::uint64_t version = 0;
  bool repeatable = false;
};
[[nodiscard]] std::optional<FileName> parse_file_name(std::string_view file_name);
// "V0007" or "7" as 7; nullopt when it is no version.
[[nodiscard]] std::optional<std::uint64_t> parse_version(std::string_view text);

// Reads one file's text; `path` is how messages name it. Errors: parse (each mistake on a line of its own as
// path:line: …), not retryable.
[[nodiscard]] Result<MigrationFile> parse_migration(const std::string& path, std::string_view text);

// Every V*.sql and R*.sql of a folder: versions ascending, then repeatable ones by name. Other files are left alone.
// Errors: not_found (no such folder), io, parse (all mistakes of all files, names, doubled versions and `requires` that
// cannot be met too).
[[nodiscard]] Result<std::vector<MigrationFile>> read_folder(const std::string& folder);

}  // namespace pgtend::migrate
