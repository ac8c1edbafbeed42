#pragma once

#include <string>

#include "agent/model/snapshot.hpp"

// The names and labels of postgres_exporter as one of its generations has them.
namespace pgtend::api {

struct ExporterOptions {
  // "0.20", "0.15", "0.11", or "off": none of these names.
  std::string version = "0.20";
  // Serve seven pg_stat_bgwriter_* a second time without _total, as Grafana's dashboard 9628 asks for them.
  bool dashboard_9628 = true;
  std::string server;  // "host:port", the label of older generations
};

// The snapshot as /metrics is to show it: the same object where nothing differs, which with 0.20 is nearly always so.
[[nodiscard]] SnapshotPtr as_exporter(SnapshotPtr snapshot, const ExporterOptions& options);

// The name by which a collector knows what /metrics shows under this one; the same where there is no other.
[[nodiscard]] std::string present_name(const std::string& shown);

}  // namespace pgtend::api
