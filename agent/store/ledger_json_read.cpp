#include <exception>
#include <utility>

#include "agent/store/json_fields.hpp"
#include "agent/store/ledger_json.hpp"

namespace pgtend::store {

using fields::detail_name;
using fields::Json;
using fields::read;
using fields::read_name;

namespace {

void from_json(const Json& j, IndexChange& v) {
  read(j, "schema", v.schema);
  read(j, "index", v.index);
  read(j, "table", v.table);
  read(j, "key_columns", v.key_columns);
  read(j, "include_columns", v.include_columns);
  read(j, "method", v.method);
  read(j, "is_drop", v.is_drop);
  read(j, "definition", v.definition);
  read(j, "served_by", v.served_by);
  read(j, "on_partitions", v.on_partitions);
}
void from_json(const Json& j, RefreshChange& v) {
  read(j, "schema", v.schema);
  read(j, "matview", v.matview);
  read(j, "concurrently", v.concurrently);
}
void from_json(const Json& j, MaintenanceChange& v) {
  read(j, "schema", v.schema);
  read(j, "table", v.table);
  read(j, "vacuum", v.vacuum);
  read(j, "analyze", v.analyze);
}
void from_json(const Json& j, SettingChange& v) {
  read(j, "name", v.name);
  read(j, "value", v.value);
  read(j, "unit", v.unit);
  read(j, "role", v.role);
  read(j, "schema", v.schema);
  read(j, "table", v.table);
  read(j, "previous", v.previous);
  read(j, "database", v.database);
  read(j, "column", v.column);
}
void from_json(const Json& j, StatisticsChange& v) {
  read(j, "schema", v.schema);
  read(j, "name", v.name);
  read(j, "table", v.table);
  read(j, "kinds", v.kinds);
  read(j, "columns", v.columns);
  read(j, "expressions", v.expressions);
  read(j, "is_drop", v.is_drop);
  read(j, "definition", v.definition);
}
void from_json(const Json& j, SessionChange& v) {
  read(j, "pid", v.pid);
  read(j, "started", v.started);
  read(j, "terminate", v.terminate);
  read(j, "of_superuser", v.of_superuser);
  read(j, "of_replication", v.of_replication);
}
void from_json(const Json& j, RowSecurityChange& v) {
  read(j, "schema", v.schema);
  read(j, "table", v.table);
  read(j, "policy", v.policy);
}
void from_json(const Json& j, PartitionChange& v) {
  read(j, "schema", v.schema);
  read(j, "table", v.table);
  read(j, "partition", v.partition);
  read(j, "from", v.from);
  read(j, "to", v.to);
  read(j, "grace_days", v.grace_days);
  if (const auto list = j.find("ranges"); list != j.end()) {
    for (const auto& item : *list) {
      PartitionRange range;
      read(item, "partition", range.partition);
      read(item, "from", range.from);
      read(item, "to", range.to);
      v.ranges.push_back(std::move(range));
    }
  }
  read(j, "most_rows", v.most_rows);
  read(j, "default_partition", v.default_partition);
  read(j, "key", v.key);
  read(j, "columns", v.columns);
}
void from_json(const Json& j, PgbouncerChange& v) {
  read(j, "pooler", v.pooler);
  read(j, "name", v.name);
  read(j, "value", v.value);
  read(j, "previous", v.previous);
}
template <class T>
bool take_detail(const Json& j, ChangeDetail& out) {
  const auto it = j.find(detail_name(T{}));
  if (it == j.end()) return false;
  T value;
  from_json(*it, value);
  out = std::move(value);
  return true;
}

template <std::size_t... I>
bool take_any(const Json& j, ChangeDetail& out, std::index_sequence<I...>) {
  return (take_detail<std::variant_alternative_t<I, ChangeDetail>>(j, out) || ...);
}

void from_json(const Json& j, Finding& v) {
  read(j, "id", v.id);
  read(j, "check", v.check);
  read(j, "instance", v.instance);
  read(j, "database", v.database);
  read(j, "subject", v.subject);
  read_name(j, "severity", v.severity, 3);
  read(j, "summary", v.summary);
  if (const auto list = j.find("evidence"); list != j.end()) {
    for (const auto& item : *list) {
      Evidence e;
      read(item, "name", e.name);
      read(item, "value", e.value);
      read(item, "unit", e.unit);
      read(item, "detail", e.detail);
      v.evidence.push_back(std::move(e));
    }
  }
  read(j, "seen_at", v.seen_at);
}

void from_json(const Json& j, Decision& v) {
  read_name(j, "kind", v.kind, 4);
  read(j, "limit", v.limit);
  read(j, "reason", v.reason);
  read(j, "not_before", v.not_before);
}

void from_json(const Json& j, ProposedChange& v) {
  read_name(j, "action", v.action, static_cast<int>(all_action_classes().size()));
  read_name(j, "kind", v.kind, static_cast<int>(std::variant_size_v<ChangeDetail>));
  read(j, "system_identifier", v.system_identifier);
  read(j, "database", v.database);
  read(j, "object", v.object);
  read(j, "run_as_role", v.run_as_role);
  read(j, "sql_up", v.sql_up);
  read(j, "sql_down", v.sql_down);
  const auto& detail = j.at("detail");
  if (!take_any(detail, v.detail, std::make_index_sequence<std::variant_size_v<ChangeDetail>>{}))
    throw std::invalid_argument("unknown detail of a change");
  read_name(j, "lock", v.lock, 6);
  read(j, "cost_bytes", v.cost.bytes);
  read(j, "cost_seconds", v.cost.seconds);
  read(j, "cost_wal_bytes", v.cost.wal_bytes);
  read(j, "target_statements", v.target_statements);
  read(j, "target_tables", v.target_tables);
}

void from_json(const Json& j, Recommendation& v) {
  read(j, "id", v.id);
  read(j, "advisor", v.advisor);
  from_json(j.at("finding"), v.finding);
  from_json(j.at("change"), v.change);
  const auto& effect = j.at("effect");
  read(effect, "metric", v.effect.metric);
  read(effect, "before", v.effect.before);
  read(effect, "after", v.effect.after);
  read(effect, "low", v.effect.low);
  read(effect, "high", v.effect.high);
  read(effect, "unit", v.effect.unit);
  read(effect, "basis", v.effect.basis);
  read_name(j, "risk", v.risk, 3);
  if (const auto list = j.find("refused"); list != j.end()) {
    for (const auto& item : *list) {
      RefusedAlternative r;
      read(item, "what", r.what);
      read(item, "why", r.why);
      v.refused.push_back(std::move(r));
    }
  }
  read(j, "made_at", v.made_at);
}

void from_json(const Json& j, Verdict& v) {
  read_name(j, "kind", v.kind, 4);
  read(j, "before_from", v.before_from);
  read(j, "before_to", v.before_to);
  read(j, "after_from", v.after_from);
  read(j, "after_to", v.after_to);
  read(j, "windows_before", v.windows_before);
  read(j, "windows_after", v.windows_after);
  read(j, "effect", v.effect);
  read(j, "p_value", v.p_value);
  read(j, "test", v.test);
  read(j, "metric", v.metric);
  read(j, "explanation", v.explanation);
}

void from_json(const Json& j, Change& v) {
  read(j, "id", v.id);
  read(j, "recommendation_id", v.recommendation_id);
  from_json(j.at("plan"), v.plan);
  read(j, "plan_hash", v.plan_hash);
  read_name(j, "state", v.state, 15);
  from_json(j.at("decision"), v.decision);
  read(j, "proposed_by", v.proposed_by);
  read(j, "approved_by", v.approved_by);
  read(j, "attempt", v.attempt);
  read(j, "backend_pid", v.backend_pid);
  read(j, "backend_start", v.backend_start);
  read(j, "evidence_before", v.evidence_before);
  read(j, "evidence_after", v.evidence_after);
  if (const auto it = j.find("verdict"); it != j.end() && !it->is_null()) {
    v.verdict.emplace();
    from_json(*it, *v.verdict);
  }
  read(j, "last_error", v.last_error);
  read(j, "created_at", v.created_at);
  read(j, "updated_at", v.updated_at);
  read(j, "applied_at", v.applied_at);
  read(j, "observe_until", v.observe_until);
  read(j, "not_before", v.not_before);
  read(j, "expires_at", v.expires_at);
  if (const auto it = j.find("spent"); it != j.end() && !it->is_null()) {
    v.spent.emplace();
    read(*it, "bytes", v.spent->bytes);
    read(*it, "seconds", v.spent->seconds);
    read(*it, "wal_bytes", v.spent->wal_bytes);
  }
}

void from_json(const Json& j, MatviewMemory& v) {
  read(j, "oid", v.oid);
  read(j, "last_refresh", v.last_refresh);
  read(j, "refresh_seen", v.refresh_seen);
  read(j, "base_writes_at_refresh", v.base_writes_at_refresh);
  read(j, "reads_at_refresh", v.reads_at_refresh);
  read(j, "duration_seconds", v.duration_seconds);
  read(j, "epoch", v.epoch);
  read(j, "relfilenode", v.relfilenode);
  read(j, "own_writes", v.own_writes);
  read(j, "base_writes_seen", v.base_writes_seen);
}

}  // namespace

void from_json(const Json& j, Alert& v) {
  read(j, "rule", v.rule);
  read(j, "group", v.group);
  read(j, "labels", v.labels);
  read(j, "annotations", v.annotations);
  read_name(j, "state", v.state, 4);
  read(j, "value", v.value);
  read(j, "resolved_value", v.resolved_value);
  read(j, "lowest", v.lowest);
  read(j, "highest", v.highest);
  read(j, "active_at", v.active_at);
  read(j, "fired_at", v.fired_at);
  read(j, "resolved_at", v.resolved_at);
  read(j, "keep_firing_since", v.keep_firing_since);
  read(j, "last_seen_at", v.last_seen_at);
  read(j, "unknown", v.unknown);
  read(j, "evidence", v.evidence);
  if (const auto facts = j.find("facts"); facts != j.end()) {
    read(*facts, "comparison", v.facts.comparison);
    read(*facts, "normal", v.facts.normal);
    read(*facts, "causes", v.facts.causes);
    read(*facts, "acts", v.facts.acts);
  }
}

template <class T>
Result<T> parse_stored(std::string_view text) {
  try {
    T value;
    from_json(Json::parse(text), value);
    return value;
  } catch (const std::exception& broken) {
    return fail(Errc::corrupt, std::string("a stored row does not read: ") + broken.what());
  }
}

template Result<Finding> parse_stored(std::string_view);
template Result<Decision> parse_stored(std::string_view);
template Result<Recommendation> parse_stored(std::string_view);
template Result<Change> parse_stored(std::string_view);
template Result<Alert> parse_stored(std::string_view);
template Result<MatviewMemory> parse_stored(std::string_view);

}  // namespace pgtend::store
