#include <nlohmann/json.hpp>

#include "agent/api/json.hpp"
#include "agent/api/json_fields.hpp"

namespace pgtend::api {

namespace {

Json encode_lane(const LaneView& lane) {
  return {{"name", lane.name},
          {"up", lane.up},
          {"direct", lane.direct},
          {"breaker", lane.breaker},
          {"last_error", lane.last_error},
          {"reconnects", lane.reconnects}};
}

Json encode_capability(const CapabilityView& capability) {
  return {{"name", capability.name},
          {"present", capability.present},
          {"effect", capability.effect},
          {"cure", capability.cure},
          {"database", capability.database}};
}

Json encode_collector(const CollectorView& collector) {
  return {{"name", collector.name},
          {"database", collector.database},
          {"status", collector.status},
          {"detail", collector.detail},
          {"last_success", time_field(collector.last_success)},
          {"last_duration_ms", collector.last_duration.count()},
          {"interval_seconds", seconds_field(collector.interval)},
          {"series", collector.series},
          {"stale", collector.stale}};
}

Json encode_cost(const CostView& cost) {
  return {{"agent_cpu_ratio", encode(cost.agent_cpu_ratio)},
          {"backend_cpu_ratio", encode(cost.backend_cpu_ratio)},
          {"rss_bytes", cost.rss_bytes},
          {"queries_total", cost.queries_total},
          {"series", cost.series},
          {"over_budget", cost.over_budget},
          {"slowdown", encode(cost.slowdown)},
          {"budget_cpu_ratio", encode(cost.budget_cpu_ratio)},
          {"budget_rss_bytes", cost.budget_rss_bytes}};
}

template <class T, class Encode>
Json each(const std::vector<T>& items, Encode encode_one) {
  auto out = Json::array();
  for (const auto& item : items) out.push_back(encode_one(item));
  return out;
}

}  // namespace

Json encode(const FreezeView& freeze) {
  return {{"frozen", freeze.frozen}, {"by", freeze.by}, {"reason", freeze.reason}, {"since", time_field(freeze.since)}};
}

Json encode(const StatusView& status) {
  return {{"version", status.version},
          {"instance", status.instance},
          {"started_at", to_rfc3339(status.started_at)},
          {"state", status.state},
          {"reason", status.reason},
          {"server", encode(status.server)},
          {"lanes", each(status.lanes, encode_lane)},
          {"capabilities", each(status.capabilities, encode_capability)},
          {"collectors", each(status.collectors, encode_collector)},
          {"cost", encode_cost(status.cost)},
          {"history",
           {{"bytes", status.history.bytes},
            {"samples", status.history.samples},
            {"series", status.history.series},
            {"dropped", status.history.dropped},
            {"trouble", status.history.trouble}}},
          {"ledger", {{"writable", status.ledger.writable}, {"audit_rows", status.ledger.audit_rows}}},
          {"freeze", encode(status.freeze)},
          {"alerts", {{"firing", status.alerts.firing}, {"pending", status.alerts.pending}}},
          {"changes", {{"open", status.changes.open}}},
          {"config",
           {{"files", status.config.files},
            {"hash", status.config.hash},
            {"loaded_at", to_rfc3339(status.config.loaded_at)},
            {"restart_needed", status.config.restart_needed},
            {"not_loaded", status.config.not_loaded},
            {"reload_error", status.config.reload_error}}}};
}

Json encode(const RecommendationView& view) {
  auto out = encode(view.recommendation);
  out["decision"] = encode(view.decision);
  out["plan_hash"] = view.plan_hash;
  out["change_id"] = view.change_id;
  out["change_state"] = view.change_state;
  out["state"] = view.state;
  out["state_reason"] = view.reason;
  out["answered_by"] = view.answered_by;
  return out;
}

Json encode(const ChangeView& view) {
  auto out = encode(view.change);
  out["waits"] = view.waits;
  return out;
}

Json encode(const AdviceLook& look) {
  auto refused = Json::array();
  for (const auto& alternative : look.refused) refused.push_back(encode(alternative));
  return {
      {"database", look.database}, {"at", time_field(look.at)}, {"error", look.error}, {"refused", std::move(refused)}};
}

Json encode(const ChangeProgress& progress) {
  return {{"phase", progress.phase},
          {"ratio", encode(progress.ratio)},
          {"done", progress.done},
          {"total", progress.total},
          {"unit", progress.unit},
          {"waiting_for_pid", progress.waiting_for_pid ? Json(*progress.waiting_for_pid) : Json()},
          {"eta", time_field(progress.eta)}};
}

Json encode(const AuditVerification& verification) {
  return {{"ok", verification.ok},
          {"rows", verification.rows},
          {"first_bad", verification.first_bad ? Json(*verification.first_bad) : Json()},
          {"reason", verification.reason}};
}

Json encode(const SeriesResult& series) {
  auto samples = Json::array();
  for (const auto& sample : series.samples)
    samples.push_back(Json::array({to_seconds(sample.time), encode(sample.value)}));
  return {{"labels", encode(series.labels)}, {"samples", std::move(samples)}};
}

Json encode(const QueryResult& result) {
  return {{"type", result.type},
          {"series", each(result.series, [](const SeriesResult& series) { return encode(series); })},
          {"warnings", result.warnings}};
}

Json list_envelope(Json items, UtcTime generated_at) {
  return {{"schema", "pgtend/v1"}, {"generated_at", to_rfc3339(generated_at)}, {"items", std::move(items)}};
}

Json item_envelope(Json item, UtcTime generated_at) {
  return {{"schema", "pgtend/v1"}, {"generated_at", to_rfc3339(generated_at)}, {"item", std::move(item)}};
}

}  // namespace pgtend::api
