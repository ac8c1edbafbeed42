#include "collectors/pgbouncer/pgbouncer.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include "collectors/pgbouncer/metrics.hpp"

namespace pgtend::collectors {
namespace {

// "PgBouncer 1.18.0" -> "1.18.0".
std::string version_of(const PgbouncerAnswers& answers) {
  const auto found = answers.find(kShowVersion);
  if (found == answers.end() || found->second.rows.empty() || found->second.rows.front().empty()) return {};
  const std::string text = found->second.rows.front().front().value_or("");
  const auto digit = text.find_first_of("0123456789");
  if (digit == std::string::npos) return {};
  const auto end = text.find_first_not_of("0123456789.", digit);
  return text.substr(digit, end == std::string::npos ? end : end - digit);
}

// "1.18.0" -> 11800; 0 when it is none.
int version_number(std::string_view text) {
  int major = 0, minor = 0;
  const auto first = std::from_chars(text.data(), text.data() + text.size(), major);
  if (first.ec != std::errc() || major > 999 || first.ptr == text.data() + text.size()) return 0;
  const auto second = std::from_chars(first.ptr + 1, text.data() + text.size(), minor);
  return second.ec == std::errc() && minor <= 99 ? major * 10'000 + minor * 100 : 0;
}

// Rows of two columns are keyed by their first, the others have one row for each thing.
bool is_keyed(std::string_view question) {
  return question == kShowLists || question == kShowConfig;
}

std::span<const std::string_view> labels_of(std::string_view question) {
  static constexpr std::string_view kPools[] = {"database", "user"};
  static constexpr std::string_view kStats[] = {"database"};
  static constexpr std::string_view kDatabases[] = {"name", "host", "port", "database", "force_user", "pool_mode"};
  if (question == kShowPools) return kPools;
  if (question == kShowStats) return kStats;
  if (question == kShowDatabases) return kDatabases;
  return {};
}

class Reading {
 public:
  Reading(const PgbouncerAnswers& answers, std::string_view pooler, std::uint64_t epoch)
      : answers_(answers), pooler_(pooler), epoch_(epoch) {}

  PgbouncerRun run() {
    out_.version = version_of(answers_);
    version_ = version_number(out_.version);
    if (!out_.version.empty()) add("pgbouncer_version_info", labelled({{"version", out_.version}}), 1);
    for (const auto& metric : pgbouncer_metric_table()) read(metric);
    return std::move(out_);
  }

 private:
  void read(const PgbouncerMetric& metric) {
    const auto found = answers_.find(metric.question);
    const bool expected = metric.since == 0 || (version_ != 0 && metric.since <= version_);
    bool has = false;
    if (found != answers_.end())
      has = is_keyed(metric.question) ? read_keyed(metric, found->second) : read_rows(metric, found->second);
    if (!has && expected) out_.lost.push_back(std::string(metric.question) + ": " + std::string(metric.column));
  }

  bool read_keyed(const PgbouncerMetric& metric, const RowSet& rows) {
    const std::string_view key = metric.question == kShowLists ? "list" : "key";
    const std::string_view value = metric.question == kShowLists ? "items" : "value";
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows.get(i, key) != metric.column) continue;
      const auto number = rows.number(i, value);
      if (!number || !std::isfinite(*number)) return false;
      add(metric, labelled({}), *number);
      return true;
    }
    return false;
  }

  bool read_rows(const PgbouncerMetric& metric, const RowSet& rows) {
    auto column = metric.column;
    if (!rows.column(column) && !metric.before.empty()) column = metric.before;
    if (!rows.column(column)) return false;
    bool sound = true;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto field = rows.get(i, column);
      if (!field) continue;  // NULL: not told for this one
      auto number = parse_number(*field);
      if (!number || !std::isfinite(*number)) {
        sound = false;
        continue;
      }
      // The console splits this age in whole seconds and the rest.
      if (column == "maxwait") *number += rows.number(i, "maxwait_us").value_or(0) * 1e-6;
      std::vector<Label> labels;
      for (const auto label : labels_of(metric.question)) labels.emplace_back(std::string(label), rows.text(i, label));
      add(metric, labelled(std::move(labels)), *number);
    }
    return sound;
  }

  [[nodiscard]] Labels labelled(std::vector<Label> labels) const {
    if (!pooler_.empty()) labels.emplace_back("pooler", std::string(pooler_));
    return Labels(std::move(labels));
  }

  void add(const PgbouncerMetric& metric, Labels labels, double value) {
    out_.samples.push_back({{std::string(metric.metric), std::move(labels)},
                            value * metric.scale,
                            metric.kind,
                            metric.kind == MetricKind::counter ? epoch_ : 0});
  }
  void add(const char* name, Labels labels, double value) {
    out_.samples.push_back({{name, std::move(labels)}, value, MetricKind::gauge, 0});
  }

  const PgbouncerAnswers& answers_;
  std::string_view pooler_;
  std::uint64_t epoch_;
  int version_ = 0;
  PgbouncerRun out_;
};

}  // namespace

PgbouncerRun pgbouncer_series(const PgbouncerAnswers& answers, std::string_view pooler, std::uint64_t epoch) {
  return Reading(answers, pooler, epoch).run();
}

}  // namespace pgtend::collectors
