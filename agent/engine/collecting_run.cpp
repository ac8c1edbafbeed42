#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/engine/backups.hpp"
#include "agent/engine/collect_status.hpp"
#include "agent/engine/collecting.hpp"
#include "agent/engine/cure.hpp"
#include "agent/engine/self_metrics.hpp"
#include "collectors/host/host.hpp"
#include "collectors/postgres/sizes.hpp"
#include "collectors/rows_to_series.hpp"

// How one run of a collector goes: its statement, the host's files, the agent itself.
namespace pgtend::engine {

namespace {

// A collector of class C may take this many times the configured statement_timeout.
constexpr int kHeavyFactor = 10;
constexpr std::size_t kMaxProcFile = 1 << 20;
// To know what is on the page is to decide it, 3 ms for 5,000 series; how many there are changes slowly.
constexpr std::chrono::minutes kPageInterval{1};

// Series of a collector whose answer is asked for together with others and waits for its turn. Source: sixteen of the
// default quota of rows are 8,000 rows, some 2 MB.
constexpr std::size_t kMostAhead = 500;

// Of the rows of one collector and database. Source: more alerts about one kind of thing are a flood that nobody reads
// one by one; a statement stays below 10 kB.
constexpr std::size_t kMostWatched = 100;

// `connected`: the statement was refused, rather than the session.
void failed(Snapshot& snapshot, const CollectorDef& def, const Error& error, bool connected, const std::string& role) {
  snapshot.status = status_of(error);
  snapshot.detail = error.describe();
  // No GRANT helps against a wrong password or a missing role (class 28).
  if (error.sqlstate != "42501") return;
  const std::string grant =
      connected ? def.grant : "GRANT CONNECT ON DATABASE " + quote_identifier(snapshot.database) + " TO {role}";
  if (!grant.empty() && (connected || !snapshot.database.empty()))
    snapshot.detail += "; cure: " + cure_for(grant, role) + ";";
}

Millis statement_time(const CollectorDef& def, const config::PostgresqlConfig& config) {
  return def.cost == CostClass::c ? config.statement_timeout * kHeavyFactor : config.statement_timeout;
}

int rows_asked_for(const CollectorDef& def, const collectors::ServerShape& shape, const config::Config& config) {
  const auto most = static_cast<std::size_t>(config.collection.max_series_per_collector);
  return collectors::rows_asked_for(def, shape.identity.version_num, most);
}

// Something that was there when the server was probed: a relation, a function, a column, a schema.
bool is_missing(const Error& error) {
  const auto& state = error.sqlstate;
  return state == "42P01" || state == "42883" || state == "42703" || state == "3F000";
}

const collectors::CodeCollector* code_of(const std::string& name) {
  for (const auto& code : collectors::code_collectors())
    if (code.def.name == name) return &code;
  return nullptr;
}

}  // namespace

CollectStatus status_of(const Error& error) {
  if (error.sqlstate == "55P03") return CollectStatus::locked;
  switch (error.code) {
    case Errc::permission:
      return CollectStatus::permission;
    case Errc::unsupported:
      return CollectStatus::unsupported;
    case Errc::timeout:
    case Errc::cancelled:
      return CollectStatus::timeout;
    case Errc::unavailable:
    case Errc::resource_exhausted:
      return CollectStatus::unavailable;
    default:
      return CollectStatus::error;
  }
}

net::TaskResult<RowSet> Collecting::ask(DefPtr def, std::string database, std::string sql, pg::Params params) {
  const auto lane = is_probe(def->name) ? pg::Lane::probe : pg::Lane::sample;
  const Millis time = statement_time(*def, parts_.config->postgresql);
  cost_.count_query();
  auto rows =
      co_await parts_.lanes.query(lane, std::move(database), def->name, std::move(sql), std::move(params), time);
  co_return rows;
}

net::Task<void> Collecting::ask_ahead(std::vector<std::string> collectors, std::string database) {
  // The lines run side by side.
  std::erase_if(ahead_, [&](const auto& entry) { return entry.first.second == database; });
  const auto shape = shapes_.find(database);
  if (shape == shapes_.end() || shape->second->identity != parts_.lanes.identity()) co_return;
  std::vector<pg::Connection::Recurring> statements;
  for (const auto& name : collectors) {
    const auto* found = def(name);
    const auto run = runs_.find({name, database});
    // One that fails takes those behind it along; of one that is dear it is known what its run costs.
    if (found == nullptr || found->sql.empty() || found->cost != CostClass::a || found->lock_aware || is_probe(name) ||
        run == runs_.end() || run->second.status != CollectStatus::ok || run->second.series > kMostAhead)
      continue;
    if (auto sql = query(DefPtr(defs_, found), shape->second, database, watched_rows(*found, database)))
      statements.push_back({name, std::move(sql->sql)});
  }
  if (statements.size() < 2) co_return;
  const UtcTime asked_at = parts_.clock.now();
  const Deadline started = parts_.clock.steady_now();
  auto rows = co_await parts_.lanes.repeat_all(pg::Lane::sample, database, statements,
                                               parts_.config->postgresql.statement_timeout);
  if (!rows) co_return;
  const auto took = std::chrono::duration_cast<Millis>(parts_.clock.steady_now() - started);
  for (std::size_t i = 0; i < statements.size(); ++i) {
    auto& answer = (*rows)[i];
    if (!answer) continue;
    cost_.count_query();
    ahead_.insert_or_assign(Key(statements[i].marker, database),
                            Ahead{std::move(statements[i].sql), std::move(*answer), asked_at, took});
  }
}

// A relation that gets locked between the list and its chunk costs that chunk's halves, down to the relation itself.
net::TaskResult<RowSet> Collecting::ask_in_chunks(DefPtr def, std::string database, std::string sql,
                                                  std::size_t* left_out) {
  auto list = co_await ask(def, database, collectors::unlocked_relations_sql(), {});
  if (!list) co_return fail(std::move(list.error()), "list unlocked relations");
  RowSet all;
  auto chunks = collectors::oid_chunks(*list);
  *left_out = static_cast<std::size_t>(list->integer(0, "left_out").value_or(0));
  for (const auto& chunk : chunks) *left_out += parse_array(chunk).size();
  while (!chunks.empty()) {
    const std::string chunk = chunks.back();
    chunks.pop_back();
    pg::Params params;
    params.emplace_back(chunk);
    auto rows = co_await ask(def, database, sql, params);
    if (!rows && rows.error().sqlstate == "55P03") {
      for (auto& half : collectors::split_chunk(chunk)) chunks.push_back(std::move(half));
      continue;
    }
    if (!rows) co_return fail(std::move(rows.error()));
    all.columns = rows->columns;
    *left_out -= std::min(*left_out, rows->size());
    for (auto& row : rows->rows) all.rows.push_back(std::move(row));
  }
  co_return all;
}

// One that is asked in the home database comes every ten seconds; of hundreds of databases their texts would be a
// burden.
Result<collectors::CollectorQuery> Collecting::query(const DefPtr& def, const ShapePtr& shape,
                                                     const std::string& database, const std::set<Labels>& watched) {
  const int rows = rows_asked_for(*def, *shape, *parts_.config);
  if (rows < collectors::row_quota(*def)) {
    CollectorDef fewer = *def;
    fewer.max_series = rows;
    return collectors::make_query(fewer, *shape, watched);
  }
  if (!database.empty() || !watched.empty()) return collectors::make_query(*def, *shape, watched);
  auto& kept = queries_[def->name];
  if (kept.def == def && kept.shape == shape) return kept.query;
  auto made = collectors::make_query(*def, *shape);
  if (made) kept = {def, shape, *made};
  return made;
}

std::set<Labels> Collecting::watched_rows(const CollectorDef& def, const std::string& database) const {
  std::set<Labels> out;
  if (!watched_ || def.labels.empty()) return out;
  for (const auto& labels : watched_())
    if (auto row = collectors::row_named_by(def, database, labels); row && out.size() < kMostWatched)
      out.insert(std::move(*row));
  return out;
}

net::Task<void> Collecting::run_statement(std::shared_ptr<Snapshot> snapshot, DefPtr def) {
  auto shape = co_await this->shape(snapshot->database);
  const auto watched = watched_rows(*def, snapshot->database);
  Result<collectors::CollectorQuery> query = fail(Errc::unavailable, "");
  if (shape) query = this->query(def, *shape, snapshot->database, watched);
  if (!shape) query = fail(std::move(shape.error()));
  Result<RowSet> rows = fail(Errc::unavailable, "");
  std::size_t locked = 0;
  const bool dear = def->cost != CostClass::a;
  const double before = dear ? backend_seconds(snapshot->database) : 0;
  auto ahead = ahead_.extract({def->name, snapshot->database});
  if (!query) {
    rows = fail(std::move(query.error()));
  } else if (!ahead.empty() && ahead.mapped().sql == query->sql) {
    rows = std::move(ahead.mapped().rows);
    snapshot->taken_at = ahead.mapped().asked_at;
    snapshot->duration = ahead.mapped().took;
  } else if (def->lock_aware) {
    auto answer = co_await ask_in_chunks(def, snapshot->database, query->sql, &locked);
    rows = std::move(answer);
  } else {
    auto answer = co_await ask(def, snapshot->database, query->sql, {});
    rows = std::move(answer);
  }
  if (dear && rows) note_cost(*def, snapshot->database, before);
  snapshot->identity = parts_.lanes.identity();
  if (def->name == kUpCollector)
    note_reached(rows.has_value(), snapshot->taken_at, rows ? "" : rows.error().describe());
  if (!rows) {
    if (def->name == kUpCollector) {
      // Down is what this collector is there to say: a value, not a failure.
      snapshot->samples.push_back({{"pgtend_up", {}}, 0, MetricKind::gauge, 0});
      snapshot->samples.push_back({{"pg_up", {}}, 0, MetricKind::gauge, 0});
      snapshot->detail = rows.error().describe();
      // The attempt may have waited for its whole timeout: what is known is known now.
      snapshot->taken_at = parts_.clock.now();
    } else {
      failed(*snapshot, *def, rows.error(), shape.has_value(), parts_.config->postgresql.user);
      if (is_missing(rows.error())) doubt_shape(snapshot->database);
      if (rows.error().sqlstate == "3D000" && !snapshot->database.empty()) missing_ = snapshot->database;
    }
    co_return;
  }
  const auto* code = code_of(def->name);
  collectors::put_first(*def, snapshot->database, watched, *rows);
  auto& keys = row_keys_[{def->name, snapshot->database}];
  const auto quota = static_cast<std::size_t>(parts_.config->collection.max_series_per_collector);
  auto run = code != nullptr
                 ? code->series(*rows, snapshot->identity, snapshot->database)
                 : collectors::rows_to_series(*def, *rows, snapshot->identity, snapshot->database, &keys, quota);
  if (run.samples.size() > quota) {
    run.over = run.samples.size() - quota;
    run.samples.resize(quota);
  }
  snapshot->left_out = run.dropped + run.over + locked;
  const bool picks =
      (rows->integer(0, "left_out").value_or(0) == 0 && locked == 0) || collectors::asks_for_watched(*def);
  // A row has a series for each column, and one of another name.
  const bool all_fit = watched.size() * def->columns.size() * 2 <= quota &&
                       watched.size() <= static_cast<std::size_t>(rows_asked_for(*def, **shape, *parts_.config));
  runs_[{def->name, snapshot->database}].asked = code == nullptr && picks && all_fit ? watched : std::set<Labels>();
  if (run.dropped > 0)
    snapshot->detail =
        std::to_string(run.dropped) + " rows beyond the first " +
        std::to_string(code != nullptr ? static_cast<std::size_t>(collectors::row_quota(*def)) : run.rows) +
        " were left out";
  if (run.over > 0)
    snapshot->detail += (snapshot->detail.empty() ? "" : ", ") + std::to_string(run.over) +
                        " series beyond collection.max_series_per_collector";
  if (locked > 0)
    snapshot->detail += (snapshot->detail.empty() ? "" : ", ") + std::to_string(locked) +
                        " tables, partitions or materialized views are locked exclusively, or not among the largest " +
                        std::to_string(collectors::kMeasuredRelations);
  snapshot->samples = std::move(run.samples);
  if (def->extension == "pg_stat_statements" && def->name == "statements") {
    auto withheld =
        co_await statement_texts_.read(std::move(*rows), snapshot->database, *shape, server_host_.data_directory());
    if (!withheld.empty()) snapshot->detail += (snapshot->detail.empty() ? "" : ", ") + withheld;
  }
}

namespace {

struct HostReading {
  std::map<std::string, std::string> files;
  std::vector<collectors::FilesystemUse> filesystems;
};

HostReading read_host(const std::string& proc, const std::vector<std::string>& mounts) {
  HostReading out;
  for (const auto& path : collectors::host_paths()) {
    std::string real = path;
    if (path.starts_with("/proc")) real = proc + path.substr(5);
    std::ifstream file(real);
    if (!file) continue;
    auto& text = out.files[path];
    // In steps: files of /proc have no size, and one buffer of the limit for each would stay resident.
    std::array<char, 8192> chunk;
    while (text.size() < kMaxProcFile && (file.read(chunk.data(), chunk.size()), file.gcount() > 0))
      text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
  }
  for (auto& use : collectors::filesystems(out.files["/proc/self/mounts"])) {
    bool wanted = mounts.empty();
    for (const auto& mount : mounts) wanted = wanted || mount == use.mountpoint;
    struct statvfs numbers{};
    if (!wanted || statvfs(use.mountpoint.c_str(), &numbers) != 0) continue;
    use.size_bytes = numbers.f_blocks * numbers.f_frsize;
    use.free_bytes = numbers.f_bfree * numbers.f_frsize;
    use.avail_bytes = numbers.f_bavail * numbers.f_frsize;
    use.files = numbers.f_files;
    use.files_free = numbers.f_ffree;
    out.filesystems.push_back(use);
  }
  return out;
}

}  // namespace

net::Task<void> Collecting::run_host(std::shared_ptr<Snapshot> snapshot) {
  // statvfs on a dead network mount can hang: never on the io thread.
  auto job = [proc = parts_.config->host.proc, mounts = parts_.config->host.filesystems] {
    return read_host(proc, mounts);
  };
  auto reading = co_await net::run_on(parts_.blocking, job);
  snapshot->samples = collectors::host_samples(reading.files, reading.filesystems, snapshot->taken_at);
  ram_bytes_ = collectors::ram_bytes(reading.files);
  if (snapshot->samples.empty()) {
    snapshot->status = CollectStatus::error;
    snapshot->detail = "nothing readable under " + parts_.config->host.proc;
  }
}

net::Task<void> Collecting::run_backups(std::shared_ptr<Snapshot> snapshot) {
  auto job = [file = parts_.config->backup.pgbackrest_info] { return read_backups(file); };
  auto read = co_await net::run_on(parts_.blocking, job);
  if (read) {
    snapshot->samples = std::move(*read);
    co_return;
  }
  snapshot->status = CollectStatus::error;
  snapshot->detail = read.error().describe();
}

std::size_t Collecting::series_on_page() {
  const Deadline now = parts_.clock.steady_now();
  if (now >= page_due_) {
    page_series_ = parts_.board.series();
    page_due_ = now + kPageInterval;
  }
  return page_series_;
}

void Collecting::run_self(Snapshot& snapshot) {
  std::vector<int> pids;
  for (const auto& session : parts_.lanes.sessions())
    if (session.local) pids.push_back(session.backend_pid);
  auto reading = read_cost(parts_.config->host.proc, pids);
  // Sessions in other databases come and go between two readings.
  reading.backend_cpu_seconds.merge(parts_.lanes.take_ended());
  cost_.add(reading, parts_.clock.steady_now());
  if (cost_.slow_down() != lookbacks_for_) set_lookbacks();
  const auto gauge = [&](const char* name, double value, Labels labels = {}) {
    snapshot.samples.push_back({{name, std::move(labels)}, value, MetricKind::gauge, 0});
  };
  // The epoch ends with the process: its counters start again.
  const auto epoch = static_cast<std::uint64_t>(::getpid());
  const auto counter = [&](const char* name, double value) {
    snapshot.samples.push_back({{name, {}}, value, MetricKind::counter, epoch});
  };
  gauge("pgtend_agent_cpu_ratio", cost_.agent_cpu_ratio());
  gauge("pgtend_agent_backend_cpu_ratio", cost_.backend_cpu_ratio());
  gauge("pgtend_agent_resident_memory_bytes", static_cast<double>(cost_.rss_bytes()));
  gauge("pgtend_agent_slow_down_factor", cost_.slow_down());
  gauge("pgtend_agent_series", static_cast<double>(series_on_page()));
  counter("pgtend_agent_cpu_seconds_total", reading.agent_cpu_seconds);
  counter("pgtend_agent_backend_cpu_seconds_total", cost_.backend_cpu_seconds());
  counter("pgtend_agent_queries_total", static_cast<double>(cost_.queries()));
  if (const auto until = parts_.lanes.tls().certificate_not_after)
    snapshot.samples.push_back(certificate_sample("postgresql", *until));
  const auto& config = parts_.config_view;
  gauge("pgtend_config_last_reload_successful", config.reload_error.empty() ? 1 : 0);
  gauge("pgtend_config_last_reload_success_timestamp_seconds", to_seconds(config.loaded_at));
  gauge("pgtend_config_errors", static_cast<double>(config.not_loaded.size()));
  const auto history = parts_.history.stats();
  gauge("pgtend_history_bytes", static_cast<double>(history.bytes));
  gauge("pgtend_history_active_series", static_cast<double>(history.active_series));
  if (history.oldest) gauge("pgtend_history_oldest_timestamp_seconds", to_seconds(*history.oldest));
  gauge("pgtend_history_cap_decides", history.cap_decides ? 1 : 0);
  gauge("pgtend_history_written", history.trouble.empty() ? 1 : 0);
  gauge("pgtend_history_replaced", parts_.history.moved_aside() ? 1 : 0);
  counter("pgtend_history_bad_blocks_total", static_cast<double>(history.bad_blocks));
  counter("pgtend_history_dropped_total", static_cast<double>(history.dropped_snapshots + history.dropped_ticks));
  counter("pgtend_history_over_quota_total", static_cast<double>(history.over_quota));
  for (const auto& [key, works] : judge())
    gauge("pgtend_collector_up", works ? 1 : 0, Labels{{"collector", key.first}, {"datname", key.second}});
}

}  // namespace pgtend::engine
