#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/api/views.hpp"
#include "agent/config/config_error.hpp"
#include "agent/engine/active_sessions.hpp"
#include "agent/engine/cost_account.hpp"
#include "agent/engine/log_tailing.hpp"
#include "agent/engine/neighbours.hpp"
#include "agent/engine/parts.hpp"
#include "agent/engine/server_host.hpp"
#include "agent/engine/statement_texts.hpp"
#include "agent/model/collector_def.hpp"
#include "collectors/query.hpp"
#include "collectors/registry.hpp"

namespace pgtend::engine {

// The collectors that are no statement: they read the host and the agent itself.
inline constexpr const char* kHostCollector = "host";
inline constexpr const char* kSelfCollector = "self";
inline constexpr const char* kUpCollector = "identity";
inline constexpr const char* kSessionsCollector = "active_sessions";
inline constexpr const char* kLogsCollector = "logs";
inline constexpr const char* kBackupsCollector = "backups";
inline constexpr const char* kDirectoriesCollector = "directories";
inline constexpr const char* kBackendCpuCollector = "backend_cpu";
// Those that run by the interval of postgresql.replication_heartbeat, or not at all.
inline constexpr const char* kHeartbeat = "replication_heartbeat";
inline constexpr const char* kHeartbeatLag = "replication_heartbeat_lag";

// Whether nothing slower may delay it: it runs in the probe's line, on the probe's session.
[[nodiscard]] bool is_probe(const std::string& collector);

// The sampling half of the path: runs one collector on one database and gives a Snapshot.
// REQUIRES: io thread.
class Collecting {
 public:
  Collecting(Parts& parts, CostAccount& cost);

  // Reads the collectors in the binary and the user's directory. A user's file that is wrong fails alone.
  // Result: what was wrong, for the log and check-config.
  std::vector<config::ConfigError> load();
  [[nodiscard]] const std::vector<CollectorDef>& defs() const { return *defs_; }
  [[nodiscard]] const CollectorDef* def(const std::string& name) const;
  // How often it runs on a database; an empty name: as it would on any of a few. Where there are many, each is visited
  // less often than collectors would have it, and so is, at most by half, what costs the server more than its share of
  // the budget, unless the configuration names their interval.
  [[nodiscard]] Millis interval(const CollectorDef& def, const std::string& database) const;
  // Of so many databases that a sweep of them takes longer than the collector's own interval.
  [[nodiscard]] bool is_swept(const CollectorDef& def, const std::string& database) const {
    return unpaced(def, database) > unpaced(def, "");
  }
  [[nodiscard]] bool disabled(const std::string& name) const;
  // It asks a pooler or a cache, not the server: nothing of the server's may wait for it.
  [[nodiscard]] bool is_neighbour(const std::string& name) const { return neighbours_.has(name); }
  [[nodiscard]] std::vector<MetricDef> metrics() const;
  // Collectors that cost more than the cheapest ones do: the first to do without.
  [[nodiscard]] std::set<std::string> heavy() const;

  // Databases that exist, admit connections, pass the configured globs and do not rest. Errors: those of the sample
  // lane.
  net::TaskResult<std::vector<std::string>> discover_databases();

  // Asks the server now, in one go, for what the next runs of these collectors on a database want; collect() of each
  // takes its answer. What cannot be had so is left to collect().
  net::Task<void> ask_ahead(std::vector<std::string> collectors, std::string database);
  // collect: never fails; what went wrong is the snapshot's status and detail.
  net::Task<SnapshotPtr> collect(std::string collector, std::string database);

  // What this server offers in a database, probed once per connect. Errors: those of the lane.
  net::TaskResult<std::shared_ptr<const collectors::ServerShape>> shape(std::string database);
  void forget_shapes() {
    shapes_.clear();
    probed_at_.clear();
  }
  void set_databases(std::vector<std::string> databases);
  void forget_database(const std::string& database);
  // Once after a run was told that its database is not there: the database.
  [[nodiscard]] std::string take_missing() { return std::exchange(missing_, {}); }
  // Leaves a database that cannot be entered out of discovery for ten minutes; another one of its name it does not.
  void rest(const std::string& database);

  // Reads once what history says of the runs before the agent was started: a collector that failed then fails until it
  // is seen to work, and what it gave then is missed now. Without it none of that is known.
  net::Task<void> recall();
  // Why the collector behind a metric cannot be trusted now: it failed, is late, or has not run since the start; empty
  // when it can, when no collector makes the metric, or when it never worked for want of a right.
  [[nodiscard]] std::string blind(const std::string& metric) const;
  // The collectors behind each metric that blind() asks.
  [[nodiscard]] std::map<std::string, std::set<std::string>> collectors_by_metric() const;
  // Why series of the metric may be there that the last run of its collector left out; empty: there are none. Of
  // `alert`: only those that an alert with these labels can be about and that were not asked for.
  [[nodiscard]] std::string left_out(const std::string& metric, const Labels* alert) const;
  // Gives the labels of what is watched now: its rows go before others where a run has to leave some out.
  using Watched = std::function<std::vector<Labels>()>;
  void set_watched(Watched watched) { watched_ = std::move(watched); }
  [[nodiscard]] std::vector<api::CollectorView> views() const;
  // Its last run did not reach the server.
  [[nodiscard]] bool unreached(const std::string& collector, const std::string& database) const;
  [[nodiscard]] ActiveSessions& active_sessions() { return active_sessions_; }
  [[nodiscard]] LogTailing& log_tailing() { return log_tailing_; }
  [[nodiscard]] const LogTailing& log_tailing() const { return log_tailing_; }
  [[nodiscard]] const ServerHost& server_host() const { return server_host_; }
  // The host's memory as of its last run; 0 unknown.
  [[nodiscard]] std::int64_t ram_bytes() const { return ram_bytes_; }

 private:
  struct Run {
    CollectStatus status = CollectStatus::ok;
    std::string detail;
    UtcTime last_run;
    std::optional<UtcTime> last_success;
    std::optional<UtcTime> unsupported_since;  // the first of the runs since which it does not apply
    Millis duration{0}, interval{0};
    std::size_t series = 0;
    std::size_t left_out = 0;
    std::set<Labels> asked;  // rows that it gives if they are there, whatever it leaves out
  };
  using Key = std::pair<std::string, std::string>;  // collector, database

  [[nodiscard]] Millis unpaced(const CollectorDef& def, const std::string& database) const;
  // CPU of the sampling backend in this database, since it began; 0: none, or none that can be read.
  [[nodiscard]] double backend_seconds(const std::string& database) const;
  // Series on the page of metrics, as of a minute ago at most.
  [[nodiscard]] std::size_t series_on_page();
  // A statement has missed what was there: the next one probes the database again.
  void doubt_shape(const std::string& database);
  void note_cost(const CollectorDef& def, const std::string& database, double before);
  // For a person: that and why it runs less often; empty: it does not.
  [[nodiscard]] std::string pace_detail(const CollectorDef& def, const std::string& database) const;

  [[nodiscard]] std::set<Labels> watched_rows(const CollectorDef& def, const std::string& database) const;
  std::shared_ptr<Snapshot> blank(const std::string& collector, const std::string& database) const;
  using DefPtr = std::shared_ptr<const CollectorDef>;
  using ShapePtr = std::shared_ptr<const collectors::ServerShape>;
  Result<collectors::CollectorQuery> query(const DefPtr& def, const ShapePtr& shape, const std::string& database,
                                           const std::set<Labels>& watched);
  net::TaskResult<RowSet> ask(DefPtr def, std::string database, std::string sql, pg::Params params);
  // `left_out` becomes how many relations are not in the answer.
  net::TaskResult<RowSet> ask_in_chunks(DefPtr def, std::string database, std::string sql, std::size_t* left_out);
  net::Task<void> run_statement(std::shared_ptr<Snapshot> snapshot, DefPtr def);
  net::Task<void> run_host(std::shared_ptr<Snapshot> snapshot);
  net::Task<void> run_backups(std::shared_ptr<Snapshot> snapshot);
  void run_self(Snapshot& snapshot);
  void note_reached(bool reached, UtcTime at, const std::string& why_not);
  [[nodiscard]] bool asks_server(const std::string& collector) const;
  [[nodiscard]] bool is_stale(const Run& run) const;
  // Whether a collector works: nothing while the server is away, until it was tried again, and where it does not apply.
  [[nodiscard]] std::optional<bool> works(const std::string& collector, const Run& run) const;
  // Which collectors work and which fail by their own fault, as far as that was ever seen.
  [[nodiscard]] std::map<Key, bool> judge();
  net::TaskResult<std::vector<SeriesData>> worked(std::vector<Matcher> whose, bool last_only);
  [[nodiscard]] bool waits_for_first_run(const CollectorDef& def) const;
  [[nodiscard]] std::string blind(const CollectorDef& def) const;
  // The collectors of a metric.
  [[nodiscard]] std::vector<const CollectorDef*> makers(const std::string& metric) const;
  void set_lookbacks();
  void note(const Snapshot& snapshot);
  void forget_undefined();

  Parts& parts_;
  Watched watched_;
  CostAccount& cost_;
  Neighbours neighbours_;
  ActiveSessions active_sessions_;
  LogTailing log_tailing_;
  ServerHost server_host_;
  StatementTexts statement_texts_;
  std::shared_ptr<const std::vector<CollectorDef>> defs_ = std::make_shared<std::vector<CollectorDef>>();
  std::map<std::string, std::set<std::string>> collectors_of_metric_;  // a neighbour's by its kind
  std::multimap<std::string, std::size_t> defs_of_kind_;  // places in defs_; of any other collector by its name
  std::map<std::string, std::shared_ptr<const collectors::ServerShape>> shapes_;
  std::map<std::string, Deadline> probed_at_;  // as far back as they can be where one is doubted
  std::size_t page_series_ = 0;
  Deadline page_due_{};
  std::map<Key, Run> runs_;
  std::map<Key, collectors::RowKeys> row_keys_;
  struct Asked {
    DefPtr def;
    ShapePtr shape;
    collectors::CollectorQuery query;
  };
  std::map<std::string, Asked> queries_;  // in the home database, by collector
  struct Ahead {
    std::string sql;
    RowSet rows;
    UtcTime asked_at;
    Millis took{0};
  };
  std::map<Key, Ahead> ahead_;         // until the collector runs, or others are asked for
  std::map<Key, double> cost_of_run_;  // seconds of a backend, of collectors that are not of the cheapest class
  Deadline started_;
  std::optional<std::vector<std::string>> databases_;  // as discovered; nothing: not yet
  std::set<Key> failing_;                              // judged so last, also before the agent was restarted
  std::map<Key, UtcTime> worked_before_;               // when each was last seen to work before the agent was started
  bool recalled_ = false;
  std::string missing_;
  struct Found {
    std::string oid;
    Deadline rests_until{};
  };
  std::map<std::string, Found> found_;  // by the last discovery, by name
  int lookbacks_for_ = 1;               // the slow-down for which they were set
  std::int64_t ram_bytes_ = 0;
  // When the probe reached the server last, and since when without a miss; nothing: it does not.
  std::optional<UtcTime> reached_since_;
  UtcTime reached_at_;
};

}  // namespace pgtend::engine
