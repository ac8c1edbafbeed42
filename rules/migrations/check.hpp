#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "rules/migrations/lint.hpp"
#include "rules/migrations/state.hpp"

// Inside rules/migrations only: what the groups of rules see of one action, and where they say what they found.
namespace pgtend::migrations {

struct Note {
  std::string_view rule;
  std::size_t at = 0;  // byte in the script
  std::string subject, safe;
};

struct Step {
  const sql::Action& action;
  const sql::DdlScript& script;
  std::size_t statement;  // of script.statements
  std::size_t last;       // one behind the last statement of the section
  const State& state;
  int server;
  std::vector<Note>& notes;

  [[nodiscard]] const std::string& text() const { return script.statements[statement].text; }
  // At the action, or at another byte of the statement's text.
  void add(std::string_view rule, std::string subject, std::string safe) const;
  void add_at(std::size_t at, std::string_view rule, std::string subject, std::string safe) const;
};

void check_transaction(const Step& step);
void check_indexes(const Step& step);
void check_columns(const Step& step);
void check_constraints(const Step& step);
void check_tables(const Step& step);
void check_partitions(const Step& step);
void check_breaking(const Step& step);
void check_types(const Step& step);

// "table", or "schema.table" as a person reads it.
[[nodiscard]] std::string shown(const sql::ObjectName& name);
[[nodiscard]] std::string quoted(const sql::ObjectName& name);
// "ALTER TABLE name ".
[[nodiscard]] std::string alter(const sql::ObjectName& table);

// Scripts of safe forms: in one transaction; each statement in its own; and the same statement as it was, with a
// comment that allows it for a reason that the author has to make true.
[[nodiscard]] std::string together(std::initializer_list<std::string> statements);
[[nodiscard]] std::string one_by_one(std::initializer_list<std::string> statements);
[[nodiscard]] std::string allowed(std::string_view rule, std::string_view reason, const std::string& statement,
                                  bool in_transaction = true);
// The text of a statement with more words behind the first place where `word` stands, whatever its case.
[[nodiscard]] std::string with_behind(const std::string& text, std::string_view word, std::string_view more);

}  // namespace pgtend::migrations
