#include "collectors/logs/series.hpp"

#include <functional>

namespace pgtend::logs {

namespace {

// What all the tables and queries without counts of their own are called.
const std::string kOther = "other";

class Writer {
 public:
  explicit Writer(std::uint64_t epoch) : epoch_(epoch) {}

  void counter(const char* name, double value, Labels labels = {}, std::uint64_t turn = 0) {
    // A key that lost its counts and got them back began at zero again.
    out.push_back(
        {{std::string("pgtend_log_") + name + "_total", std::move(labels)}, value, MetricKind::counter, epoch_ + turn});
  }
  void gauge(const char* name, double value) {
    out.push_back({{std::string("pgtend_log_") + name, {}}, value, MetricKind::gauge, 0});
  }
  // One series for each name of an array.
  template <class Names, class Values>
  void each(const char* name, const std::string& label, const Names& names, const Values& values) {
    for (std::size_t i = 0; i < names.size(); ++i) counter(name, values[i], Labels{{label, std::string(names[i])}});
  }

  std::vector<SeriesSample> out;

 private:
  std::uint64_t epoch_;
};

void write_sessions(const LogTally& tally, Writer& to) {
  to.counter("deadlocks", tally.deadlocks);
  to.counter("temporary_files", tally.temporary_files);
  to.counter("temporary_bytes", tally.temporary_bytes);
  to.counter("lock_waits", tally.lock_waits);
  to.counter("lock_waits_ended", tally.lock_waits_ended);
  to.counter("lock_wait_seconds", tally.lock_wait_seconds);
  to.counter("connections_received", tally.connections_received);
  to.counter("connections_authorized", tally.connections_authorized);
  to.each("connections_refused", "reason", kRefusals, tally.refused);
  to.counter("disconnections", tally.disconnections);
  to.counter("session_seconds", tally.session_seconds);
  to.counter("statements", tally.statements);
  to.counter("statement_seconds", tally.statement_seconds);
}

void write_life(const LogTally& tally, Writer& to) {
  to.each("crashes", "signal", kSignals, tally.crashes);
  to.counter("starts", tally.starts);
  to.counter("shutdowns", tally.shutdowns);
  to.counter("recoveries", tally.recoveries);
  to.counter("redo_seconds", tally.redo_seconds);
}

void write_checkpoints(const LogTally& tally, Writer& to) {
  for (const bool restartpoint : {false, true}) {
    const auto& counts = tally.checkpoints[restartpoint ? 1 : 0];
    // A primary makes none.
    if (restartpoint && counts.completed == 0) continue;
    const Labels kind{{"kind", restartpoint ? "restartpoint" : "checkpoint"}};
    to.counter("checkpoints", counts.completed, kind);
    to.counter("checkpoint_buffers", counts.buffers, kind);
    to.counter("checkpoint_seconds", counts.total, kind);
    to.counter("checkpoint_write_seconds", counts.write, kind);
    to.counter("checkpoint_sync_seconds", counts.sync, kind);
    to.counter("checkpoint_sync_files", counts.sync_files, kind);
    for (const auto& [action, count] : std::initializer_list<std::pair<const char*, double>>{
             {"added", counts.wal_added}, {"removed", counts.wal_removed}, {"recycled", counts.wal_recycled}}) {
      auto labels = kind;
      labels.set("action", action);
      to.counter("checkpoint_wal_files", count, std::move(labels));
    }
  }
  to.counter("checkpoints_too_frequent", tally.checkpoints_too_frequent);
  // Nothing is known of them before the first one.
  if (tally.checkpoints[0].completed + tally.checkpoints[1].completed == 0) return;
  to.gauge("checkpoint_longest_sync_seconds", tally.checkpoint_longest_sync);
  to.gauge("checkpoint_distance_bytes", tally.checkpoint_distance);
  to.gauge("checkpoint_estimate_bytes", tally.checkpoint_estimate);
}

void write_vacuum(const VacuumCounts& counts, bool analyze, const Labels& table, std::uint64_t turn, Writer& to) {
  if (analyze) {
    to.counter("autoanalyze_runs", counts.runs, table, turn);
    to.counter("autoanalyze_seconds", counts.seconds, table, turn);
    return;
  }
  to.counter("autovacuum_runs", counts.runs, table, turn);
  to.counter("autovacuum_seconds", counts.seconds, table, turn);
  to.counter("autovacuum_wraparound", counts.wraparound, table, turn);
  to.counter("autovacuum_removed", counts.removed, table, turn);
  to.counter("autovacuum_kept_dead", counts.kept_dead, table, turn);
  for (const auto& [access, count] : std::initializer_list<std::pair<const char*, double>>{
           {"hit", counts.hits}, {"miss", counts.misses}, {"dirtied", counts.dirtied}}) {
    auto labels = table;
    labels.set("access", access);
    to.counter("autovacuum_buffers", count, std::move(labels), turn);
  }
}

void write_vacuums(const LogTally& tally, Writer& to) {
  for (const bool analyze : {false, true}) {
    const auto& top = analyze ? tally.analyzes : tally.vacuums;
    for (const auto& [table, row] : top.rows()) {
      const Labels labels{{"datname", table.database}, {"schemaname", table.schema}, {"relname", table.table}};
      write_vacuum(row.counts, analyze, labels, row.turn, to);
    }
    if (top.other().runs > 0) write_vacuum(top.other(), analyze, Labels{{"relname", kOther}}, 0, to);
  }
}

void write_plans(const LogTally& tally, Writer& to) {
  const auto write = [&to](const PlanCounts& counts, const std::string& id, std::uint64_t turn) {
    const Labels labels{{"queryid", id}};
    to.counter("plans", counts.plans, labels, turn);
    to.counter("plan_seconds", counts.seconds, labels, turn);
  };
  for (const auto& [id, row] : tally.plans.rows()) write(row.counts, id, row.turn);
  if (tally.plans.other().plans > 0) write(tally.plans.other(), kOther, 0);
}

}  // namespace

std::vector<SeriesSample> log_samples(const LogTally& tally, const LogReading& reading, std::uint64_t epoch) {
  Writer to(epoch);
  for (std::size_t i = 0; i < kSeverities; ++i)
    to.counter("entries", tally.entries[i], Labels{{"severity", std::string(to_string(static_cast<LogSeverity>(i)))}});
  to.each("errors", "sqlstate_class", kClasses, tally.errors);
  write_sessions(tally, to);
  write_life(tally, to);
  write_checkpoints(tally, to);
  write_vacuums(tally, to);
  write_plans(tally, to);
  to.counter("read_bytes", reading.read);
  to.counter("skipped_bytes", reading.skipped);
  to.counter("unreadable", reading.unreadable);
  to.gauge("behind_bytes", reading.behind);
  return std::move(to.out);
}

}  // namespace pgtend::logs
