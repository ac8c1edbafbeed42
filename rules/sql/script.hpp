#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

// A file of statements, read by the server's own grammar with the place of each.
namespace pgtend::sql {

// Longer files are data, not a script. Source: the scanner's tokens take some 20 times the text.
inline constexpr std::size_t kMaxScriptBytes = 16 * 1024 * 1024;

// What a statement that cannot run inside a transaction block leaves behind when it is interrupted.
enum class ScriptEffect {
  other,         // nothing that a second run would trip over (VACUUM, ALTER SYSTEM)
  create_index,  // an INVALID index
  drop_index,    // an INVALID index
  reindex,       // INVALID indexes named *_ccnew or *_ccold
  detach,        // a partition that waits for FINALIZE
  create,        // CREATE DATABASE, TABLESPACE, SUBSCRIPTION: there or not
};

struct ScriptStatement {
  std::string text;        // without its semicolon and without the comments before it
  std::size_t offset = 0;  // of its first byte in the script
  bool is_query = false;   // SELECT or VALUES
  bool outside_transaction = false;
  ScriptEffect effect = ScriptEffect::other;
  std::string schema, name;         // of the index (create_index, drop_index), the partition (detach)
  std::string table_schema, table;  // create_index, detach: what it is on; reindex: the table, when it names one
  std::string refused;              // why a script may not hold it (BEGIN, COPY FROM STDIN); empty: it may
};

struct ScriptComment {
  std::string text;  // "-- …" without the line's end
  std::size_t offset = 0;
};

struct ScriptError {
  std::string message;
  std::size_t offset = 0;
};

// Where the statements of a script stand, without their semicolons and with the blanks and comments before them; the
// parser knows where the body of a function ends. REQUIRES: no zero byte. Fails where the grammar does.
struct Piece {
  std::size_t at = 0, end = 0;  // bytes, half open
};
[[nodiscard]] tl::expected<std::vector<Piece>, ScriptError> split_script(const std::string& text);

// The statements of a script in order. Fails where the grammar does; the offset is that place.
[[nodiscard]] tl::expected<std::vector<ScriptStatement>, ScriptError> read_script(std::string_view text);

// The line comments that stand outside strings and function bodies.
[[nodiscard]] tl::expected<std::vector<ScriptComment>, ScriptError> line_comments(std::string_view text);

}  // namespace pgtend::sql
