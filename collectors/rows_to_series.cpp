#include "collectors/rows_to_series.hpp"

#include <cmath>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "collectors/timestamps.hpp"

namespace pgtend::collectors {
namespace {

// A label that postgres_exporter spells differently from the view. Source: its collector for pg_stat_statements.
struct ExporterLabel {
  std::string_view prefix, ours, theirs;
};
constexpr ExporterLabel kExporterLabels[] = {{"pg_stat_statements_", "usename", "user"}};

Labels exporter_labels(std::string_view name, const Labels& labels) {
  Labels out = labels;
  for (const auto& rename : kExporterLabels) {
    if (!name.starts_with(rename.prefix) || !labels.has(rename.ours)) continue;
    out.erase(rename.ours);
    out.set(rename.theirs, std::string(labels.get(rename.ours)));
  }
  return out;
}

std::optional<double> to_number(const std::optional<std::string>& field) {
  if (!field) return std::nullopt;
  if (const auto number = parse_number(*field)) return number;
  if (const auto time = parse_timestamptz(*field)) return to_seconds(*time);
  return std::nullopt;
}

// Beyond this a microsecond is finer than a double. Source: 2^53 microseconds.
constexpr double kMostSeconds = 9'007'199'254.0;

// A time in whole microseconds, in the unit of which `per_second` make a second: what PostgreSQL adds up as doubles has
// mantissas of noise that would be most of a stored block. The error is at most half a microsecond.
double whole_microseconds(double seconds, double value, double per_second) {
  if (!(std::fabs(seconds) < kMostSeconds)) return value;
  return std::nearbyint(seconds * 1e6) / (1e6 / per_second);
}

// Value × scale; times are quantised.
double scaled(const CollectorColumn& column, double value, double scale) {
  if (column.unit != "seconds" || column.scale <= 0) return value * scale;
  return whole_microseconds(value * column.scale, value * scale, std::nearbyint(scale / column.scale * 1e6) / 1e6);
}

struct BoundColumn {
  const CollectorColumn* column;
  std::size_t at;
};

std::vector<BoundColumn> bind(const CollectorDef& def, const RowSet& rows, int version) {
  std::vector<BoundColumn> out;
  for (const auto& column : def.columns) {
    const auto at = rows.column(column.column);
    if (!at || version < column.min_version.value_or(version) || version > column.max_version.value_or(version))
      continue;
    out.push_back({&column, *at});
  }
  return out;
}

}  // namespace

SeriesRun rows_to_series(const CollectorDef& def, const RowSet& rows, const ServerIdentity& identity,
                         std::string_view database) {
  SeriesRun out;
  const auto columns = bind(def, rows, identity.version_num);
  std::vector<std::pair<std::string, std::size_t>> labels;
  bool has_database = false;
  for (const auto& name : def.labels) {
    if (const auto at = rows.column(name)) labels.emplace_back(name, *at);
    has_database = has_database || name == "datname";
  }
  const auto epoch_at = def.epoch_column.empty() ? std::nullopt : rows.column(def.epoch_column);
  std::unordered_map<std::string, std::uint64_t> epochs;
  const auto epoch_of = [&](const std::string& reset) {
    const auto [it, fresh] = epochs.try_emplace(reset, 0);
    if (fresh) it->second = epoch_hash(identity, reset);
    return it->second;
  };
  std::unordered_set<SeriesKey, SeriesKeyHash> seen;
  const auto add = [&](std::string name, Labels of, double value, MetricKind kind, std::uint64_t epoch) {
    SeriesKey key{std::move(name), std::move(of)};
    if (seen.insert(key).second) {
      out.samples.push_back({std::move(key), value, kind, epoch});
    } else {
      ++out.duplicates;
    }
  };

  const auto quota = static_cast<std::size_t>(def.max_series > 0 ? def.max_series : kDefaultMaxRows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i >= quota) {
      out.dropped = rows.size() - quota;
      break;
    }
    const auto& row = rows.rows[i];
    std::vector<Label> items;
    for (const auto& [name, at] : labels)
      if (row[at]) items.emplace_back(name, *row[at]);
    if (def.scope == CollectorScope::database && !has_database) items.emplace_back("datname", database);
    const Labels row_labels(std::move(items));
    const std::uint64_t epoch = epoch_of(epoch_at && row[*epoch_at] ? *row[*epoch_at] : std::string());
    for (const auto& [column, at] : columns) {
      const auto value = to_number(row[at]);
      if (!value) continue;
      if (!column->metric.empty())
        add(column->metric, row_labels, scaled(*column, *value, column->scale), column->kind, epoch);
      if (!column->exporter_name.empty())
        add(column->exporter_name, exporter_labels(column->exporter_name, row_labels),
            scaled(*column, *value, column->exporter_scale), column->kind, epoch);
    }
  }
  return out;
}

}  // namespace pgtend::collectors
