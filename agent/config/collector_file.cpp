#include "agent/config/collector_file.hpp"

#include <algorithm>
#include <limits>

#include "agent/config/decode.hpp"

namespace pgtend::config {

namespace {

// server_version_num: 90000 is older, and 1000000 newer, than anything that will be met.
constexpr int kOldestVersion = 90000, kNewestVersion = 1000000;
// Below 100 ms a collector would be most of the load it measures; above a day nothing is monitored.
constexpr Millis kShortestInterval{100}, kLongestInterval{24LL * 3600 * 1000};
constexpr double kMaxScale = 1e18;

const EnumNames<MetricKind> kKinds{{MetricKind::gauge, "gauge"}, {MetricKind::counter, "counter"}};
const EnumNames<CollectorScope> kScopes{{CollectorScope::instance, "instance"}, {CollectorScope::database, "database"}};
const EnumNames<CostClass> kCosts{{CostClass::a, "A"}, {CostClass::b, "B"}, {CostClass::c, "C"}};
const EnumNames<Fold> kFolds{{Fold::sum, "sum"}, {Fold::max, "max"}};
const EnumNames<ServerRole> kRoles{{ServerRole::primary, "primary"}, {ServerRole::standby, "standby"}};

Table<CollectorColumn> column_table() {
  using C = CollectorColumn;
  return {
      text("column", &C::column, "column of the answer").required(),
      text("metric", &C::metric, "native metric name, pgtend_...").required(),
      one_of("kind", &C::kind, kKinds, "gauge, or a counter that only grows between resets"),
      text("unit", &C::unit, "base unit: seconds, bytes, ratio; empty for a count"),
      text("help", &C::help, "one sentence for /metrics and the documentation").required(),
      number("scale", &C::scale, -kMaxScale, kMaxScale, "multiplies the value into the base unit"),
      text("exporter_name", &C::exporter_name, "the postgres_exporter metric that this also serves"),
      number("exporter_scale", &C::exporter_scale, -kMaxScale, kMaxScale,
             "multiplies the value into that metric's unit"),
      one_of("fold", &C::fold, kFolds, "sum, or the greatest, of rows with the same labels where the collector folds"),
      optional_integer("min_version", &C::min_version, kOldestVersion, kNewestVersion, "first server_version_num"),
      optional_integer("max_version", &C::max_version, kOldestVersion, kNewestVersion, "last server_version_num"),
  };
}

bool overlap(const CollectorColumn& a, const CollectorColumn& b) {
  const auto low = [](const CollectorColumn& c) { return c.min_version.value_or(kOldestVersion); };
  const auto high = [](const CollectorColumn& c) { return c.max_version.value_or(kNewestVersion); };
  return low(a) <= high(b) && low(b) <= high(a);
}

void check_column(Reader& reader, const Node& node, CollectorColumn& column) {
  check_versions(reader, node.at, column.min_version, column.max_version);
  if (!column.metric.empty() && (!is_metric_name(column.metric) || !column.metric.starts_with("pgtend_")))
    reader.error(node.at, "'" + column.metric + "' is not a metric name that starts with pgtend_");
  if (!column.exporter_name.empty() && !is_metric_name(column.exporter_name))
    reader.error(node.at, "'" + column.exporter_name + "' is not a metric name");
  // A zero scale would report every value as 0.
  if (column.scale == 0 || column.exporter_scale == 0) reader.error(node.at, "a scale of 0 loses the value");
}

Table<CollectorDef> collector_table() {
  using D = CollectorDef;
  return {
      text("name", &D::name, "collector name; default: the file's stem"),
      text("source", &D::source, "view whose columns are probed"),
      one_of("scope", &D::scope, kScopes, "run once, or once in each database"),
      duration("interval", &D::interval, kShortestInterval, kLongestInterval, "time between two runs"),
      one_of("cost", &D::cost, kCosts, "backend CPU of a run: A up to 1 ms, B up to 30 ms, C more or may block"),
      optional_integer("min_version", &D::min_version, kOldestVersion, kNewestVersion, "first server_version_num"),
      optional_integer("max_version", &D::max_version, kOldestVersion, kNewestVersion, "last server_version_num"),
      one_of("role", &D::role, kRoles, "only on such a server"),
      text("extension", &D::extension, "extension that must be installed"),
      text("grant", &D::grant, "statement that cures a missing right; {role} is the role that watches"),
      text("sql", &D::sql, "the statement; {columns} is replaced by the columns that exist").required(),
      text_list("labels", &D::labels, "columns of the answer that become labels"),
      text("epoch_column", &D::epoch_column, "column with the row's stats_reset"),
      list_of("columns", &D::columns, column_table(), "columns that become metrics", {check_column}),
      integer("max_series", &D::max_series, 0, 1'000'000, "own quota of series; 0: the default"),
      boolean("fold", &D::fold, "rows with the same labels become one"),
      boolean("lock_aware", &D::lock_aware, "takes a chunk of unlocked oids as $1::oid[]"),
      boolean("replace", &D::replace, "stands for the shipped collector of the same name"),
      boolean("optional", &D::optional, "left out in silence where its source may not be read either"),
  };
}

void check_columns(Reader& reader, const CollectorDef& def, const Origins& origins) {
  for (std::size_t i = 0; i < def.columns.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (def.columns[i].metric.empty() || def.columns[i].metric != def.columns[j].metric) continue;
      if (!overlap(def.columns[i], def.columns[j])) continue;
      const auto at = origins.find("columns[" + std::to_string(i) + "].metric");
      reader.error(at == origins.end() ? Position{} : at->second.at,
                   "metric '" + def.columns[i].metric + "' is already made by column '" + def.columns[j].column + "'",
                   "bound both with min_version and max_version, or rename one");
      break;
    }
  }
}

}  // namespace

CollectorFile decode_collector(std::string_view text, const std::string& file_name) {
  CollectorFile out;
  CollectorDef def;
  Origins origins;
  decode_text(text, file_name, collector_table(), def, out.errors, origins);
  if (def.name.empty()) def.name = file_stem(file_name);
  out.name = def.name;
  out.names_interval = origins.contains("interval");
  def.file = file_name;
  def.line = 1;
  Reader reader(file_name, out.errors, origins);
  check_versions(reader, origins["min_version"].at, def.min_version, def.max_version);
  check_columns(reader, def, origins);
  order_errors(out.errors);
  if (out.errors.empty()) out.def = std::move(def);
  return out;
}

}  // namespace pgtend::config
