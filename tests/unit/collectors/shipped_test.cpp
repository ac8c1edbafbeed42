#include <map>
#include <set>

#include "agent/config/collector_file.hpp"
#include "collectors/metric_defs.hpp"
#include "collectors/registry.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

std::vector<CollectorDef> shipped() {
  std::vector<CollectorDef> out;
  for (const auto& file : embedded::collector_files()) {
    const auto decoded = config::decode_collector(file.text, std::string(file.name));
    INFO(file.name);
    for (const auto& error : decoded.errors) UNSCOPED_INFO(error.message);
    REQUIRE(decoded.def);
    out.push_back(*decoded.def);
  }
  return out;
}

}  // namespace

TEST_CASE("every embedded collector decodes and is named after its file") {
  const auto defs = shipped();
  REQUIRE(defs.size() >= 40);
  std::set<std::string> names;
  for (const auto& def : defs) {
    INFO(def.file);
    CHECK(def.file == "collectors/postgres/" + def.name + ".yaml");
    CHECK(names.insert(def.name).second);
    CHECK_FALSE(def.source.empty());
    CHECK_FALSE(def.columns.empty());
  }
  for (const auto& code : code_collectors()) {
    CHECK(names.insert(code.def.name).second);
    CHECK(code.series != nullptr);
    CHECK_FALSE(code.def.sql.empty());
  }
}

TEST_CASE("names, units and help follow the house's convention") {
  for (const auto& def : shipped()) {
    for (const auto& column : def.columns) {
      INFO(def.name << " " << column.metric);
      CHECK(column.metric.starts_with("pgtend_"));
      CHECK(column.help.ends_with("."));
      CHECK((column.kind == MetricKind::counter) == column.metric.ends_with("_total"));
      if (column.unit == "seconds") CHECK(column.metric.find("seconds") != std::string::npos);
      if (column.unit == "bytes") CHECK(column.metric.find("bytes") != std::string::npos);
      if (column.unit == "ratio") CHECK(column.metric.ends_with("_ratio"));
      if (!column.exporter_name.empty()) CHECK(column.exporter_name.starts_with("pg_"));
    }
  }
}

TEST_CASE("every statement qualifies the catalog it reads and scales milliseconds") {
  for (const auto& def : shipped()) {
    INFO(def.name);
    for (const auto* word : {"FROM pg_", "JOIN pg_", "FROM {columns}"}) {
      for (auto at = def.sql.find(word); at != std::string::npos; at = def.sql.find(word, at + 1))
        CHECK(def.sql.compare(at + 5, 11, "pg_catalog.") == 0);
    }
    for (const auto& column : def.columns)
      if (column.column.ends_with("_ms") || (column.column.ends_with("_time") && column.kind == MetricKind::counter))
        CHECK(column.scale == 0.001);
  }
}

TEST_CASE("one metric means one thing wherever it is collected") {
  std::map<std::string, MetricKind> kinds;
  for (const auto& def : shipped()) {
    for (const auto& column : def.columns) {
      INFO(column.metric);
      const auto [it, fresh] = kinds.emplace(column.metric, column.kind);
      if (!fresh) CHECK(it->second == column.kind);
    }
  }
  const auto defs = shipped();
  for (const auto& metric : metric_defs(defs)) CHECK_FALSE(metric.help.empty());
}
