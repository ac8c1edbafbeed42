#include "agent/api/exporter_names.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace pgtend::api {
namespace {

// Source: the queries of Grafana's dashboard 9628.
constexpr std::array<std::string_view, 7> kDashboard9628{
    "pg_stat_bgwriter_buffers_alloc_total",         "pg_stat_bgwriter_buffers_backend_total",
    "pg_stat_bgwriter_buffers_backend_fsync_total", "pg_stat_bgwriter_buffers_checkpoint_total",
    "pg_stat_bgwriter_buffers_clean_total",         "pg_stat_bgwriter_checkpoint_sync_time_total",
    "pg_stat_bgwriter_checkpoint_write_time_total"};

// What 0.15 still reads through the map of queries of its early days, which adds the label. 0.11 does so for all.
constexpr std::array<std::string_view, 8> kServerLabelled{"pg_settings_",
                                                          "pg_stat_activity_",
                                                          "pg_stat_archiver_",
                                                          "pg_stat_replication_",
                                                          "pg_replication_slots_active",
                                                          "pg_replication_slots_pg_wal_lsn_diff",
                                                          "pg_static",
                                                          "pg_stat_database_conflicts_confl_"};

// Names that 0.20 begins with pg_replication_slots_; up to 0.19 it was pg_replication_slot_.
constexpr std::string_view kSlots = "pg_replication_slots_";
constexpr std::string_view kOldSlots = "pg_replication_slot_", kTotal = "_total";
constexpr std::array<std::string_view, 5> kSlotMetrics{"slot_current_wal_lsn", "slot_confirmed_flush_lsn",
                                                       "slot_is_active", "safe_wal_size_bytes", "wal_status"};

// Labels of pg_stat_activity_* that 0.11 has not: it adds their sessions up.
constexpr std::array<std::string_view, 5> kSessionLabels{"usename", "application_name", "backend_type",
                                                         "wait_event_type", "wait_event"};

bool is_exporters(const std::string& name) {
  return name.starts_with("pg_");
}

bool has_server(const std::string& name, const std::string& version) {
  if (version == "0.11") return name != "pg_up";
  return std::ranges::any_of(kServerLabelled, [&](auto prefix) { return name.starts_with(prefix); });
}

SeriesKey older(const SeriesKey& key, const ExporterOptions& options) {
  SeriesKey out = key;
  if (out.name.starts_with(kSlots)) {
    const auto rest = std::string_view(key.name).substr(kSlots.size());
    if (std::ranges::find(kSlotMetrics, rest) != kSlotMetrics.end())
      out.name = std::string(kOldSlots) + std::string(rest);
  }
  if (options.version == "0.11" && out.name.starts_with("pg_stat_activity_"))
    for (const auto label : kSessionLabels) out.labels.erase(label);
  if (has_server(key.name, options.version)) out.labels.set("server", options.server);
  return out;
}

// Sessions that fewer labels tell apart are one series: added up, their age is the greatest.
void put(std::vector<SeriesSample>& out, std::map<SeriesKey, std::size_t>& sessions, SeriesSample sample) {
  if (!sample.key->name.starts_with("pg_stat_activity_")) return out.push_back(std::move(sample));
  const auto [at, fresh] = sessions.try_emplace(*sample.key, out.size());
  if (fresh) return out.push_back(std::move(sample));
  double& value = out[at->second].value;
  value = sample.key->name == "pg_stat_activity_max_tx_duration" ? std::max(value, sample.value) : value + sample.value;
}

std::vector<SeriesSample> rewritten(const std::vector<SeriesSample>& samples, const ExporterOptions& options) {
  std::vector<SeriesSample> out;
  out.reserve(samples.size());
  std::map<SeriesKey, std::size_t> sessions;
  const bool is_older = options.version == "0.15" || options.version == "0.11";
  for (const auto& sample : samples) {
    if (!is_exporters(sample.key->name)) {
      out.push_back(sample);
      continue;
    }
    if (options.version == "off") continue;
    auto theirs = sample;
    if (is_older) theirs.key = older(*sample.key, options);
    if (options.dashboard_9628 && std::ranges::find(kDashboard9628, theirs.key->name) != kDashboard9628.end()) {
      auto bare = theirs;
      bare.key = SharedKey(theirs.key->name.substr(0, theirs.key->name.size() - kTotal.size()), theirs.key->labels);
      out.push_back(std::move(bare));
    }
    put(out, sessions, std::move(theirs));
  }
  return out;
}

bool differs(const std::vector<SeriesSample>& samples, const ExporterOptions& options) {
  const bool all = options.version != "0.20";
  if (!all && !options.dashboard_9628) return false;
  return std::ranges::any_of(samples, [&](const SeriesSample& sample) {
    const auto& name = sample.key->name;
    return all ? is_exporters(name) : std::ranges::find(kDashboard9628, name) != kDashboard9628.end();
  });
}

}  // namespace

std::string present_name(const std::string& shown) {
  const auto counter = shown + std::string(kTotal);
  if (std::ranges::find(kDashboard9628, counter) != kDashboard9628.end()) return counter;
  if (shown.starts_with(kOldSlots)) return std::string(kSlots) + shown.substr(kOldSlots.size());
  return shown;
}

SnapshotPtr as_exporter(SnapshotPtr snapshot, const ExporterOptions& options) {
  if (!differs(snapshot->samples, options)) return snapshot;
  auto out = std::make_shared<Snapshot>(*snapshot);
  out->samples = rewritten(snapshot->samples, options);
  return out;
}

}  // namespace pgtend::api
