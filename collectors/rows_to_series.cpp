#include "collectors/rows_to_series.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>

#include "collectors/query.hpp"
#include "collectors/timestamps.hpp"

namespace pgtend::collectors {
namespace {

// A label that postgres_exporter spells differently from the view, or (empty) has not. Source: its collectors for
// pg_stat_statements and pg_replication_slots.
struct ExporterLabel {
  std::string_view prefix, ours, theirs;
};
constexpr ExporterLabel kExporterLabels[] = {{"pg_stat_statements_", "usename", "user"},
                                             {"pg_replication_slots_active", "slot_type", ""},
                                             {"pg_replication_slots_pg_wal_lsn_diff", "slot_type", ""},
                                             {"pg_replication_slots_slot_", "database", ""},
                                             {"pg_replication_slots_safe_wal_size_bytes", "database", ""}};

Labels exporter_labels(std::string_view name, const Labels& labels) {
  Labels out = labels;
  for (const auto& rename : kExporterLabels) {
    if (!name.starts_with(rename.prefix) || !labels.has(rename.ours)) continue;
    out.erase(rename.ours);
    if (!rename.theirs.empty()) out.set(rename.theirs, std::string(labels.get(rename.ours)));
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
  // Indexes into the names of the run.
  std::size_t native = 0, exporter = 0;
};

// The columns that this server has, and the names of their series, each once.
struct Binding {
  std::vector<BoundColumn> columns;
  std::vector<std::string> names;
};

Binding bind(const CollectorDef& def, const RowSet& rows, int version) {
  Binding out;
  const auto index_of = [&](const std::string& name) {
    const auto at = static_cast<std::size_t>(std::find(out.names.begin(), out.names.end(), name) - out.names.begin());
    if (at == out.names.size()) out.names.push_back(name);
    return at;
  };
  for (const auto& column : def.columns) {
    const auto at = rows.column(column.column);
    if (!at || version < column.min_version.value_or(version) || version > column.max_version.value_or(version))
      continue;
    const auto native = index_of(column.metric);
    out.columns.push_back({&column, *at, native, index_of(column.exporter_name)});
  }
  return out;
}

using Fields = std::vector<std::optional<std::string>>;

// Where a row's labels come from.
class RowLabels {
 public:
  RowLabels(const CollectorDef& def, const RowSet& rows, std::string_view database) {
    bool has_database = false;
    for (const auto& name : def.labels) {
      if (const auto at = rows.column(name)) columns_.emplace_back(name, *at);
      has_database = has_database || name == "datname";
    }
    if (def.scope == CollectorScope::database && !has_database) database_ = database;
  }

  [[nodiscard]] Labels of(const Fields& row) const {
    std::vector<Label> items;
    for (const auto& [name, at] : columns_)
      if (row[at]) items.emplace_back(name, *row[at]);
    if (!database_.empty()) items.emplace_back("datname", database_);
    return Labels(std::move(items));
  }

  // Whether of(row) is `labels`, without making it.
  [[nodiscard]] bool are(const Labels& labels, const Fields& row) const {
    std::size_t found = database_.empty() ? 0 : 1;
    if (found == 1 && labels.get("datname") != database_) return false;
    for (const auto& [name, at] : columns_) {
      const std::string_view value = row[at] ? std::string_view(*row[at]) : std::string_view();
      if (labels.get(name) != value) return false;
      if (!value.empty()) ++found;
    }
    return found == labels.size();
  }

 private:
  std::vector<std::pair<std::string, std::size_t>> columns_;
  std::string database_;
};

// The place of a row; nullptr when it would be one more than `most`.
RowKeys::Row* row_of(RowKeys& keys, const RowLabels& labels, const Fields& row, std::size_t most) {
  if (keys.size() >= most) return keys.taken(labels.of(row));
  // Rows come in the order of the last run nearly always.
  const auto* guess = keys.next_guess();
  return guess != nullptr && labels.are(guess->labels, row) ? &keys.take_guess() : &keys.take(labels.of(row));
}

void fold_into(SeriesSample& sample, Fold fold, double value, std::uint64_t epoch) {
  sample.value = fold == Fold::max ? std::max(sample.value, value) : sample.value + value;
  // Whatever order the rows come in; another set of them is another epoch.
  sample.epoch += epoch;
}

}  // namespace

int rows_asked_for(const CollectorDef& def, int version, std::size_t most) {
  const int quota = row_quota(def);
  if (!asks_for_watched(def) || def.sql.find("left_out") == std::string::npos) return quota;
  std::set<std::string_view> names;
  for (const auto& column : def.columns) {
    if (version < column.min_version.value_or(version) || version > column.max_version.value_or(version)) continue;
    names.insert(column.metric);
    names.insert(column.exporter_name);
  }
  names.erase("");
  if (names.empty()) return quota;
  // The last row may be cut: of most tables some columns are NULL and make no series.
  const std::size_t rows = most / names.size() + (most % names.size() > 0 ? 1 : 0);
  return static_cast<int>(std::min(static_cast<std::size_t>(quota), rows));
}

SeriesRun rows_to_series(const CollectorDef& def, const RowSet& rows, const ServerIdentity& identity,
                         std::string_view database, RowKeys* known_keys, std::size_t most) {
  SeriesRun out;
  RowKeys own_keys;
  auto& keys = known_keys != nullptr ? *known_keys : own_keys;
  const auto [columns, names] = bind(def, rows, identity.version_num);
  keys.begin(names);
  const RowLabels labels(def, rows, database);
  const auto epoch_at = def.epoch_column.empty() ? std::nullopt : rows.column(def.epoch_column);
  std::unordered_map<std::string, std::uint64_t> epochs;
  const auto epoch_of = [&](const std::string& reset) {
    const auto [it, fresh] = epochs.try_emplace(reset, 0);
    if (fresh) it->second = epoch_hash(identity, reset);
    return it->second;
  };
  const auto quota = static_cast<std::size_t>(row_quota(def));
  // Rows that fold are many for each of the quota.
  const auto taken = def.fold ? rows.size() : std::min(rows.size(), quota);
  // A statement that picks its rows itself says how many it did not give.
  out.dropped = rows.size() - taken + static_cast<std::size_t>(rows.integer(0, "left_out").value_or(0));
  out.samples.reserve(std::min(std::min(taken, quota) * names.size(), most));
  for (std::size_t i = 0; i < taken; ++i) {
    const bool full = out.samples.size() >= most;
    // A row that folds may be of one that is there.
    if (full && !def.fold) {
      out.dropped += taken - i;
      break;
    }
    const auto& row = rows.rows[i];
    auto* const place = row_of(keys, labels, row, full ? 0 : quota);
    if (place == nullptr) {
      ++out.dropped;
      continue;
    }
    auto& known = *place;
    const std::uint64_t epoch = epoch_of(epoch_at && row[*epoch_at] ? *row[*epoch_at] : std::string());
    const auto add = [&](const std::string& name, std::size_t at, bool exporter, double value,
                         const CollectorColumn& column) {
      const bool is_there = known.seen[at] == known.run;
      if (out.samples.size() >= most && !is_there) {
        ++out.over;
        return;
      }
      if (const auto there = keys.use(known, at, out.samples.size())) {
        if (def.fold) return fold_into(out.samples[*there], column.fold, value, epoch);
        ++out.duplicates;
        return;
      }
      auto& key = known.keys[at];
      if (!key) key = SharedKey(name, exporter ? exporter_labels(name, known.labels) : known.labels);
      out.samples.push_back({key, value, column.kind, epoch});
    };
    for (const auto& [column, at, native, exporter] : columns) {
      const auto value = to_number(row[at]);
      if (!value) continue;
      if (!column->metric.empty()) add(column->metric, native, false, scaled(*column, *value, column->scale), *column);
      if (!column->exporter_name.empty())
        add(column->exporter_name, exporter, true, scaled(*column, *value, column->exporter_scale), *column);
    }
  }
  out.rows = keys.size();
  keys.end();
  return out;
}

std::optional<Labels> row_named_by(const CollectorDef& def, std::string_view database, const Labels& alert) {
  std::vector<Label> items;
  bool has_database = false;
  for (const auto& name : def.labels) {
    const auto value = alert.get(name);
    if (value.empty()) return std::nullopt;
    items.emplace_back(name, value);
    has_database = has_database || name == "datname";
  }
  if (items.empty()) return std::nullopt;
  if (def.scope == CollectorScope::database) {
    if (alert.get("datname") != database) return std::nullopt;
    if (!has_database) items.emplace_back("datname", database);
  }
  return Labels(std::move(items));
}

void put_first(const CollectorDef& def, std::string_view database, const std::set<Labels>& wanted, RowSet& rows) {
  if (wanted.empty()) return;
  const RowLabels labels(def, rows, database);
  std::ranges::stable_partition(rows.rows, [&](const Fields& row) { return wanted.contains(labels.of(row)); });
}

}  // namespace pgtend::collectors
