#include "rules/advisors/window.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace pgtend::advisors {

double window_seconds(const DatabaseFacts& before, const DatabaseFacts& now) {
  return std::max(0.0, to_seconds(now.taken_at) - to_seconds(before.taken_at));
}

namespace {

std::string no_window(const DatabaseFacts& before, const DatabaseFacts& now) {
  if (to_ms(before.taken_at) == 0 || window_seconds(before, now) <= 0)
    return "there is no earlier reading to compare with";
  if (before.identity.system_identifier != now.identity.system_identifier)
    return "the server is another one than before";
  return {};
}

}  // namespace

std::string tables_incomparable(const DatabaseFacts& before, const DatabaseFacts& now) {
  if (auto why = no_window(before, now); !why.empty()) return why;
  return before.epoch == now.epoch ? "" : "the database's statistics were reset between the two readings";
}

std::string statements_incomparable(const DatabaseFacts& before, const DatabaseFacts& now) {
  if (auto why = no_window(before, now); !why.empty()) return why;
  if (!now.extensions.contains("pg_stat_statements") && now.statements.empty())
    return "pg_stat_statements is not installed in this database";
  return before.statements_epoch == now.statements_epoch ? "" : "pg_stat_statements was reset between the two readings";
}

std::vector<StatementDelta> statement_deltas(const DatabaseFacts& before, const DatabaseFacts& now, bool by_user) {
  std::vector<StatementDelta> out;
  if (!statements_incomparable(before, now).empty()) return out;
  using Key = std::tuple<std::int64_t, Oid, Oid, bool>;
  const auto key_of = [](const StatementFact& s) { return Key(s.query_id, s.user_oid, s.database_oid, s.toplevel); };
  std::map<Key, const StatementFact*> earlier;
  for (const auto& statement : before.statements) earlier[key_of(statement)] = &statement;
  std::map<std::pair<std::int64_t, std::string>, StatementDelta> merged;
  double total_ms = 0;
  for (const auto& statement : now.statements) {
    if (statement.database_oid != now.database_oid) continue;
    static const StatementFact kNone;
    const auto it = earlier.find(key_of(statement));
    // Evicted and seen again: its counters start over, so the earlier ones say nothing.
    const StatementFact& was = it == earlier.end() || it->second->calls > statement.calls ? kNone : *it->second;
    const auto calls = static_cast<double>(statement.calls - was.calls);
    if (calls <= 0) continue;
    auto& delta = merged[{statement.query_id, by_user ? statement.user : std::string()}];
    delta.query_id = statement.query_id;
    if (delta.text.empty()) delta.text = statement.text;
    delta.users.insert(statement.user);
    delta.calls += calls;
    delta.rows += static_cast<double>(statement.rows - was.rows);
    delta.exec_ms += statement.total_exec_ms - was.total_exec_ms;
    delta.temp_blocks += static_cast<double>(statement.temp_blks_written - was.temp_blks_written);
    delta.wal_bytes += static_cast<double>(statement.wal_bytes - was.wal_bytes);
    if (statement.toplevel) total_ms += statement.total_exec_ms - was.total_exec_ms;
  }
  for (auto& [key, delta] : merged) {
    delta.share = total_ms > 0 ? delta.exec_ms / total_ms : 0;
    out.push_back(std::move(delta));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const StatementDelta& a, const StatementDelta& b) { return a.exec_ms > b.exec_ms; });
  return out;
}

TableDelta table_delta(const DatabaseFacts& before, const DatabaseFacts& now, const TableFact& table) {
  TableDelta out;
  const TableFact* was = before.table(table.oid);
  if (was == nullptr || !tables_incomparable(before, now).empty()) return out;
  const auto grown = [](std::int64_t a, std::int64_t b) {
    return static_cast<double>(std::max<std::int64_t>(0, b - a));
  };
  out.inserted = grown(was->n_tup_ins, table.n_tup_ins);
  out.updated = grown(was->n_tup_upd, table.n_tup_upd);
  out.deleted = grown(was->n_tup_del, table.n_tup_del);
  out.hot = grown(was->n_tup_hot_upd, table.n_tup_hot_upd);
  out.seq_scans = grown(was->seq_scan, table.seq_scan);
  out.seq_rows = grown(was->seq_tup_read, table.seq_tup_read);
  out.idx_scans = grown(was->idx_scan, table.idx_scan);
  out.vacuums = grown(was->autovacuum_count + was->vacuum_count, table.autovacuum_count + table.vacuum_count);
  return out;
}

double table_rows(const TableFact& table) {
  return std::max({table.reltuples, static_cast<double>(table.n_live_tup), 0.0});
}

std::int64_t table_bytes(const TableFact& table) {
  return table.relpages * kBlockBytes;
}

}  // namespace pgtend::advisors
