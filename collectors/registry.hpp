#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "agent/base/embedded.hpp"
#include "collectors/rows_to_series.hpp"

namespace pgtend::embedded {

// The collectors/**.yaml of the source tree.
std::span<const EmbeddedFile> collector_files();

}  // namespace pgtend::embedded

namespace pgtend::collectors {

// A collector whose rows data cannot turn into series. `def` has name, source, scope, interval, bounds, grant and sql
// as one from YAML has, but no columns: make_query() and the scheduler treat both alike, only the last step differs.
struct CodeCollector {
  CollectorDef def;
  SeriesRun (*series)(const RowSet& rows, const ServerIdentity& identity, std::string_view database) = nullptr;
  std::vector<MetricDef> metrics;
};

// Every code collector, in a fixed order. Adding one is one line in registry.cpp.
[[nodiscard]] const std::vector<CodeCollector>& code_collectors();

}  // namespace pgtend::collectors
