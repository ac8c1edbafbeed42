#include "collectors/postgres/settings.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace pgtend::collectors {
namespace {

struct Unit {
  std::string_view suffix;  // of the metric's name
  double factor = 1;
};

// "8kB" is 8 times "kB". Source: the units table of guc.c.
Unit unit_of(std::string_view text) {
  double count = 1;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (ec == std::errc()) text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  constexpr std::pair<std::string_view, Unit> kUnits[] = {{"B", {"_bytes", 1}},
                                                          {"kB", {"_bytes", 1024}},
                                                          {"MB", {"_bytes", 1048576}},
                                                          {"GB", {"_bytes", 1073741824}},
                                                          {"TB", {"_bytes", 1099511627776}},
                                                          {"us", {"_seconds", 1e-6}},
                                                          {"ms", {"_seconds", 1e-3}},
                                                          {"s", {"_seconds", 1}},
                                                          {"min", {"_seconds", 60}},
                                                          {"h", {"_seconds", 3600}},
                                                          {"d", {"_seconds", 86400}}};
  for (const auto& [name, unit] : kUnits)
    if (name == text) return {unit.suffix, unit.factor * count};
  return {};
}

}  // namespace

// What the agent's own session was given (a statement_timeout, read only) is not the server's: there the value it would
// go back to. A transaction takes its own from default_transaction_* without a trace in "source".
std::string settings_sql() {
  return R"(SELECT name, CASE WHEN source = 'session' OR name LIKE 'transaction\_%' THEN reset_val ELSE setting END AS setting,
       unit, vartype
FROM pg_catalog.pg_settings
WHERE vartype IN ('bool', 'integer', 'real')
ORDER BY name)";
}

SeriesRun settings_series(const RowSet& rows, const ServerIdentity& identity, std::string_view) {
  SeriesRun out;
  const std::uint64_t epoch = epoch_hash(identity, {});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto value = rows.number(i, "setting");
    if (!value) continue;
    const Unit unit = unit_of(rows.text(i, "unit"));
    // -1 and 0 mean "off" or "default" and stay themselves, as in postgres_exporter.
    if (*value > 0) *value *= unit.factor;
    std::string name = "pg_settings_" + rows.text(i, "name") + std::string(unit.suffix);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_'; },
        '_');
    out.samples.push_back({{std::move(name), {}}, *value, MetricKind::gauge, epoch});
  }
  return out;
}

}  // namespace pgtend::collectors
