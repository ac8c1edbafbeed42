#include "rules/advisors/autovacuum_behind.hpp"

#include <algorithm>
#include <cmath>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

// Source: prior of ours for a vacuum that reads and cleans from disk, throttled by nothing.
constexpr double kVacuumBytesPerSecond = 100.0 * 1024 * 1024;
// Autovacuum looks at a database once per autovacuum_naptime, so a trigger passed just after a look is seen by the next
// one; the second round is for a worker that was busy elsewhere. Source of the default: PostgreSQL 13 to 18.
constexpr int kRounds = 2;
constexpr double kDefaultNapSeconds = 60;
// A reading above this many times the trigger is behind even right after a run.
constexpr double kFarBehind = 2;

// A storage parameter of the table, else the server's setting, else PostgreSQL's default.
double parameter(const TableFact& table, const DatabaseFacts& facts, const std::string& name, double fallback) {
  std::string text;
  if (const auto it = table.options.find(name); it != table.options.end()) {
    text = it->second;
  } else if (const auto setting = facts.settings.find(name); setting != facts.settings.end()) {
    text = setting->second.value;
  }
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return text.empty() || end == text.c_str() || value < 0 ? fallback : value;
}

struct Triggers {
  double dead = 0, changed = 0;
  double scale = 0, threshold = 0;
};

// Source of the defaults: autovacuum settings of PostgreSQL 13 to 18.
Triggers triggers_of(const TableFact& table, const DatabaseFacts& facts) {
  Triggers out;
  const double rows = std::max(0.0, table.reltuples);
  out.scale = parameter(table, facts, "autovacuum_vacuum_scale_factor", 0.2);
  out.threshold = parameter(table, facts, "autovacuum_vacuum_threshold", 50);
  out.dead = out.threshold + out.scale * rows;
  out.changed = parameter(table, facts, "autovacuum_analyze_threshold", 50) +
                parameter(table, facts, "autovacuum_analyze_scale_factor", 0.1) * rows;
  return out;
}

bool is_off(const std::string& value) {
  return value == "off" || value == "false" || value == "0" || value == "no";
}

bool switched_off(const TableFact& table, const DatabaseFacts& facts) {
  if (const auto it = table.options.find("autovacuum_enabled"); it != table.options.end()) return is_off(it->second);
  const auto setting = facts.settings.find("autovacuum");
  return setting != facts.settings.end() && is_off(setting->second.value);
}

Millis patience(const DatabaseFacts& facts) {
  const auto it = facts.settings.find("autovacuum_naptime");
  char* end = nullptr;
  const double seconds = it == facts.settings.end() ? 0 : std::strtod(it->second.value.c_str(), &end);
  return Millis(static_cast<std::int64_t>((seconds > 0 ? seconds : kDefaultNapSeconds) * 1000) * kRounds);
}

// How long a condition that holds now has held: since it was first seen, but not from before the last run.
Millis lasted(const DatabaseFacts& before, const DatabaseFacts& now, bool held_then,
              const std::optional<UtcTime>& first_seen, const std::optional<UtcTime>& by_hand,
              const std::optional<UtcTime>& by_itself) {
  UtcTime from = held_then ? before.taken_at : now.taken_at;
  if (first_seen) from = std::min(from, *first_seen);
  for (const auto& run : {by_hand, by_itself})
    if (run && *run > from) from = std::min(*run, now.taken_at);
  return now.taken_at - from;
}

std::vector<Evidence> evidence_of(const TableFact& table, const Triggers& triggers, const TableDelta& delta) {
  const double rows = std::max(1.0, table_rows(table));
  return {{"dead rows", static_cast<double>(table.n_dead_tup), "rows", "pg_stat_user_tables"},
          {"dead fraction", static_cast<double>(table.n_dead_tup) / rows, "ratio", "of the live rows"},
          {"autovacuum trigger", triggers.dead, "rows", "threshold + scale factor × rows"},
          {"rows changed since ANALYZE", static_cast<double>(table.n_mod_since_analyze), "rows", "pg_stat_user_tables"},
          {"vacuums in the window", delta.vacuums, "runs", "manual and automatic"}};
}

Recommendation run_now(const DatabaseFacts& now, const TableFact& table, const Triggers& triggers, bool vacuum,
                       Finding finding) {
  auto out = start_recommendation("autovacuum_behind", now, std::move(finding), table.qualified(),
                                  vacuum ? "vacuum" : "analyze");
  auto& change = out.change;
  change.action = vacuum ? ActionClass::vacuum : ActionClass::analyze;
  change.kind = ChangeKind::maintenance;
  change.run_as_role = table.owner;
  change.sql_up = {(vacuum ? "VACUUM (ANALYZE) " : "ANALYZE ") + quote_qualified(table.schema, table.name)};
  change.detail = MaintenanceChange{table.schema, table.name, vacuum, true};
  change.lock = LockLevel::share_update_exclusive;
  change.cost.seconds = vacuum ? static_cast<double>(table_bytes(table)) / kVacuumBytesPerSecond + 0.1 : 1;
  // Source: one record of some 100 bytes per cleaned page, at most.
  change.cost.wal_bytes = vacuum ? table.relpages * 100 : 0;
  change.target_tables = {table.qualified()};
  const double before = static_cast<double>(vacuum ? table.n_dead_tup : table.n_mod_since_analyze);
  out.effect = {vacuum ? "dead rows" : "rows changed since ANALYZE",
                before,
                0,
                0,
                vacuum ? std::min(before, triggers.dead) : std::min(before, triggers.changed),
                "rows",
                "rule"};
  out.risk = Risk::low;
  if (vacuum) {
    out.refused.push_back({"VACUUM FULL", "it would hold ACCESS EXCLUSIVE and write the table anew"});
  } else {
    out.refused.push_back({"VACUUM", "dead rows are below their own trigger"});
  }
  return out;
}

Recommendation sooner(const DatabaseFacts& now, const TableFact& table, const Triggers& triggers, Finding finding,
                      const AdvisorOptions& options) {
  constexpr auto kName = "autovacuum_vacuum_scale_factor";
  const double rows = std::max(1.0, table_rows(table));
  const double wanted = std::max(options.min_scale_factor, options.vacuum_trigger_rows / rows);
  // One step at a time, two significant digits.
  double value = std::max(wanted, triggers.scale / 4);
  const double digits = std::pow(10, std::floor(std::log10(value)) - 1);
  value = std::round(value / digits) * digits;
  const std::string text = format_double(std::round(value * 1e6) / 1e6);
  auto out = start_recommendation("autovacuum_behind", now, std::move(finding), table.qualified(),
                                  std::string("set ") + kName);
  auto& change = out.change;
  const std::string head = "ALTER TABLE " + quote_qualified(table.schema, table.name);
  SettingChange detail;
  detail.name = kName;
  detail.value = text;
  detail.schema = table.schema;
  detail.table = table.name;
  if (const auto it = table.options.find(kName); it != table.options.end()) detail.previous = it->second;
  change.action = ActionClass::table_setting;
  change.kind = ChangeKind::setting;
  change.run_as_role = table.owner;
  change.sql_up = {head + " SET (" + kName + " = " + text + ")"};
  change.sql_down = {detail.previous ? head + " SET (" + kName + " = " + *detail.previous + ")"
                                     : head + " RESET (" + kName + ")"};
  change.detail = std::move(detail);
  change.lock = LockLevel::share_update_exclusive;
  change.target_tables = {table.qualified()};
  const double after = triggers.threshold + value * rows;
  out.effect = {"dead rows at which autovacuum starts", triggers.dead, after, after, after, "rows", "rule"};
  out.risk = Risk::low;
  out.refused.push_back(
      {"a smaller scale factor for the whole server", "the narrowest scope comes first: only this table is late"});
  return out;
}

}  // namespace

BehindPasts remember_behind(const BehindPasts& past, const DatabaseFacts& now) {
  BehindPasts out;
  for (const auto& table : now.tables) {
    const auto it = past.find(table.oid);
    const bool known = it != past.end() && it->second.epoch == now.epoch;
    const Triggers triggers = triggers_of(table, now);
    const auto since = [&](std::int64_t rows, double trigger, const std::optional<UtcTime>& before) {
      if (static_cast<double>(rows) <= trigger) return std::optional<UtcTime>();
      return std::optional<UtcTime>(before.value_or(now.taken_at));
    };
    const BehindPast was = known ? it->second : BehindPast{};
    BehindPast next;
    next.epoch = now.epoch;
    next.dead_since = since(table.n_dead_tup, triggers.dead, was.dead_since);
    next.changed_since = since(table.n_mod_since_analyze, triggers.changed, was.changed_since);
    if (next.dead_since || next.changed_since) out[table.oid] = next;
  }
  return out;
}

Advice autovacuum_behind(const DatabaseFacts& before, const DatabaseFacts& now, const BehindPasts& past,
                         const AdvisorOptions& options) {
  Advice out;
  if (auto why = tables_incomparable(before, now); !why.empty()) {
    out.refused.push_back({"vacuum or analyze a table", std::move(why)});
    return out;
  }
  std::size_t late = 0;
  for (const auto& table : now.tables) {
    if ((table.relkind != 'r' && table.relkind != 'm') || table.extension_owned) continue;
    const TableFact* was = before.table(table.oid);
    if (was == nullptr) continue;
    const Triggers triggers = triggers_of(table, now);
    const TableDelta delta = table_delta(before, now, table);
    const auto dead = static_cast<double>(table.n_dead_tup), changed = static_cast<double>(table.n_mod_since_analyze);
    const bool dead_now = dead > triggers.dead && table.n_dead_tup >= options.min_dead_tuples;
    const bool dead_then = static_cast<double>(was->n_dead_tup) > triggers_of(*was, before).dead;
    const bool waited = dead_now && dead_then && delta.vacuums <= 0;
    // Autovacuum came, and the table is over its trigger again: it triggers too late for the rate of change.
    const bool repeatedly = dead_now && delta.vacuums > 0 && (dead_then || dead > kFarBehind * triggers.dead);
    const bool never_analyzed = !table.last_analyze && !table.last_autoanalyze;
    const bool stale_statistics = changed > triggers.changed && table.n_mod_since_analyze >= options.min_dead_tuples &&
                                  table.n_mod_since_analyze >= was->n_mod_since_analyze &&
                                  (static_cast<double>(was->n_mod_since_analyze) > triggers.changed || never_analyzed);
    if (!waited && !repeatedly && !stale_statistics) {
      if (dead_now)
        out.refused.push_back({"vacuum " + table.qualified(),
                               "it passed its trigger only in this window; autovacuum may still come in time"});
      continue;
    }
    const bool vacuum = waited || repeatedly, off = switched_off(table, now);
    const auto memory = past.find(table.oid);
    const BehindPast known = memory != past.end() && memory->second.epoch == now.epoch ? memory->second : BehindPast{};
    const bool changed_then = static_cast<double>(was->n_mod_since_analyze) > triggers.changed;
    const Millis age =
        vacuum ? lasted(before, now, dead_then, known.dead_since, table.last_vacuum, table.last_autovacuum)
               : lasted(before, now, changed_then, known.changed_since, table.last_analyze, table.last_autoanalyze);
    if (!off && age < patience(now)) {
      out.refused.push_back({(vacuum ? "vacuum " : "analyze ") + table.qualified(),
                             "it has stood above its trigger for " + format_duration(age) +
                                 "; autovacuum, which comes by every " + format_duration(patience(now) / kRounds) +
                                 ", gets two rounds first"});
      continue;
    }
    ++late;
    std::string summary = "Table " + table.qualified() + " has ";
    summary += vacuum ? count(dead) + " dead rows, above its trigger of " + count(triggers.dead)
                      : count(changed) + " rows changed since ANALYZE, above its trigger of " + count(triggers.changed);
    summary += off          ? "; autovacuum is switched off for it."
               : repeatedly ? " although vacuums ran."
                            : " and no run came.";
    const Finding finding = make_finding("autovacuum_behind", now, table.qualified(), Severity::warning,
                                         std::move(summary), evidence_of(table, triggers, delta));
    out.findings.push_back(finding);
    offer(out, run_now(now, table, triggers, vacuum, finding), options);
    if (!repeatedly) continue;
    const std::string what = "a smaller scale factor for " + table.qualified();
    if (off) {
      out.refused.push_back({what, "autovacuum is switched off for it, so no factor helps"});
    } else if (triggers.dead <= options.vacuum_trigger_rows || triggers.scale <= options.min_scale_factor) {
      out.refused.push_back({what, "its trigger of " + count(triggers.dead) + " rows is low already"});
    } else {
      offer(out, sooner(now, table, triggers, finding, options), options);
    }
  }
  if (late == 0)
    out.refused.push_back({"vacuum or analyze a table",
                           "no table stood above its trigger in both readings and for two rounds of autovacuum"});
  return out;
}

}  // namespace pgtend::advisors
