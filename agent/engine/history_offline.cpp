#include "agent/engine/history_offline.hpp"

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/import_text.hpp"
#include "agent/api/json.hpp"
#include "agent/engine/collector_set.hpp"
#include "agent/engine/neighbour.hpp"
#include "agent/engine/own_collectors.hpp"
#include "collectors/metric_defs.hpp"
#include "collectors/registry.hpp"

namespace pgtend::engine {

namespace {

// Names of the counters that the shipped collectors make: an export does not say what is one.
std::set<std::string, std::less<>> shipped_counters() {
  std::set<std::string, std::less<>> out;
  const auto add = [&](const auto& defs) {
    for (const auto& def : defs)
      if (def.kind == MetricKind::counter) out.insert(def.name);
  };
  add(collectors::metric_defs(load_collectors("").defs));
  for (const auto& code : collectors::code_collectors()) add(code.metrics);
  for (const auto& own : own_collectors()) add(own.metrics);
  for (const auto& metric : neighbour_metrics()) add(std::span(&metric.def, 1));
  return out;
}

}  // namespace

Result<store::IntegrityReport> check_offline(const std::string& path) {
  return store::check_history_offline(path);
}

Result<store::RecoveryReport> recover_offline(const std::string& from, const std::string& to) {
  return store::recover_history(from, to);
}

Result<std::string> active_sessions_offline(const std::string& path, TimeRange range, const std::string& by,
                                            Millis step, std::size_t limit) {
  auto traits = store::parse_session_traits(by);
  if (!traits) return fail(std::move(traits.error()));
  if (auto few = store::check_session_steps(range, step); !few) return fail(std::move(few.error()));
  auto report = store::sessions_offline(path, {range, std::move(*traits), step, limit});
  if (!report) return fail(std::move(report.error()));
  return api::item_envelope(api::encode(*report), SystemClock().now()).dump();
}

Result<store::ImportReport> import_offline(const std::string& file, const std::string& format, const std::string& to,
                                           std::int64_t max_bytes) {
  const auto known = api::parse_export_format(format);
  if (!known) return fail(Errc::invalid_argument, "the format is one of openmetrics, csv and jsonl");
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) return fail(Errc::not_found, "cannot read " + file);
  }
  auto& in = file == "-" ? std::cin : opened;
  const auto counters = shipped_counters();
  api::PastReader reader(*known, [&](const std::string& name) {
    return counters.contains(name) || name.ends_with("_total") ? MetricKind::counter : MetricKind::gauge;
  });
  std::size_t number = 0;
  bool ended = false;
  const auto next = [&]() -> Result<std::optional<store::PastSeries>> {
    for (std::string line; !ended;) {
      ended = !std::getline(in, line);
      if (!ended) ++number;
      auto piece = ended ? reader.end() : reader.line(line);
      if (!piece) return fail(piece.error().code, file + ":" + std::to_string(number) + ": " + piece.error().message);
      if (*piece) return piece;
    }
    return std::nullopt;
  };
  return store::import_history(to, max_bytes, next);
}

}  // namespace pgtend::engine
