#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgtend::change {

// The words, names, values and signs of one statement: bare words in lower case, quoted names and strings without their
// quotes. nullopt for what must not be taken for something else: comments, a second statement, $, escapes, an open
// quote.
[[nodiscard]] std::optional<std::vector<std::string>> parts_of(std::string_view sql);

// Whether two statements are the same but for spaces, quotes, case of bare words, and TO in place of =.
[[nodiscard]] bool same_statement(std::string_view a, std::string_view b);
[[nodiscard]] bool same_statements(const std::vector<std::string>& a, const std::vector<std::string>& b);

// Whether this word stands anywhere in a statement, in a value too.
[[nodiscard]] bool names_word(std::string_view sql, std::string_view word);

// Reads a statement from its left end.
class StatementReader {
 public:
  explicit StatementReader(std::string_view sql) : parts_(parts_of(sql)) {}

  // What follows next is exactly this; then it is passed. False for good once something did not fit.
  StatementReader& word(std::string_view expected);
  StatementReader& maybe(std::initializer_list<std::string_view> expected);
  StatementReader& qualified(std::string_view schema, std::string_view name);
  // A list in parentheses, if one follows, of which every first word of an entry is allowed.
  StatementReader& maybe_options(std::initializer_list<std::string_view> allowed);
  [[nodiscard]] bool ok() const { return parts_.has_value(); }
  [[nodiscard]] bool ended() const { return ok() && at_ == parts_->size(); }
  [[nodiscard]] bool more() const { return ok() && at_ < parts_->size(); }

 private:
  [[nodiscard]] bool next_is(std::string_view expected, std::size_t ahead = 0) const;
  std::optional<std::vector<std::string>> parts_;
  std::size_t at_ = 0;
};

}  // namespace pgtend::change
