#include "agent/engine/collecting.hpp"

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/engine/collector_set.hpp"
#include "agent/engine/database_choice.hpp"
#include "agent/engine/own_collectors.hpp"
#include "agent/engine/schedule.hpp"
#include "collectors/metric_defs.hpp"

namespace pgtend::engine {

namespace {

// Sources: reference catalogue, host and self each 10 s, and active sessions in buckets of 10 s.
constexpr Millis kHostInterval{10'000};
// Backups come once a day; the file is small and its reading is what tells of a new one.
constexpr Millis kBackupsInterval{60'000};
// Between the beginnings of two visits of the roving session. Source: a visit takes 45 ms of a backend (measured with
// 200 databases: its start, and a dozen statements that are planned anew), which shall stay below 1 % of a core; ten
// databases are swept every minute as they ask for.
constexpr Millis kVisitGap{6'000};

// A database that is in the catalog and cannot be entered, because its files are gone for one, is tried again after
// this: each try costs the server a process.
constexpr std::chrono::minutes kRest{10};

// An extension that is created is noticed after this. Source: a probe takes 6.5 ms of a backend on a server of 2,000
// tables, a thousandth of what is spent there meanwhile.
constexpr std::chrono::hours kShapeAge{1};
// A statement that misses what was there has the next run probe again, but for this long after a probe: one that is
// wrong misses it each time.
constexpr std::chrono::minutes kDoubt{5};

CollectorDef built_in(const char* name) {
  CollectorDef def;
  def.name = name;
  def.interval = kHostInterval;
  return def;
}

bool is_heartbeat(const std::string& collector) {
  return collector == kHeartbeat || collector == kHeartbeatLag;
}

}  // namespace

bool is_probe(const std::string& collector) {
  return collector == kUpCollector || collector == kSessionsCollector || is_heartbeat(collector);
}

Collecting::Collecting(Parts& parts, CostAccount& cost)
    : parts_(parts),
      cost_(cost),
      neighbours_(parts),
      active_sessions_(parts, cost),
      log_tailing_(parts, cost),
      server_host_(parts, cost),
      statement_texts_(parts, cost),
      started_(parts.clock.steady_now()) {}

std::vector<config::ConfigError> Collecting::load() {
  auto loaded = load_collectors(parts_.config->collection.directory);
  auto& defs = loaded.defs;
  for (auto& def : defs)
    if (def.name == "statements" || def.name == "statements_13") {
      def.max_series = parts_.config->collection.statements_top;
    } else if (def.replace) {
      log::info("collector replaced", {{"collector", def.name}, {"by", def.file}});
    }
  if (parts_.config->host.enabled) {
    for (const auto* name : {kHostCollector, kDirectoriesCollector, kBackendCpuCollector})
      defs.push_back(built_in(name));
  }
  defs.push_back(built_in(kSelfCollector));
  defs.push_back(built_in(kLogsCollector));
  if (!parts_.config->backup.pgbackrest_info.empty()) {
    defs.push_back(built_in(kBackupsCollector));
    defs.back().interval = kBackupsInterval;
  }
  if (parts_.config->collection.active_sessions.interval > Millis(0)) defs.push_back(built_in(kSessionsCollector));
  neighbours_.load();
  for (auto& def : neighbours_.defs()) defs.push_back(std::move(def));
  const bool beats = parts_.config->postgresql.replication_heartbeat > Millis(0);
  std::erase_if(defs,
                [&](const CollectorDef& def) { return disabled(def.name) || (is_heartbeat(def.name) && !beats); });
  defs_ = std::make_shared<const std::vector<CollectorDef>>(std::move(defs));
  defs_of_kind_.clear();
  for (std::size_t i = 0; i < defs_->size(); ++i) defs_of_kind_.emplace(neighbours_.kind_of((*defs_)[i].name), i);
  active_sessions_.enable(def(kSessionsCollector) != nullptr);
  log_tailing_.enable(def(kLogsCollector) != nullptr);

  collectors_of_metric_.clear();
  for (const auto& own : own_collectors())
    for (const auto& metric : own.metrics) collectors_of_metric_[metric.name].insert(own.name);
  for (const auto& def : *defs_)
    for (const auto& column : def.columns) {
      collectors_of_metric_[column.metric].insert(def.name);
      if (!column.exporter_name.empty()) collectors_of_metric_[column.exporter_name].insert(def.name);
    }
  for (const auto& code : collectors::code_collectors())
    for (const auto& metric : code.metrics) collectors_of_metric_[metric.name].insert(code.def.name);
  // Whether one is there is told by the metric itself, also while it is not.
  for (const auto& metric : neighbour_metrics())
    if (!metric.def.name.ends_with("_up")) collectors_of_metric_[metric.def.name].insert(metric.kind);
  shapes_.clear();
  forget_undefined();
  set_lookbacks();
  return std::move(loaded.errors);
}

const CollectorDef* Collecting::def(const std::string& name) const {
  for (const auto& def : *defs_)
    if (def.name == name) return &def;
  return nullptr;
}

bool Collecting::disabled(const std::string& name) const {
  for (const auto& pattern : parts_.config->collection.disabled)
    if (glob_match(pattern, name)) return true;
  return false;
}

Millis Collecting::interval(const CollectorDef& def, const std::string& database) const {
  const Millis own = unpaced(def, database);
  const auto cost = cost_of_run_.find({def.name, database});
  if (cost == cost_of_run_.end() || parts_.config->collection.intervals.contains(def.name)) return own;
  return paced(own, cost->second, parts_.config->collection.budget.cpu_ratio);
}

Millis Collecting::unpaced(const CollectorDef& def, const std::string& database) const {
  const auto& intervals = parts_.config->collection.intervals;
  const auto it = intervals.find(def.name);
  if (it != intervals.end()) return it->second;
  if (is_heartbeat(def.name)) return parts_.config->postgresql.replication_heartbeat;
  const Millis own = def.interval > Millis(0) ? def.interval : parts_.config->collection.default_interval;
  if (database.empty() || database == parts_.lanes.home_database() || !databases_) return own;
  return std::max(own, kVisitGap * static_cast<std::int64_t>(databases_->size()));
}

void Collecting::set_databases(std::vector<std::string> databases) {
  if (databases_ == databases) return;
  databases_ = std::move(databases);
  set_lookbacks();
}

std::vector<MetricDef> Collecting::metrics() const {
  auto out = collectors::metric_defs(*defs_);
  for (const auto& code : collectors::code_collectors())
    out.insert(out.end(), code.metrics.begin(), code.metrics.end());
  for (auto& metric : neighbour_metrics()) out.push_back(std::move(metric.def));
  for (const auto& own : own_collectors()) out.insert(out.end(), own.metrics.begin(), own.metrics.end());
  return out;
}

std::set<std::string> Collecting::heavy() const {
  std::set<std::string> out;
  for (const auto& def : *defs_)
    if (def.cost != CostClass::a) out.insert(def.name);
  return out;
}

net::TaskResult<std::vector<std::string>> Collecting::discover_databases() {
  static const std::string sql = R"(
    select datname, oid from pg_catalog.pg_database
    where datallowconn and not datistemplate and pg_catalog.has_database_privilege(oid, 'CONNECT') order by 1)";
  cost_.count_query();
  auto rows = co_await parts_.lanes.query(pg::Lane::sample, "", "databases", sql, {},
                                          parts_.config->postgresql.statement_timeout);
  if (!rows) co_return fail(std::move(rows.error()), "discover databases");
  std::vector<std::string> out;
  std::map<std::string, Found> found;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    std::string name = rows->text(i, "datname");
    if (!is_chosen(parts_.config->postgresql, name)) continue;
    Found now{rows->text(i, "oid"), {}};
    const auto before = found_.find(name);
    if (before != found_.end() && before->second.oid == now.oid) now = before->second;
    if (now.rests_until <= parts_.clock.steady_now()) out.push_back(name);
    found.emplace(std::move(name), std::move(now));
  }
  found_ = std::move(found);
  co_return out;
}

void Collecting::rest(const std::string& database) {
  const auto found = found_.find(database);
  if (found != found_.end()) found->second.rests_until = parts_.clock.steady_now() + kRest;
}

void Collecting::doubt_shape(const std::string& database) {
  const Deadline now = parts_.clock.steady_now();
  const auto probed = probed_at_.find(database);
  if (probed != probed_at_.end() && now - probed->second >= kDoubt) probed->second = now - kShapeAge;
}

net::TaskResult<std::shared_ptr<const collectors::ServerShape>> Collecting::shape(std::string database) {
  const auto it = shapes_.find(database);
  const bool is_new = parts_.clock.steady_now() - probed_at_[database] < kShapeAge;
  if (it != shapes_.end() && is_new && it->second->identity == parts_.lanes.identity()) co_return it->second;
  std::vector<CollectorDef> probed;
  for (const auto& def : *defs_)
    if (!def.source.empty()) probed.push_back(def);
  const std::string sql = collectors::column_probe_sql(probed);
  cost_.count_query();
  auto rows = co_await parts_.lanes.query(pg::Lane::sample, database, "probe", sql, {},
                                          parts_.config->postgresql.statement_timeout);
  if (!rows) co_return fail(std::move(rows.error()), "probe columns");
  auto shape = std::make_shared<collectors::ServerShape>();
  shape->identity = parts_.lanes.identity();
  collectors::add_columns(*shape, *rows);
  shapes_[database] = shape;
  probed_at_[database] = parts_.clock.steady_now();
  co_return std::shared_ptr<const collectors::ServerShape>(std::move(shape));
}

std::shared_ptr<Snapshot> Collecting::blank(const std::string& collector, const std::string& database) const {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->collector = collector;
  snapshot->instance = parts_.config->instance.name;
  snapshot->database = database;
  snapshot->taken_at = parts_.clock.now();
  snapshot->identity = parts_.lanes.identity();
  return snapshot;
}

net::Task<SnapshotPtr> Collecting::collect(std::string collector, std::string database) {
  auto snapshot = blank(collector, database);
  const Deadline started = parts_.clock.steady_now();
  const CollectorDef* found = def(collector);
  if (found == nullptr) {
    snapshot->status = CollectStatus::unsupported;
    snapshot->detail = "no such collector";
    note(*snapshot);
    co_return snapshot;
  }
  // When the next run is really due: a collector that is slowed down is not stale for it.
  snapshot->interval = slowed(interval(*found, database), found->cost, cost_.slow_down());
  if (collector == kHostCollector) {
    co_await run_host(snapshot);
  } else if (collector == kDirectoriesCollector) {
    co_await server_host_.run_directories(snapshot);
  } else if (collector == kBackendCpuCollector) {
    co_await server_host_.run_backend_cpu(snapshot);
  } else if (collector == kBackupsCollector) {
    co_await run_backups(snapshot);
  } else if (collector == kSelfCollector) {
    co_await recall();
    run_self(*snapshot);
  } else if (collector == kSessionsCollector) {
    active_sessions_.run(*snapshot);
  } else if (collector == kLogsCollector) {
    co_await log_tailing_.run(snapshot);
  } else if (neighbours_.has(collector)) {
    co_await neighbours_.run(snapshot);
  } else {
    // A reload may replace the definitions while the statement runs.
    const DefPtr kept(defs_, found);
    co_await run_statement(snapshot, kept);
  }
  snapshot->duration += std::chrono::duration_cast<Millis>(parts_.clock.steady_now() - started);
  note(*snapshot);
  co_return snapshot;
}

}  // namespace pgtend::engine
