#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/api/json.hpp"
#include "agent/api/json_fields.hpp"
#include "agent/base/strings.hpp"

namespace pgtend::api {

namespace {

template <class T>
Json list_field(const std::vector<T>& items) {
  auto out = Json::array();
  for (const auto& item : items) out.push_back(encode(item));
  return out;
}

Json detail_of(const IndexChange& d) {
  return {{"schema", d.schema},
          {"index", d.index},
          {"table", d.table},
          {"key_columns", d.key_columns},
          {"include_columns", d.include_columns},
          {"method", d.method},
          {"is_drop", d.is_drop},
          {"definition", d.definition},
          {"served_by", d.served_by},
          {"on_partitions", d.on_partitions}};
}

Json detail_of(const RefreshChange& d) {
  return {{"schema", d.schema}, {"matview", d.matview}, {"concurrently", d.concurrently}};
}

Json detail_of(const MaintenanceChange& d) {
  return {{"schema", d.schema}, {"table", d.table}, {"vacuum", d.vacuum}, {"analyze", d.analyze}};
}

Json detail_of(const SettingChange& d) {
  return {{"name", d.name},
          {"value", d.value},
          {"unit", d.unit},
          {"role", d.role},
          {"schema", d.schema},
          {"table", d.table},
          {"previous", d.previous ? Json(*d.previous) : Json()},
          {"database", d.database},
          {"column", d.column}};
}

Json detail_of(const StatisticsChange& d) {
  return {{"schema", d.schema},   {"name", d.name},
          {"table", d.table},     {"kinds", d.kinds},
          {"columns", d.columns}, {"expressions", d.expressions},
          {"is_drop", d.is_drop}, {"definition", d.definition}};
}

Json detail_of(const SessionChange& d) {
  return {{"pid", d.pid},
          {"started", d.started},
          {"terminate", d.terminate},
          {"of_superuser", d.of_superuser},
          {"of_replication", d.of_replication}};
}

Json detail_of(const RowSecurityChange& d) {
  return {{"schema", d.schema}, {"table", d.table}, {"policy", d.policy}};
}

Json detail_of(const PartitionChange& d) {
  Json out{{"schema", d.schema}, {"table", d.table}, {"partition", d.partition},
           {"from", d.from},     {"to", d.to},       {"grace_days", d.grace_days}};
  if (d.ranges.empty()) return out;
  for (const auto& range : d.ranges)
    out["ranges"].push_back({{"partition", range.partition}, {"from", range.from}, {"to", range.to}});
  out["most_rows"] = d.most_rows;
  out["default_partition"] = d.default_partition;
  out["key"] = d.key;
  out["columns"] = d.columns;
  return out;
}

Json detail_of(const PgbouncerChange& d) {
  return {{"pooler", d.pooler},
          {"name", d.name},
          {"value", d.value},
          {"previous", d.previous ? Json(*d.previous) : Json()}};
}

}  // namespace

Json time_field(const std::optional<UtcTime>& time) {
  return time ? Json(to_rfc3339(*time)) : Json();
}

Json seconds_field(Millis value) {
  // Whole seconds stay integers, so that 30 s is 30 and not 30.0.
  if (value.count() % 1000 == 0) return value.count() / 1000;
  return static_cast<double>(value.count()) / 1000.0;
}

Json encode(double value) {
  return std::isfinite(value) ? Json(value) : Json(format_double(value));
}

Json encode(const Labels& labels) {
  auto out = Json::object();
  for (const auto& [name, value] : labels) out[name] = value;
  return out;
}

Json encode(const SeriesKey& key) {
  return {{"name", key.name}, {"labels", encode(key.labels)}};
}

Json encode(const ServerIdentity& identity) {
  return {{"system_identifier", identity.system_identifier},
          {"timeline", identity.timeline},
          {"role", to_string(identity.role)},
          {"postmaster_start", to_rfc3339(identity.postmaster_start)},
          {"version_num", identity.version_num},
          {"server_version", identity.server_version}};
}

Json encode(const Evidence& evidence) {
  return {
      {"name", evidence.name}, {"value", encode(evidence.value)}, {"unit", evidence.unit}, {"detail", evidence.detail}};
}

Json encode(const Finding& finding) {
  return {{"id", finding.id},
          {"check", finding.check},
          {"instance", finding.instance},
          {"database", finding.database},
          {"subject", finding.subject},
          {"severity", to_string(finding.severity)},
          {"summary", finding.summary},
          {"evidence", list_field(finding.evidence)},
          {"seen_at", to_rfc3339(finding.seen_at)}};
}

Json encode(const ChangeDetail& detail) {
  return std::visit([](const auto& kind) { return detail_of(kind); }, detail);
}

Json encode(const CostEstimate& cost) {
  return {{"bytes", cost.bytes}, {"seconds", encode(cost.seconds)}, {"wal_bytes", cost.wal_bytes}};
}

Json encode(const ProposedChange& change) {
  std::vector<std::string> statements;
  // A queryid does not fit the numbers of a browser.
  for (const auto id : change.target_statements) statements.push_back(std::to_string(id));
  return {{"action", to_string(change.action)},
          {"kind", to_string(change.kind)},
          {"system_identifier", change.system_identifier},
          {"database", change.database},
          {"object", change.object},
          {"run_as_role", change.run_as_role},
          {"sql_up", change.sql_up},
          {"sql_down", change.sql_down},
          {"detail", encode(change.detail)},
          {"lock", to_string(change.lock)},
          {"cost", encode(change.cost)},
          {"target_statements", statements},
          {"target_tables", change.target_tables}};
}

Json encode(const EffectEstimate& effect) {
  return {{"metric", effect.metric},   {"before", encode(effect.before)}, {"after", encode(effect.after)},
          {"low", encode(effect.low)}, {"high", encode(effect.high)},     {"unit", effect.unit},
          {"basis", effect.basis}};
}

Json encode(const RefusedAlternative& alternative) {
  return {{"what", alternative.what}, {"why", alternative.why}};
}

Json encode(const Recommendation& recommendation) {
  return {{"id", recommendation.id},
          {"advisor", recommendation.advisor},
          {"finding", encode(recommendation.finding)},
          {"change", encode(recommendation.change)},
          {"effect", encode(recommendation.effect)},
          {"risk", to_string(recommendation.risk)},
          {"refused", list_field(recommendation.refused)},
          {"made_at", to_rfc3339(recommendation.made_at)}};
}

Json encode(const Decision& decision) {
  return {{"kind", to_string(decision.kind)},
          {"limit", decision.limit},
          {"reason", decision.reason},
          {"not_before", time_field(decision.not_before)}};
}

Json encode(const Verdict& verdict) {
  return {{"kind", to_string(verdict.kind)},
          {"before_from", time_field(verdict.before_from)},
          {"before_to", time_field(verdict.before_to)},
          {"after_from", time_field(verdict.after_from)},
          {"after_to", time_field(verdict.after_to)},
          {"windows_before", verdict.windows_before},
          {"windows_after", verdict.windows_after},
          {"effect", encode(verdict.effect)},
          {"p_value", encode(verdict.p_value)},
          {"test", verdict.test},
          {"metric", verdict.metric},
          {"explanation", verdict.explanation}};
}

namespace {

// Evidence is stored as JSON text; what does not parse is shown as the text it is.
Json stored_json(const std::string& text) {
  if (text.empty()) return nullptr;
  auto parsed = Json::parse(text, nullptr, false);
  return parsed.is_discarded() ? Json(text) : parsed;
}

}  // namespace

Json encode(const Change& change) {
  return {{"id", change.id},
          {"recommendation_id", change.recommendation_id},
          {"plan", encode(change.plan)},
          {"plan_hash", change.plan_hash},
          {"state", to_string(change.state)},
          {"decision", encode(change.decision)},
          {"proposed_by", change.proposed_by},
          {"approved_by", change.approved_by},
          {"attempt", change.attempt},
          {"backend_pid", change.backend_pid ? Json(*change.backend_pid) : Json()},
          {"backend_start", time_field(change.backend_start)},
          {"evidence_before", stored_json(change.evidence_before)},
          {"evidence_after", stored_json(change.evidence_after)},
          {"verdict", change.verdict ? encode(*change.verdict) : Json()},
          {"last_error", change.last_error},
          {"created_at", to_rfc3339(change.created_at)},
          {"updated_at", to_rfc3339(change.updated_at)},
          {"applied_at", time_field(change.applied_at)},
          {"observe_until", time_field(change.observe_until)},
          {"not_before", time_field(change.not_before)},
          {"expires_at", time_field(change.expires_at)},
          {"spent", change.spent ? encode(*change.spent) : Json()}};
}

Json encode(const AuditEntry& entry) {
  return {{"sequence", entry.sequence}, {"at", to_rfc3339(entry.at)}, {"actor", entry.actor},
          {"action", entry.action},     {"subject", entry.subject},   {"before", entry.before},
          {"after", entry.after},       {"result", entry.result},     {"previous_hash", entry.previous_hash},
          {"hash", entry.hash}};
}

Json encode(const Alert& alert) {
  return {{"rule", alert.rule},
          {"group", alert.group},
          {"fingerprint", alert.fingerprint_hex()},
          {"labels", encode(alert.labels)},
          {"annotations", alert.annotations},
          {"state", to_string(alert.state)},
          {"value", encode(alert.value)},
          {"resolved_value", alert.resolved_value ? encode(*alert.resolved_value) : Json()},
          {"lowest", alert.lowest ? encode(*alert.lowest) : Json()},
          {"highest", alert.highest ? encode(*alert.highest) : Json()},
          {"active_at", to_rfc3339(alert.active_at)},
          {"fired_at", time_field(alert.fired_at)},
          {"resolved_at", time_field(alert.resolved_at)},
          {"keep_firing_since", time_field(alert.keep_firing_since)},
          {"last_seen_at", time_field(alert.last_seen_at)},
          {"unknown", alert.unknown},
          {"evidence", alert.evidence}};
}

}  // namespace pgtend::api
