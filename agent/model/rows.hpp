#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgtend {

// A query's answer in PostgreSQL's text format, copied out of libpq so that no handle travels.
struct RowSet {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  // each as wide as columns
  std::int64_t affected = 0;                                  // of the command tag, 0 when it has none

  // Index of a column, nullopt when the answer does not have it.
  [[nodiscard]] std::optional<std::size_t> column(std::string_view name) const;
  // A field by name; nullopt for NULL and for a missing column or row.
  [[nodiscard]] std::optional<std::string_view> get(std::size_t row, std::string_view name) const;
  // The same as a number ("t"/"f" are 1/0, PostgreSQL's Infinity and NaN spellings understood); nullopt when it is
  // none.
  [[nodiscard]] std::optional<double> number(std::size_t row, std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::size_t row, std::string_view name) const;
  [[nodiscard]] bool boolean(std::size_t row, std::string_view name) const;
  // A field as text, empty for NULL.
  [[nodiscard]] std::string text(std::size_t row, std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return rows.size(); }
};

// One number out of a text field, by the rules of RowSet::number.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);
// A one-dimensional array in text form: {a,"b c",NULL}; NULL elements become empty strings.
[[nodiscard]] std::vector<std::string> parse_array(std::string_view text);

}  // namespace pgtend
