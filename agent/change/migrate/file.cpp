#include "agent/change/migrate/file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/store/sha256.hpp"

namespace pgtend::migrate {

namespace {

constexpr Millis kLongestLockWait{60'000};
const std::vector<std::string> kSections{"up", "down", "pre", "post"};
const std::vector<std::string> kHeaders{"tx", "role", "risk", "requires", "lock_timeout", "statement_timeout"};

std::string normalised(std::string_view text) {
  std::string out;
  for (const auto& line : split(text, '\n')) {
    const auto end = line.find_last_not_of(" \t\r");
    out += line.substr(0, end == std::string::npos ? 0 : end + 1) + "\n";
  }
  const auto end = out.find_last_not_of('\n');
  return out.substr(0, end == std::string::npos ? 0 : end + 1);
}

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  return out;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const auto near = nearest(word, known);
  return near ? "; did you mean " + *near + "?" : "; known: " + join(known, ", ");
}

// One pass over a file's comments and statements; collects every mistake.
class Reader {
 public:
  Reader(MigrationFile& out, std::string_view text) : out_(out), text_(text) {}

  void read() {
    auto statements = sql::read_script(text_);
    if (!statements) return wrong(statements.error().offset, statements.error().message);
    auto comments = sql::line_comments(text_);
    if (!comments) return wrong(comments.error().offset, comments.error().message);
    for (const auto& comment : *comments) take_comment(comment, *statements);
    std::sort(marks_.begin(), marks_.end(), [](const Mark& a, const Mark& b) { return a.offset < b.offset; });
    for (auto& statement : *statements) take_statement(std::move(statement));
    check();
  }
  [[nodiscard]] const std::vector<std::string>& mistakes() const { return mistakes_; }

 private:
  struct Mark {
    std::size_t offset = 0;
    std::string section;
  };

  [[nodiscard]] int line_of(std::size_t offset) const {
    const auto before = text_.substr(0, offset);
    return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  }
  void wrong(std::size_t offset, const std::string& message) { wrong_line(line_of(offset), message); }
  void wrong_line(int line, const std::string& message) {
    mistakes_.push_back(out_.path + ":" + std::to_string(line) + ": " + message);
  }

  void take_comment(const sql::ScriptComment& comment, const std::vector<sql::ScriptStatement>& statements) {
    const bool starts_line = comment.offset == 0 || text_[comment.offset - 1] == '\n';
    if (!starts_line) return;
    const auto text = trim(std::string_view(comment.text).substr(2));
    if (text.starts_with("@")) return take_mark(comment.offset, std::string(trim(text.substr(1))));
    if (!text.starts_with("pgtend:")) return;
    if (!statements.empty() && statements.front().offset < comment.offset)
      return wrong(comment.offset, "the header \"-- pgtend:\" stands before the first statement");
    for (const auto& word : split(text.substr(7), ' '))
      if (!trim(word).empty()) take_header(comment.offset, std::string(trim(word)));
  }

  void take_mark(std::size_t offset, const std::string& section) {
    if (std::find(kSections.begin(), kSections.end(), section) == kSections.end())
      return wrong(offset, "there is no section @" + section + did_you_mean(section, kSections));
    for (const auto& mark : marks_)
      if (mark.section == section)
        return wrong(offset, "section @" + section + " began on line " + std::to_string(line_of(mark.offset)) +
                                 " already; write each section once");
    marks_.push_back({offset, section});
  }

  void take_header(std::size_t offset, const std::string& word) {
    const auto equals = word.find('=');
    const auto key = word.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : word.substr(equals + 1);
    if (std::find(kHeaders.begin(), kHeaders.end(), key) == kHeaders.end())
      return wrong(offset, "unknown header " + key + did_you_mean(key, kHeaders));
    if (value.empty()) return wrong(offset, "header " + key + " has no value; write " + key + "=…");
    if (!headers_.emplace(key, value).second) return wrong(offset, "header " + key + " stands twice");
    if (key == "tx") return take_tx(offset, value);
    if (key == "role") out_.role = value;
    if (key == "risk") return take_risk(offset, value);
    if (key == "requires") return take_needs(offset, value);
    if (key == "lock_timeout") return take_time(offset, key, value, out_.lock_timeout, kLongestLockWait);
    if (key == "statement_timeout") return take_time(offset, key, value, out_.statement_timeout, Millis::max());
  }

  void take_tx(std::size_t offset, const std::string& value) {
    if (value != "all" && value != "none") return wrong(offset, "tx is all or none, not " + value);
    out_.transactional = value == "all";
  }
  void take_risk(std::size_t offset, const std::string& value) {
    if (value != "low" && value != "medium" && value != "high")
      return wrong(offset, "risk is low, medium or high, not " + value);
    out_.risk = value;
  }
  void take_needs(std::size_t offset, const std::string& value) {
    for (const auto& one : split(value, ',')) {
      const auto version = parse_version(one);
      if (!version) return wrong(offset, "requires names versions like V0006, not " + one);
      if (!out_.repeatable && *version >= out_.version)
        return wrong(offset, "requires " + one + ", which does not come before " + out_.id);
      out_.needs.push_back(*version);
    }
  }
  void take_time(std::size_t offset, const std::string& key, const std::string& value, std::optional<Millis>& into,
                 Millis longest) {
    const auto time = parse_duration(value);
    if (!time || *time <= Millis(0) || *time > longest)
      return wrong(offset, key + " is a duration above 0" +
                               (longest == Millis::max() ? "" : " and at most " + format_duration(longest)) +
                               " like 500ms, not " + value);
    into = *time;
  }

  void take_statement(sql::ScriptStatement statement) {
    std::string section = "up";
    const auto end = statement.offset + statement.text.size();
    for (const auto& mark : marks_) {
      if (mark.offset > statement.offset && mark.offset < end)
        return wrong(statement.offset, "the statement has no semicolon before section @" + mark.section);
      if (mark.offset < statement.offset) section = mark.section;
    }
    const bool before_all = marks_.empty() || statement.offset < marks_.front().offset;
    const bool has_up = std::any_of(marks_.begin(), marks_.end(), [](const Mark& m) { return m.section == "up"; });
    if (before_all && has_up) return wrong(statement.offset, "the statement stands before section @up");
    if (!statement.refused.empty()) return wrong(statement.offset, statement.refused);
    const bool is_check = section == "pre" || section == "post";
    if (is_check && !statement.is_query)
      return wrong(statement.offset, "a check of @" + section + " is a SELECT whose first column is true or false");
    if (statement.outside_transaction && out_.transactional)
      return wrong(statement.offset,
                   "the statement cannot run inside a transaction; give it a file of its own with the header "
                   "\"-- pgtend: tx=none\"");
    Step step{std::move(statement), 0};
    step.line = line_of(step.sql.offset);
    auto& into = section == "up" ? out_.up : section == "down" ? out_.down : section == "pre" ? out_.pre : out_.post;
    into.push_back(std::move(step));
  }

  void check() {
    if (out_.up.empty() && mistakes_.empty()) wrong_line(1, "there is no statement to apply; write one under -- @up");
    if (out_.repeatable && !out_.down.empty())
      wrong_line(out_.down.front().line, "a repeatable file has no @down; change it and apply it again");
  }

  MigrationFile& out_;
  std::string_view text_;
  std::vector<Mark> marks_;
  std::map<std::string, std::string> headers_;
  std::vector<std::string> mistakes_;
};

}  // namespace

std::string Step::digest() const {
  return store::sha256_hex(normalised(sql.text));
}

std::optional<std::uint64_t> parse_version(std::string_view text) {
  if (text.starts_with("V") || text.starts_with("v")) text.remove_prefix(1);
  return number(text);
}

std::optional<FileName> parse_file_name(std::string_view file_name) {
  if (!file_name.ends_with(".sql")) return std::nullopt;
  const auto stem = file_name.substr(0, file_name.size() - 4);
  const auto bar = stem.find("__");
  if (bar == std::string_view::npos || bar + 2 >= stem.size()) return std::nullopt;
  FileName out;
  out.name = stem.substr(bar + 2);
  if (stem.substr(0, bar) == "R") {
    out.repeatable = true;
    out.id = "R__" + out.name;
    return out;
  }
  if (!stem.starts_with("V")) return std::nullopt;
  const auto version = number(stem.substr(1, bar - 1));
  if (!version || *version == 0) return std::nullopt;
  out.version = *version;
  out.id = stem.substr(0, bar);
  return out;
}

Result<MigrationFile> parse_migration(const std::string& path, std::string_view text) {
  const auto slash = path.rfind('/');
  const auto name = parse_file_name(slash == std::string::npos ? path : path.substr(slash + 1));
  if (!name)
    return fail(Errc::parse, path + ":1: the name is neither V<number>__<name>.sql nor R__<name>.sql; rename the file");
  MigrationFile out;
  out.path = path;
  out.id = name->id;
  out.version = name->version;
  out.name = name->name;
  out.repeatable = name->repeatable;
  out.text = text;
  out.checksum = store::sha256_hex(normalised(text));
  Reader reader(out, text);
  reader.read();
  if (!reader.mistakes().empty()) return fail(Errc::parse, join(reader.mistakes(), "\n"));
  return out;
}

}  // namespace pgtend::migrate
