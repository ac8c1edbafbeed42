#include "collectors/postgres/statements.hpp"

#include <array>
#include <cctype>

#include "agent/base/strings.hpp"

namespace pgtend::collectors {

std::vector<std::int64_t> unseen_query_ids(const RowSet& numbers, const std::set<std::int64_t>& seen,
                                           std::size_t limit) {
  std::vector<std::int64_t> out;
  std::set<std::int64_t> taken;
  for (std::size_t i = 0; i < numbers.size() && out.size() < limit; ++i) {
    const auto id = numbers.integer(i, "queryid");
    if (id && !seen.contains(*id) && taken.insert(*id).second) out.push_back(*id);
  }
  return out;
}

std::string may_ask_text_bytes_sql() {
  return "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_stat_file(text, boolean)', 'EXECUTE') AS may";
}

std::string text_bytes_sql() {
  return "SELECT size AS bytes FROM pg_catalog.pg_stat_file('" + std::string(kStatementTextsFile) + "', true)";
}

Result<std::string> statement_texts_sql(const ServerShape& shape) {
  CollectorDef def;
  def.name = "statement_texts";
  def.extension = "pg_stat_statements";
  def.sql = R"(SELECT DISTINCT ON (queryid) queryid, query
FROM {schema}.pg_stat_statements
WHERE queryid = ANY ($1::pg_catalog.int8[])
ORDER BY queryid)";
  auto query = make_query(def, shape);
  if (!query) return fail(std::move(query.error()));
  return std::move(query->sql);
}

std::string bigint_array(const std::vector<std::int64_t>& ids) {
  std::string out = "{";
  for (const auto id : ids) out += (out.size() > 1 ? "," : "") + std::to_string(id);
  return out + "}";
}

std::map<std::int64_t, std::string> statement_texts(const RowSet& rows) {
  std::map<std::int64_t, std::string> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = rows.integer(i, "queryid");
    std::string text = safe_statement_text(rows.text(i, "query"));
    if (id && !text.empty()) out[*id] = std::move(text);
  }
  return out;
}

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}

// Reads statement text once, left to right, knowing PostgreSQL's comments, strings and dollar quotes.
class Cleaner {
 public:
  explicit Cleaner(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (starts("--")) {
        line_comment();
      } else if (starts("/*")) {
        block_comment();
      } else if (text_[at_] == '\'') {
        string_constant();
      } else if (text_[at_] == '"') {
        quoted_identifier();
      } else if (text_[at_] == '$' && dollar_constant()) {
        continue;
      } else {
        out_ += text_[at_++];
      }
    }
    return std::string(trim(out_));
  }

 private:
  [[nodiscard]] bool starts(std::string_view what) const { return text_.substr(at_).starts_with(what); }

  void line_comment() {
    const auto end = text_.find('\n', at_);
    at_ = end == std::string_view::npos ? text_.size() : end;
  }

  void block_comment() {
    int depth = 0;
    do {
      if (starts("/*")) {
        ++depth;
        at_ += 2;
      } else if (starts("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    out_ += ' ';
  }

  void string_constant() {
    // E'…' lets a backslash escape the quote.
    const bool escapes = !out_.empty() && (out_.back() == 'e' || out_.back() == 'E') &&
                         (out_.size() == 1 || !is_word(out_[out_.size() - 2]));
    for (++at_; at_ < text_.size(); ++at_) {
      if (escapes && text_[at_] == '\\') {
        ++at_;
      } else if (starts("''")) {
        ++at_;
      } else if (text_[at_] == '\'') {
        ++at_;
        break;
      }
    }
    out_ += "'?'";
  }

  void quoted_identifier() {
    const auto end = text_.find('"', at_ + 1);
    const auto stop = end == std::string_view::npos ? text_.size() : end + 1;
    out_ += text_.substr(at_, stop - at_);
    at_ = stop;
  }

  // $tag$…$tag$; $1 is a parameter and stays.
  bool dollar_constant() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const bool parameter = end > at_ + 1 && std::isdigit(static_cast<unsigned char>(text_[at_ + 1])) != 0;
    const bool inside_word = at_ > 0 && is_word(text_[at_ - 1]);
    if (end >= text_.size() || text_[end] != '$' || parameter || inside_word) return false;
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const auto close = text_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
    out_ += "'?'";
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
};

std::string first_words(std::string_view text, std::size_t count) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size() && words.size() < count;) {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == at) {
      if (std::isspace(static_cast<unsigned char>(text[at])) == 0) break;
      ++at;
    } else {
      words.emplace_back(text.substr(at, end - at));
      at = end;
    }
  }
  return join(words, " ");
}

// Statements whose constants pg_stat_statements replaces.
constexpr std::array<std::string_view, 8> kNormalised{"select", "insert", "update", "delete",
                                                      "merge",  "with",   "values", "table"};

}  // namespace

std::string safe_statement_text(std::string_view text) {
  if (text == "<insufficient privilege>") return {};
  std::string clean = Cleaner(text).run();
  std::string_view head = clean;
  while (!head.empty() && (head.front() == '(' || std::isspace(static_cast<unsigned char>(head.front())) != 0))
    head.remove_prefix(1);
  const std::string verb = to_lower(first_words(head, 1));
  for (const auto& known : kNormalised)
    if (verb == known) return clean;
  return first_words(head, 2);
}

}  // namespace pgtend::collectors
