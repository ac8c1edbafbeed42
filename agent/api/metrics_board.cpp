#include "agent/api/metrics_board.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <set>

#include "agent/api/board_slots.hpp"
#include "agent/api/process_usage.hpp"
#include "agent/base/log.hpp"

namespace pgtend::api {

void OwnCounter::add(double by) {
  counter_->Increment(by);
}
double OwnCounter::value() const {
  return counter_->Value();
}
void OwnGauge::set(double value) {
  gauge_->Set(value);
}
double OwnGauge::value() const {
  return gauge_->Value();
}

namespace {

using GaugeFamily = prometheus::Family<prometheus::Gauge>;

struct CollectorGauges {
  prometheus::Gauge* up = nullptr;
  prometheus::Gauge* duration = nullptr;
  prometheus::Gauge* last_success = nullptr;
};

std::map<std::string, std::string> to_map(const Labels& labels) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : labels) out.emplace(name, value);
  return out;
}

// Which settings there are is the server's to say, so that no definition names them.
std::string_view help_of(const std::string& name, const MetricDef* def) {
  if (def != nullptr) return def->help;
  return name.starts_with("pg_settings_") ? "Setting of the server; one with a unit in bytes or seconds." : "";
}

void append_header(std::string& out, const std::string& name, const MetricDef* def, MetricKind kind) {
  if (const auto help = help_of(name, def); !help.empty()) {
    out += "# HELP " + name + " ";
    for (const char c : help) {
      if (c == '\\') out += '\\';
      if (c == '\n') {
        out += "\\n";
      } else {
        out += c;
      }
    }
    out += '\n';
  }
  const auto type = def != nullptr ? def->kind : kind;
  out += "# TYPE " + name + (type == MetricKind::counter ? " counter\n" : " gauge\n");
}

}  // namespace

struct MetricsBoard::State {
  explicit State(BoardOptions all) : options(std::move(all)), slots(options.max_series) {}

  BoardOptions options;
  BoardSlots slots;
  std::map<std::string, MetricDef> defs;
  prometheus::Registry registry;
  prometheus::TextSerializer serializer;

  GaugeFamily& gauges(const std::string& name, const std::string& help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  prometheus::Counter& count(const std::string& name, const std::string& help, const Labels& labels = {}) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(to_map(labels));
  }
  prometheus::Gauge& gauge(const std::string& name, const std::string& help) { return gauges(name, help).Add({}); }

  GaugeFamily& up = gauges("pgtend_collector_up", "1 when the collector's last run succeeded and is not stale.");
  GaugeFamily& duration = gauges("pgtend_collector_duration_seconds", "Time that the collector's last run took.");
  GaugeFamily& last_success = gauges("pgtend_collector_last_success_timestamp_seconds",
                                     "When the collector last succeeded, in seconds since 1970.");
  prometheus::Counter& scrapes = count("pgtend_scrapes_total", "Times that this page was asked for.");
  prometheus::Counter& duplicates =
      count("pgtend_duplicate_samples_total", "Samples left out because their series was already on the page.");
  prometheus::Counter& dropped =
      count("pgtend_series_dropped_total", "Samples left out by the limit on series; history has them.");
  prometheus::Gauge& shown = gauge("pgtend_series", "Series of the server on this page.");
  prometheus::Counter& log_dropped = count("pgtend_log_dropped_total", "Log lines dropped because the log stalled.");
  prometheus::Counter& cpu = count("process_cpu_seconds_total", "User and system CPU time of the agent in seconds.");
  prometheus::Gauge& resident = gauge("process_resident_memory_bytes", "Resident memory of the agent.");
  prometheus::Gauge& virtual_memory = gauge("process_virtual_memory_bytes", "Virtual memory of the agent.");
  prometheus::Gauge& open_fds = gauge("process_open_fds", "Open file descriptors of the agent.");
  prometheus::Gauge& max_fds = gauge("process_max_fds", "Most file descriptors that the agent may open.");
  prometheus::Gauge& started = gauge("process_start_time_seconds", "When the agent started, in seconds since 1970.");
  std::map<SlotKey, CollectorGauges> collectors;

  CollectorGauges& gauges_of(const SlotKey& key);
  void refresh(UtcTime now);
  // What a collector says of a metric; nullptr: nothing.
  [[nodiscard]] const MetricDef* def_of(const std::string& name) const;
};

CollectorGauges& MetricsBoard::State::gauges_of(const SlotKey& key) {
  auto& gauges = collectors[key];
  if (gauges.up == nullptr) {
    const auto labels = to_map(Labels{{"collector", key.first}, {"datname", key.second}});
    gauges.up = &up.Add(labels);
    gauges.duration = &duration.Add(labels);
  }
  return gauges;
}

const MetricDef* MetricsBoard::State::def_of(const std::string& name) const {
  for (const auto& each : {name, present_name(name)})
    if (const auto found = defs.find(each); found != defs.end()) return &found->second;
  return nullptr;
}

void MetricsBoard::State::refresh(UtcTime now) {
  scrapes.Increment();
  shown.Set(static_cast<double>(slots.visible()));
  const auto left_out = slots.take_left_out();
  duplicates.Increment(static_cast<double>(left_out.duplicates));
  dropped.Increment(static_cast<double>(left_out.dropped));
  log_dropped.Increment(static_cast<double>(log::dropped()) - log_dropped.Value());
  const auto usage = read_process_usage();
  cpu.Increment(usage.cpu_seconds - cpu.Value());
  resident.Set(static_cast<double>(usage.resident_bytes));
  virtual_memory.Set(static_cast<double>(usage.virtual_bytes));
  open_fds.Set(static_cast<double>(usage.open_fds));
  max_fds.Set(static_cast<double>(usage.max_fds));
  started.Set(usage.start_time_seconds);
  for (auto& [key, gauges] : collectors) {
    const auto* slot = slots.find(key);
    if (slot != nullptr && slot->is_stale(now)) gauges.up->Set(0);
  }
}

MetricsBoard::MetricsBoard(BoardOptions options) : state_(std::make_unique<State>(std::move(options))) {
  const Labels labels{{"version", state_->options.version}};
  state_->gauges("pgtend_build_info", "Always 1; the label is the agent's version.").Add(to_map(labels)).Set(1);
}

MetricsBoard::~MetricsBoard() = default;

void MetricsBoard::set_defs(std::vector<MetricDef> defs) {
  state_->defs.clear();
  for (auto& def : defs) {
    auto name = def.name;
    state_->defs.insert_or_assign(std::move(name), std::move(def));
  }
}

void MetricsBoard::publish(SnapshotPtr snapshot) {
  const SlotKey key{snapshot->collector, snapshot->database};
  // It does not apply to this server, which is no failure.
  if (snapshot->status == CollectStatus::unsupported) return forget(snapshot->collector, snapshot->database);
  auto& gauges = state_->gauges_of(key);
  const bool good = snapshot->status == CollectStatus::ok;
  gauges.up->Set(good ? 1 : 0);
  gauges.duration->Set(static_cast<double>(snapshot->duration.count()) / 1000.0);
  if (good) {
    if (gauges.last_success == nullptr)
      gauges.last_success =
          &state_->last_success.Add(to_map(Labels{{"collector", key.first}, {"datname", key.second}}));
    gauges.last_success->Set(to_seconds(snapshot->taken_at));
  }
  // A run that lost a part (one locked table) still has samples; one that failed has none.
  if (!good && snapshot->samples.empty()) return;
  state_->slots.put(key, as_exporter(std::move(snapshot), state_->options.exporter));
}

void MetricsBoard::forget(const std::string& collector, const std::string& database) {
  const SlotKey key{collector, database};
  state_->slots.erase(key);
  const auto found = state_->collectors.find(key);
  if (found == state_->collectors.end()) return;
  state_->up.Remove(found->second.up);
  state_->duration.Remove(found->second.duration);
  if (found->second.last_success != nullptr) state_->last_success.Remove(found->second.last_success);
  state_->collectors.erase(found);
}

std::string MetricsBoard::render(UtcTime now) {
  state_->refresh(now);
  const auto own = state_->registry.Collect();
  std::set<std::string_view> taken;
  for (const auto& family : own) taken.insert(family.name);
  auto out = state_->serializer.Serialize(own);
  const auto write = [&](const std::string& name, MetricKind kind, const std::vector<const std::string*>& texts) {
    // A family may appear once on a page, and the agent's own is the one that its rules rely on.
    if (taken.contains(name)) return;
    append_header(out, name, state_->def_of(name), kind);
    for (const auto* text : texts) out += *text;
  };
  state_->slots.each_family(now, write);
  return out;
}

OwnCounter MetricsBoard::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return OwnCounter(&state_->count(name, help, labels));
}

OwnGauge MetricsBoard::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return OwnGauge(&state_->gauges(name, help).Add(to_map(labels)));
}

std::size_t MetricsBoard::series() const {
  return state_->slots.visible();
}

}  // namespace pgtend::api
