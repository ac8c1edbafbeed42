#include "agent/model/rows.hpp"

#include <charconv>
#include <limits>

namespace pgtend {

std::optional<std::size_t> RowSet::column(std::string_view name) const {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i] == name) return i;
  return std::nullopt;
}

std::optional<std::string_view> RowSet::get(std::size_t row, std::string_view name) const {
  const auto at = column(name);
  if (!at || row >= rows.size() || !rows[row][*at]) return std::nullopt;
  return std::string_view(*rows[row][*at]);
}

std::optional<double> parse_number(std::string_view text) {
  if (text == "t" || text == "true" || text == "on") return 1;
  if (text == "f" || text == "false" || text == "off") return 0;
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity" || text == "infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity" || text == "-infinity") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> RowSet::number(std::size_t row, std::string_view name) const {
  const auto field = get(row, name);
  return field ? parse_number(*field) : std::nullopt;
}

std::optional<std::int64_t> RowSet::integer(std::size_t row, std::string_view name) const {
  const auto field = get(row, name);
  if (!field) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(field->data(), field->data() + field->size(), value);
  if (ec != std::errc() || end != field->data() + field->size()) return std::nullopt;
  return value;
}

bool RowSet::boolean(std::size_t row, std::string_view name) const {
  return get(row, name) == "t";
}

std::string RowSet::text(std::size_t row, std::string_view name) const {
  const auto field = get(row, name);
  return field ? std::string(*field) : std::string();
}

std::vector<std::string> parse_array(std::string_view text) {
  std::vector<std::string> out;
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return out;
  text = text.substr(1, text.size() - 2);
  if (text.empty()) return out;
  std::string item;
  bool quoted = false, was_quoted = false;
  const auto push = [&] {
    out.push_back(!was_quoted && item == "NULL" ? std::string() : item);
    item.clear();
    was_quoted = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      item += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
      was_quoted = true;
    } else if (c == ',' && !quoted) {
      push();
    } else {
      item += c;
    }
  }
  push();
  return out;
}

}  // namespace pgtend
