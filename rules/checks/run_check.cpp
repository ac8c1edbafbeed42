#include "rules/checks/run_check.hpp"

#include <cmath>
#include <cstdio>

#include "agent/base/units.hpp"
#include "agent/model/series.hpp"

namespace pgtend::checks {

namespace {

// How a column's unit is read off its name, the way the project's metrics are named.
std::string unit_of(std::string_view column) {
  for (const std::string_view unit : {"bytes", "seconds", "ratio", "rows"})
    if (column.ends_with(unit)) return std::string(unit);
  return {};
}

bool passes(const CheckDef& check, const RowSet& rows, std::size_t row) {
  if (check.value_column.empty()) return true;
  const auto value = rows.number(row, check.value_column);
  if (!value || std::isnan(*value)) return false;
  if (check.comparison == ">") return *value > check.threshold;
  if (check.comparison == ">=") return *value >= check.threshold;
  if (check.comparison == "<") return *value < check.threshold;
  if (check.comparison == "<=") return *value <= check.threshold;
  if (check.comparison == "==") return *value == check.threshold;
  if (check.comparison == "!=") return *value != check.threshold;
  return false;
}

// A field as a person reads it: a number whose column names its unit is written with that.
std::string shown(const RowSet& rows, std::size_t row, const std::string& column) {
  const auto unit = unit_of(column);
  const auto value = rows.number(row, column);
  return value && !unit.empty() ? format_quantity(*value, unit) : rows.text(row, column);
}

// {column} -> the row's field; what is no column stays as it stands.
std::string fill(const std::string& text, const RowSet& rows, std::size_t row) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto open = text.find('{', at);
    const auto close = open == std::string::npos ? open : text.find('}', open);
    if (close == std::string::npos) return out + text.substr(at);
    out += text.substr(at, open - at);
    const auto name = text.substr(open + 1, close - open - 1);
    out += rows.column(name) ? shown(rows, row, name) : text.substr(open, close - open + 1);
    at = close + 1;
  }
  return out;
}

std::string id_of(std::string_view check, std::string_view instance, std::string_view database,
                  std::string_view subject) {
  const Labels parts{{"a", std::string(check)},
                     {"b", std::string(instance)},
                     {"c", std::string(database)},
                     {"d", std::string(subject)}};
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(fingerprint(parts)));
  return out;
}

}  // namespace

std::vector<Finding> findings_from(const CheckDef& check, const RowSet& rows, std::string_view instance,
                                   std::string_view database, UtcTime now) {
  std::vector<Finding> out;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto subject = rows.get(row, "subject");
    if (!subject || !passes(check, rows, row)) continue;
    Finding finding;
    finding.id = id_of(check.name, instance, database, *subject);
    finding.check = check.name;
    finding.instance = instance;
    finding.database = database;
    finding.subject = *subject;
    finding.severity = check.severity;
    finding.summary = fill(check.summary, rows, row);
    finding.seen_at = now;
    for (const auto& column : rows.columns) {
      if (column == "subject") continue;
      const auto value = rows.number(row, column);
      if (!value) continue;
      finding.evidence.push_back(
          {column, *value, column == check.value_column ? check.unit : unit_of(column), check.category});
    }
    out.push_back(std::move(finding));
  }
  return out;
}

}  // namespace pgtend::checks
