// docs/metrics.md is written by this file from the collectors, so that it cannot tell of other metrics than they make.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "agent/base/strings.hpp"
#include "agent/config/collector_file.hpp"
#include "agent/engine/own_collectors.hpp"
#include "collectors/host/metrics.hpp"
#include "collectors/logs/series.hpp"
#include "collectors/pgbouncer/metrics.hpp"
#include "collectors/redis/metrics.hpp"
#include "collectors/registry.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

constexpr std::string_view kIntroduction = R"(# Metrics

This page is made from the collectors (`collectors/`); a test fails while it is out of date, and
`PGTEND_UPDATE_GOLDEN=1 build/dev/tests/unit_engine "the page of metrics*"` writes it anew. "Also as" is the name that
postgres_exporter (node_exporter for the host) has for the same figure; both are served. "Versions" are the majors of
PostgreSQL that have it: 13 to 18 where nothing stands. `pg_settings_<name>` has one metric for each numeric setting.
Where there are more than ten databases, each but the agent's home is visited every 6 s times their number instead of
every minute, unless `collection.intervals` names the collector.
A collector of which a run costs the server more than a hundredth of `collection.budget.cpu_ratio` in its interval (0.1 ms
of CPU a second by default) runs less often, at most by half; `pgtend status` says which, and why.
)";

// Made by the page itself, beside `process_*` of the agent; an end-to-end case knows when one is missing here.
constexpr std::string_view kOfThePage[][3] = {
    {"pgtend_build_info", "gauge", "Always 1; the label is the agent's version."},
    {"pgtend_series", "gauge", "Series of the server on the page."},
    {"pgtend_series_dropped_total", "counter", "Samples left out by the limit on series; history has them."},
    {"pgtend_duplicate_samples_total", "counter", "Samples left out because their series was already on the page."},
    {"pgtend_scrapes_total", "counter", "Times that the page was asked for."},
    {"pgtend_log_dropped_total", "counter", "Log lines dropped because the log stalled."},
    {"pgtend_collector_duration_seconds", "gauge", "Time that the collector's last run took."},
    {"pgtend_collector_last_success_timestamp_seconds", "gauge", "When the collector last succeeded, Unix time."},
};

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string code(std::string_view name) {
  return name.empty() ? std::string() : "`" + std::string(name) + "`";
}

std::string word(MetricKind kind) {
  return kind == MetricKind::counter ? "counter" : "gauge";
}

std::string versions(std::optional<int> low, std::optional<int> high) {
  const auto major = [](int version) { return std::to_string(version / 10'000); };
  if (low && high) return major(*low) + " to " + major(*high);
  if (low) return "from " + major(*low);
  return high ? "to " + major(*high) : "";
}

std::string row(std::string_view name, MetricKind kind, std::string_view unit, std::string_view also,
                const std::string& versions, std::string_view help) {
  return "| " + code(name) + " | " + word(kind) + " | " + std::string(unit) + " | " + code(also) + " | " + versions +
         " | " + cell(help) + " |\n";
}

const std::string kHead = "\n| metric | kind | unit | also as | versions | meaning |\n|---|---|---|---|---|---|\n";

std::string section(const CollectorDef& def) {
  std::string out =
      "\n## " + def.name + "\n\nFrom `" + def.source + "` each " + std::to_string(def.interval.count() / 1000) + " s";
  if (def.scope == CollectorScope::database) out += ", in each database";
  if (def.role) out += ", on a " + std::string(to_string(*def.role)) + " only";
  if (!def.extension.empty()) out += ", with the extension " + def.extension;
  if (!def.labels.empty()) out += "; labels " + code(join(def.labels, "`, `"));
  out += ".\n" + kHead;
  for (const auto& column : def.columns)
    out += row(column.metric, column.kind, column.unit, column.exporter_name,
               versions(column.min_version ? column.min_version : def.min_version,
                        column.max_version ? column.max_version : def.max_version),
               column.help);
  return out;
}

std::string page() {
  std::map<std::string, std::string> sections;
  for (const auto& file : embedded::collector_files()) {
    const auto decoded = config::decode_collector(file.text, std::string(file.name));
    REQUIRE(decoded.def);
    sections[decoded.def->name] = section(*decoded.def);
  }
  for (const auto& one : code_collectors()) {
    if (one.metrics.empty()) continue;
    auto& text = sections[one.def.name] = section(one.def);
    for (const auto& metric : one.metrics)
      text += row(metric.name, metric.kind, metric.unit, metric.exporter_name, "", metric.help);
  }
  std::string out(kIntroduction);
  for (const auto& [name, text] : sections) out += text;
  out += "\n## PgBouncer\n" + kHead;
  for (const auto& m : pgbouncer_metric_table()) out += row(m.metric, m.kind, m.unit, "", "", m.help);
  out += "\n## Redis\n" + kHead;
  for (const auto& m : redis_metric_table()) out += row(m.metric, m.kind, m.unit, "", "", m.help);
  out += "\n## Server log\n\nSee [the server's log](logs.md).\n" + kHead;
  for (const auto& m : logs::log_metric_table()) {
    const std::string labels = m.labels.empty() ? "" : " Labels: " + std::string(m.labels) + ".";
    out += row(m.name, m.kind, m.unit, "", "", std::string(m.help) + labels);
  }
  out += "\n## Host\n" + kHead;
  for (const auto& m : host_metric_table()) out += row(m.native, m.kind, m.unit, m.node, "", m.help);
  // The two above are in tables of their own, with labels and twins.
  for (const auto& own : engine::own_collectors()) {
    if (own.name == "host" || own.name == "logs") continue;
    out += "\n## " + own.name + "\n" + kHead;
    for (const auto& m : own.metrics) out += row(m.name, m.kind, m.unit, m.exporter_name, "", m.help);
  }
  out += "\n## The page itself\n" + kHead;
  for (const auto& [name, kind, help] : kOfThePage)
    out += row(name, kind == "counter" ? MetricKind::counter : MetricKind::gauge,
               name.find("_seconds") == std::string_view::npos ? "" : "seconds", "", "", help);
  return out;
}

}  // namespace

TEST_CASE("the page of metrics says what the collectors say") {
  const std::string path = std::string(test::source_dir()) + "/docs/metrics.md";
  const auto text = page();
  if (std::getenv("PGTEND_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream written;
  written << std::ifstream(path).rdbuf();
  CHECK(split(written.str(), '\n') == split(text, '\n'));
}
