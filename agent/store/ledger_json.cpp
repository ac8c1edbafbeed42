#include "agent/store/ledger_json.hpp"

#include "agent/store/json_fields.hpp"

namespace pgtend::store {

using fields::detail_name;
using fields::Json;
using fields::labels;
using fields::moment;
using fields::number;

namespace {

Json evidence_to_json(const std::vector<Evidence>& list) {
  auto out = Json::array();
  for (const auto& e : list)
    out.push_back({{"name", e.name}, {"value", number(e.value)}, {"unit", e.unit}, {"detail", e.detail}});
  return out;
}

Json refused_to_json(const std::vector<RefusedAlternative>& list) {
  auto out = Json::array();
  for (const auto& r : list) out.push_back({{"what", r.what}, {"why", r.why}});
  return out;
}

Json to_json(const IndexChange& v) {
  return {{"schema", v.schema},
          {"index", v.index},
          {"table", v.table},
          {"key_columns", v.key_columns},
          {"include_columns", v.include_columns},
          {"method", v.method},
          {"is_drop", v.is_drop},
          {"definition", v.definition},
          {"served_by", v.served_by},
          {"on_partitions", v.on_partitions}};
}
Json to_json(const RefreshChange& v) {
  return {{"schema", v.schema}, {"matview", v.matview}, {"concurrently", v.concurrently}};
}
Json to_json(const MaintenanceChange& v) {
  return {{"schema", v.schema}, {"table", v.table}, {"vacuum", v.vacuum}, {"analyze", v.analyze}};
}
Json to_json(const SettingChange& v) {
  return {{"name", v.name},
          {"value", v.value},
          {"unit", v.unit},
          {"role", v.role},
          {"schema", v.schema},
          {"table", v.table},
          {"previous", v.previous ? Json(*v.previous) : Json(nullptr)},
          {"database", v.database},
          {"column", v.column}};
}
Json to_json(const StatisticsChange& v) {
  return {{"schema", v.schema},   {"name", v.name},
          {"table", v.table},     {"kinds", v.kinds},
          {"columns", v.columns}, {"expressions", v.expressions},
          {"is_drop", v.is_drop}, {"definition", v.definition}};
}
Json to_json(const SessionChange& v) {
  return {{"pid", v.pid},
          {"started", v.started},
          {"terminate", v.terminate},
          {"of_superuser", v.of_superuser},
          {"of_replication", v.of_replication}};
}
Json to_json(const RowSecurityChange& v) {
  return {{"schema", v.schema}, {"table", v.table}, {"policy", v.policy}};
}
Json to_json(const PartitionChange& v) {
  Json ranges = Json::array();
  for (const auto& range : v.ranges)
    ranges.push_back({{"partition", range.partition}, {"from", range.from}, {"to", range.to}});
  return {{"schema", v.schema},
          {"table", v.table},
          {"partition", v.partition},
          {"from", v.from},
          {"to", v.to},
          {"grace_days", v.grace_days},
          {"ranges", ranges},
          {"most_rows", v.most_rows},
          {"default_partition", v.default_partition},
          {"key", v.key},
          {"columns", v.columns}};
}
Json to_json(const PgbouncerChange& v) {
  Json out{{"pooler", v.pooler}, {"name", v.name}, {"value", v.value}};
  if (v.previous) out["previous"] = *v.previous;
  return out;
}
Json to_json(const CostEstimate& v) {
  return {{"bytes", v.bytes}, {"seconds", number(v.seconds)}, {"wal_bytes", v.wal_bytes}};
}
}  // namespace

Json to_json(const Finding& v) {
  return {{"id", v.id},
          {"check", v.check},
          {"instance", v.instance},
          {"database", v.database},
          {"subject", v.subject},
          {"severity", to_string(v.severity)},
          {"summary", v.summary},
          {"evidence", evidence_to_json(v.evidence)},
          {"seen_at", moment(v.seen_at)}};
}

Json to_json(const Decision& v) {
  return {{"kind", to_string(v.kind)}, {"limit", v.limit}, {"reason", v.reason}, {"not_before", moment(v.not_before)}};
}

Json to_json(const ProposedChange& v) {
  Json detail = Json::object();
  std::visit([&](const auto& of_kind) { detail[detail_name(of_kind)] = to_json(of_kind); }, v.detail);
  return {{"action", to_string(v.action)},
          {"kind", to_string(v.kind)},
          {"system_identifier", v.system_identifier},
          {"database", v.database},
          {"object", v.object},
          {"run_as_role", v.run_as_role},
          {"sql_up", v.sql_up},
          {"sql_down", v.sql_down},
          {"detail", std::move(detail)},
          {"lock", to_string(v.lock)},
          {"cost_bytes", v.cost.bytes},
          {"cost_seconds", number(v.cost.seconds)},
          {"cost_wal_bytes", v.cost.wal_bytes},
          {"target_statements", v.target_statements},
          {"target_tables", v.target_tables}};
}

Json to_json(const Recommendation& v) {
  return {{"id", v.id},
          {"advisor", v.advisor},
          {"finding", to_json(v.finding)},
          {"change", to_json(v.change)},
          {"effect",
           {{"metric", v.effect.metric},
            {"before", number(v.effect.before)},
            {"after", number(v.effect.after)},
            {"low", number(v.effect.low)},
            {"high", number(v.effect.high)},
            {"unit", v.effect.unit},
            {"basis", v.effect.basis}}},
          {"risk", to_string(v.risk)},
          {"refused", refused_to_json(v.refused)},
          {"made_at", moment(v.made_at)}};
}

Json to_json(const Verdict& v) {
  return {{"kind", to_string(v.kind)},
          {"before_from", moment(v.before_from)},
          {"before_to", moment(v.before_to)},
          {"after_from", moment(v.after_from)},
          {"after_to", moment(v.after_to)},
          {"windows_before", v.windows_before},
          {"windows_after", v.windows_after},
          {"effect", number(v.effect)},
          {"p_value", number(v.p_value)},
          {"test", v.test},
          {"metric", v.metric},
          {"explanation", v.explanation}};
}

Json to_json(const Change& v) {
  return {{"id", v.id},
          {"recommendation_id", v.recommendation_id},
          {"plan", to_json(v.plan)},
          {"plan_hash", v.plan_hash},
          {"state", to_string(v.state)},
          {"decision", to_json(v.decision)},
          {"proposed_by", v.proposed_by},
          {"approved_by", v.approved_by},
          {"attempt", v.attempt},
          {"backend_pid", v.backend_pid ? Json(*v.backend_pid) : Json(nullptr)},
          {"backend_start", moment(v.backend_start)},
          {"evidence_before", v.evidence_before},
          {"evidence_after", v.evidence_after},
          {"verdict", v.verdict ? to_json(*v.verdict) : Json(nullptr)},
          {"last_error", v.last_error},
          {"created_at", moment(v.created_at)},
          {"updated_at", moment(v.updated_at)},
          {"applied_at", moment(v.applied_at)},
          {"observe_until", moment(v.observe_until)},
          {"not_before", moment(v.not_before)},
          {"expires_at", moment(v.expires_at)},
          {"spent", v.spent ? to_json(*v.spent) : Json(nullptr)}};
}

Json to_json(const Alert& v) {
  return {{"rule", v.rule},
          {"group", v.group},
          {"labels", labels(v.labels)},
          {"annotations", v.annotations},
          {"state", to_string(v.state)},
          {"value", number(v.value)},
          {"resolved_value", v.resolved_value ? number(*v.resolved_value) : Json(nullptr)},
          {"lowest", v.lowest ? number(*v.lowest) : Json(nullptr)},
          {"highest", v.highest ? number(*v.highest) : Json(nullptr)},
          {"active_at", moment(v.active_at)},
          {"fired_at", moment(v.fired_at)},
          {"resolved_at", moment(v.resolved_at)},
          {"keep_firing_since", moment(v.keep_firing_since)},
          {"last_seen_at", moment(v.last_seen_at)},
          {"unknown", v.unknown},
          {"evidence", v.evidence},
          {"facts",
           {{"comparison", v.facts.comparison},
            {"normal", v.facts.normal ? number(*v.facts.normal) : Json(nullptr)},
            {"causes", v.facts.causes},
            {"acts", v.facts.acts}}}};
}

Json to_json(const MatviewMemory& v) {
  return {{"oid", v.oid},
          {"last_refresh", moment(v.last_refresh)},
          {"refresh_seen", v.refresh_seen},
          {"base_writes_at_refresh", v.base_writes_at_refresh},
          {"reads_at_refresh", v.reads_at_refresh},
          {"duration_seconds", number(v.duration_seconds)},
          {"epoch", v.epoch},
          {"relfilenode", v.relfilenode},
          {"own_writes", v.own_writes},
          {"base_writes_seen", v.base_writes_seen}};
}

std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pgtend::store
