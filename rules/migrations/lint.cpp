#include "rules/migrations/lint.hpp"

#include <algorithm>
#include <cctype>

#include "rules/migrations/check.hpp"
#include "rules/migrations/marks.hpp"

namespace pgtend::migrations {

namespace {

// From bytes of a text to what an editor shows.
class Places {
 public:
  explicit Places(std::string_view text) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n') starts_.push_back(i + 1);
  }
  [[nodiscard]] int line(std::size_t at) const {
    return static_cast<int>(std::upper_bound(starts_.begin(), starts_.end(), at) - starts_.begin());
  }
  [[nodiscard]] int column(std::size_t at) const {
    return static_cast<int>(at - starts_[static_cast<std::size_t>(line(at)) - 1]) + 1;
  }

 private:
  std::vector<std::size_t> starts_;
};

Note unparsed(const sql::DdlStatement& statement, int server) {
  const bool newer = server > sql::grammar_version() || statement.too_long;
  return {newer ? "not-checked" : "syntax-error", statement.at, statement.error, ""};
}

void check_statement(const sql::DdlScript& script, std::size_t index, std::size_t last, State& state, int server,
                     std::vector<Note>& notes) {
  const auto& statement = script.statements[index];
  if (!statement.error.empty()) notes.push_back(unparsed(statement, server));
  for (const auto& action : statement.actions) {
    const Step step{action, script, index, last, state, server, notes};
    check_transaction(step);
    check_indexes(step);
    check_columns(step);
    check_constraints(step);
    check_tables(step);
    check_partitions(step);
    check_breaking(step);
    check_types(step);
    state.apply(action, index);
  }
  state.end_statement();
}

std::vector<Note> check_section(const sql::DdlScript& script, const Marks& marks, std::size_t section, int server) {
  const auto from = marks.sections[section].at;
  const auto until = section + 1 < marks.sections.size() ? marks.sections[section + 1].at : std::string::npos;
  const auto begin = [&](std::size_t at) {
    return static_cast<std::size_t>(std::find_if(script.statements.begin(), script.statements.end(),
                                                 [at](const auto& one) { return one.at >= at; }) -
                                    script.statements.begin());
  };
  const auto first = begin(from), last = begin(until);
  State state(marks.in_transaction, marks.lock_timeout);
  std::vector<Note> notes;
  if (marks.sections[section].kind == Section::Kind::check) return notes;
  for (std::size_t i = first; i < last; ++i) check_statement(script, i, last, state, server, notes);
  if (marks.sections[section].kind == Section::Kind::down)
    std::erase_if(notes, [](const Note& note) { return find_rule(note.rule)->forward_only; });
  return notes;
}

// Before the statement, inside it, or on the line on which it ends.
bool covers(const Allowance& allowance, const sql::DdlScript& script, const Note& note, const Places& places) {
  if (allowance.rule != note.rule) return false;
  if (allowance.whole_file) return true;
  const auto after = std::upper_bound(script.statements.begin(), script.statements.end(), note.at,
                                      [](std::size_t at, const auto& one) { return at < one.at; });
  if (after == script.statements.begin()) return false;
  const auto& statement = *(after - 1);
  const auto end = statement.at + statement.text.size();
  if (allowance.at > end) return places.line(allowance.at) == places.line(end);
  if (after - 1 == script.statements.begin()) return true;
  const auto& before = *(after - 2);
  const auto end_before = before.at + before.text.size();
  return allowance.at > end_before && places.line(allowance.at) != places.line(end_before);
}

// Leaves out what is allowed, and tells of allowances that mean nothing.
void apply_allowances(const sql::DdlScript& script, Marks& marks, const Places& places, std::vector<Note>& notes) {
  for (auto& allowance : marks.allowances) {
    if (find_rule(allowance.rule) == nullptr) {
      notes.push_back({"allow-unknown-rule", allowance.at, "\"" + allowance.rule + "\"", ""});
    } else if (allowance.reason.empty()) {
      notes.push_back({"allow-without-reason", allowance.at, allowance.rule, ""});
    } else {
      const auto gone = std::erase_if(notes, [&](const Note& note) { return covers(allowance, script, note, places); });
      if (gone == 0) notes.push_back({"allow-unused", allowance.at, allowance.rule, ""});
    }
  }
}

bool is_versioned(std::string_view file) {
  const auto slash = file.find_last_of('/');
  const auto name = slash == std::string_view::npos ? file : file.substr(slash + 1);
  return name.size() > 1 && name.front() == 'V' && std::isdigit(static_cast<unsigned char>(name[1])) != 0 &&
         name.find("__") != std::string_view::npos;
}

MigrationFinding finding_of(Note note, const Places& places) {
  const auto& rule = *find_rule(note.rule);
  return {std::string(rule.name),   rule.severity,       places.line(note.at),
          places.column(note.at),   rule.lock,           std::move(note.subject),
          std::string(rule.causes), std::move(note.safe)};
}

}  // namespace

std::vector<MigrationFinding> lint(std::string_view text, const LintOptions& options, std::string_view file) {
  const Places places(text);
  std::vector<MigrationFinding> out;
  const auto script = sql::read_ddl(text);
  if (!script) {
    out.push_back(finding_of({"syntax-error", 0, script.error().message, ""}, places));
    return out;
  }
  auto marks = read_marks(*script, file);
  std::vector<Note> notes;
  for (std::size_t i = 0; i < marks.sections.size(); ++i) {
    auto found = check_section(*script, marks, i, options.server_version);
    notes.insert(notes.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  }
  const bool has_down = std::any_of(marks.sections.begin(), marks.sections.end(),
                                    [](const Section& one) { return one.kind == Section::Kind::down; });
  if (is_versioned(file) && !has_down) notes.push_back({"missing-down", 0, "no -- @down", "-- @down\n"});
  apply_allowances(*script, marks, places, notes);
  std::stable_sort(notes.begin(), notes.end(), [](const Note& a, const Note& b) { return a.at < b.at; });
  for (auto& note : notes) out.push_back(finding_of(std::move(note), places));
  return out;
}

}  // namespace pgtend::migrations
