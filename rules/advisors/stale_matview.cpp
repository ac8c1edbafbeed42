#include "rules/advisors/stale_matview.hpp"

#include <algorithm>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

// What happens to a partitioned table is counted with its partitions, which are base tables themselves.
const TableFact* counted(const DatabaseFacts& facts, Oid oid) {
  const TableFact* table = facts.table(oid);
  return table == nullptr || table->relkind == 'p' ? nullptr : table;
}

std::int64_t base_writes(const MatviewFact& view, const DatabaseFacts& facts) {
  std::int64_t out = 0;
  for (const Oid oid : view.base_tables)
    if (const TableFact* table = counted(facts, oid)) out += table->n_tup_ins + table->n_tup_upd + table->n_tup_del;
  return out;
}

double base_rows(const MatviewFact& view, const DatabaseFacts& facts) {
  double out = 0;
  for (const Oid oid : view.base_tables)
    if (const TableFact* table = counted(facts, oid)) out += table_rows(*table);
  return out;
}

// Base views come before those that read them; a view of equal standing keeps its place.
std::vector<const MatviewFact*> in_order(const DatabaseFacts& facts) {
  std::vector<const MatviewFact*> out, left;
  for (const auto& view : facts.matviews) left.push_back(&view);
  std::set<Oid> waiting;
  for (const auto* view : left) waiting.insert(view->oid);
  while (!left.empty()) {
    const auto ready = std::find_if(left.begin(), left.end(), [&](const MatviewFact* view) {
      return std::none_of(view->base_matviews.begin(), view->base_matviews.end(),
                          [&](Oid base) { return base != view->oid && waiting.contains(base); });
    });
    const auto at = ready == left.end() ? left.begin() : ready;
    waiting.erase((*at)->oid);
    out.push_back(*at);
    left.erase(at);
  }
  return out;
}

struct State {
  double writes = 0, reads = 0, fraction = 0;
  Millis age{0};
  bool base_refreshed = false;
};

State state_of(const MatviewFact& view, const MatviewPast& past, const DatabaseFacts& now,
               const std::set<Oid>& refreshing) {
  State out;
  out.writes = static_cast<double>(std::max<std::int64_t>(0, base_writes(view, now) - past.base_writes_at_refresh));
  out.reads = static_cast<double>(std::max<std::int64_t>(0, view.reads - past.reads_at_refresh));
  out.fraction = out.writes / std::max(1.0, base_rows(view, now));
  out.age = now.taken_at - past.last_refresh;
  for (const Oid base : view.base_matviews) out.base_refreshed = out.base_refreshed || refreshing.contains(base);
  return out;
}

// Why a view is left alone; empty when it is to be refreshed.
std::string refusal(const MatviewFact& view, const MatviewPast& past, const State& state,
                    const AdvisorOptions& options) {
  if (view.over_row_security) return "it reads a table with row security: a refresh would see another role's rows";
  if (!view.populated) return "it was created WITH NO DATA and never filled: its first fill is its owner's decision";
  if (state.writes <= 0 && !state.base_refreshed) return "nothing changed in its base tables since the last refresh";
  if (state.reads <= 0) return "nobody read it since the last refresh";
  const bool too_old = options.matview_max_age > Millis(0) && state.age >= options.matview_max_age;
  const bool changed = state.fraction >= options.matview_changed_fraction;
  if (!too_old && !changed && !state.base_refreshed) {
    std::string why =
        percent(state.fraction) + " of its base rows changed, less than " + percent(options.matview_changed_fraction);
    if (options.matview_max_age > Millis(0))
      why += ", and its age " + format_duration(state.age) + " is below " + format_duration(options.matview_max_age);
    return why;
  }
  const double age_seconds = static_cast<double>(state.age.count()) / 1000;
  if (past.duration_seconds > options.matview_duty_cap * age_seconds)
    return "a refresh takes " + count(past.duration_seconds) + " s: so soon it would be more than " +
           percent(options.matview_duty_cap) + " of the time";
  return {};
}

Recommendation recommend(const DatabaseFacts& now, const MatviewFact& view, const MatviewPast& past, const State& state,
                         const AdvisorOptions& options) {
  const std::string name = view.schema + "." + view.name;
  const std::string since = past.refresh_seen ? "since its last refresh" : "since pgtend first saw it";
  Finding finding = make_finding("stale_matview", now, name, Severity::warning,
                                 "Materialized view " + name + " is behind: " + count(state.writes) +
                                     " rows changed below it " + since + " (" + format_duration(state.age) + " ago).",
                                 {{"rows changed in base tables", state.writes, "rows", since},
                                  {"changed fraction", state.fraction, "ratio", "of the base tables' rows"},
                                  {"age", static_cast<double>(state.age.count()) / 1000, "seconds", since},
                                  {"reads", state.reads, "scans", since},
                                  {"duration of the last refresh", past.duration_seconds, "seconds",
                                   past.duration_seconds > 0 ? "" : "not known yet"}});
  auto out = start_recommendation("stale_matview", now, std::move(finding), name, "refresh");
  auto& change = out.change;
  const bool concurrently = view.has_unique_index && view.populated;
  change.action = ActionClass::refresh_matview;
  change.kind = ChangeKind::refresh;
  change.run_as_role = view.owner;
  change.sql_up = {std::string("REFRESH MATERIALIZED VIEW ") + (concurrently ? "CONCURRENTLY " : "") +
                   quote_qualified(view.schema, view.name)};
  change.detail = RefreshChange{view.schema, view.name, concurrently};
  change.lock = concurrently ? LockLevel::exclusive : LockLevel::access_exclusive;
  change.cost.seconds = past.duration_seconds;
  change.cost.wal_bytes = view.relpages * kBlockBytes;
  // A plain refresh holds both copies until it commits.
  change.cost.bytes = concurrently ? 0 : view.relpages * kBlockBytes;
  change.target_tables = {name};
  out.effect = {"rows changed since the last refresh",           state.writes, 0,     0,
                state.writes * options.matview_changed_fraction, "rows",       "rule"};
  out.risk = concurrently ? Risk::low : Risk::medium;
  if (concurrently) {
    out.refused.push_back({"refresh without CONCURRENTLY", "it would block the view's readers"});
  } else {
    out.refused.push_back({"refresh CONCURRENTLY", "the view has no unique index on plain columns over all rows"});
  }
  return out;
}

}  // namespace

MatviewPasts remember_matviews(MatviewPasts past, const DatabaseFacts& now) {
  std::set<Oid> seen;
  for (const auto& view : now.matviews) {
    seen.insert(view.oid);
    const std::int64_t writes = base_writes(view, now);
    auto [it, fresh] = past.try_emplace(view.oid);
    MatviewPast& memory = it->second;
    const bool same_epoch = memory.epoch == now.epoch;
    const bool refreshed =
        !fresh && (memory.relfilenode != view.relfilenode || (same_epoch && memory.own_writes != view.own_writes));
    if (fresh || refreshed) {
      memory.last_refresh = now.taken_at;
      memory.refresh_seen = refreshed;
      // The refresh saw at least what the reading before it saw; counting from there may refresh once too often, never
      // once too rarely.
      memory.base_writes_at_refresh = fresh || !same_epoch ? writes : memory.base_writes_seen;
      memory.reads_at_refresh = view.reads;
    } else if (!same_epoch) {
      // What was owed before stays owed. A clean restart keeps the counters and a crash or a reset does not; either way
      // nothing is invented: what was written in between is not counted.
      memory.base_writes_at_refresh += writes - memory.base_writes_seen;
      memory.reads_at_refresh = std::min(memory.reads_at_refresh, view.reads);
    } else if (memory.reads_at_refresh < 0) {
      memory.reads_at_refresh = view.reads;
    }
    memory.epoch = now.epoch;
    memory.relfilenode = view.relfilenode;
    memory.own_writes = view.own_writes;
    memory.base_writes_seen = writes;
  }
  std::erase_if(past, [&](const auto& entry) { return !seen.contains(entry.first); });
  return past;
}

void note_refresh(MatviewPasts& past, Oid matview, UtcTime at, double duration_seconds) {
  const auto it = past.find(matview);
  if (it == past.end()) return;
  it->second.last_refresh = at;
  it->second.refresh_seen = true;
  it->second.duration_seconds = duration_seconds;
  it->second.base_writes_at_refresh = it->second.base_writes_seen;
  // CONCURRENTLY reads the view itself: counting begins with the next reading.
  it->second.reads_at_refresh = -1;
}

Advice stale_matview(const DatabaseFacts&, const DatabaseFacts& now, const MatviewPasts& past,
                     const AdvisorOptions& options) {
  Advice out;
  std::set<Oid> refreshing;
  if (now.matviews.empty()) out.refused.push_back({"refresh a materialized view", "there is none"});
  for (const MatviewFact* view : in_order(now)) {
    const std::string name = view->schema + "." + view->name;
    const auto it = past.find(view->oid);
    if (it == past.end()) {
      out.refused.push_back({"refresh " + name, "it was not seen before; its changes count from now on"});
      continue;
    }
    const State state = state_of(*view, it->second, now, refreshing);
    if (auto why = refusal(*view, it->second, state, options); !why.empty()) {
      out.refused.push_back({"refresh " + name, std::move(why)});
      continue;
    }
    refreshing.insert(view->oid);
    auto recommendation = recommend(now, *view, it->second, state, options);
    out.findings.push_back(recommendation.finding);
    offer(out, std::move(recommendation), options);
  }
  return out;
}

}  // namespace pgtend::advisors
