#include "alerts/notifiers/pagerduty.hpp"

#include <nlohmann/json.hpp>

namespace pgtend::alerts {

namespace {

using Json = nlohmann::json;

// Source: PagerDuty developer-docs, events API v2.
constexpr std::size_t kSummary = 1'024, kDedupKey = 255;

Json details_of(const MessageText& text, const Notification& notification) {
  auto alerts = Json::array();
  for (std::size_t i = 0; i < notification.alerts.size() && i < 20; ++i) {
    const auto& alert = notification.alerts[i].alert;
    auto labels = Json::object();
    for (const auto& [name, value] : alert.labels) labels[name] = value;
    alerts.push_back({{"labels", labels}, {"state", to_string(alert.state)}, {"fingerprint", alert.fingerprint_hex()}});
  }
  return {{"text", text.body}, {"alerts", alerts}, {"truncated", notification.truncated}};
}

Json details_of(const Change& change) {
  Json out{{"change", change.id},
           {"action", to_string(change.plan.action)},
           {"database", change.plan.database},
           {"object", change.plan.object},
           {"state", to_string(change.state)},
           {"proposed_by", change.proposed_by},
           {"approved_by", change.approved_by}};
  if (change.applied_at) out["applied_at"] = to_rfc3339(*change.applied_at);
  if (change.verdict)
    out["verdict"] = {{"kind", to_string(change.verdict->kind)},
                      {"metric", change.verdict->metric},
                      {"effect", change.verdict->effect},
                      {"explanation", change.verdict->explanation}};
  return out;
}

}  // namespace

std::string pagerduty_change_body(const Change& change, const MessageContext& context) {
  std::string summary = context.instance + ": pgtend ";
  summary += change.state == ChangeState::kept ? "kept " : "undid ";
  summary += std::string(to_string(change.plan.action)) + " on ";
  if (!change.plan.database.empty()) summary += change.plan.database + " ";
  summary += change.plan.object;
  if (change.verdict) summary += " (" + std::string(to_string(change.verdict->kind)) + ")";
  Json body{{"payload",
             {{"summary", shortened(summary, kSummary)},
              {"timestamp", to_rfc3339(change.updated_at)},
              {"source", context.instance},
              {"custom_details", details_of(change)}}}};
  std::string_view url = context.external_url;
  while (url.ends_with('/')) url.remove_suffix(1);
  if (!url.empty())
    body["links"] = Json::array({{{"href", std::string(url) + "/v1/changes/" + change.id}, {"text", "change"}}});
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string pagerduty_change_address(std::string url) {
  constexpr std::string_view kLast = "/enqueue";
  if (url.ends_with(kLast)) url.insert(url.size() - kLast.size(), "/change");
  return url;
}

std::string pagerduty_body(const Notification& notification, const MessageContext& context,
                           const std::string& dedup_key) {
  const auto text = message_text(notification, context);
  const auto& first = notification.alerts.front().alert;
  const auto severity = text.severity == "info" || text.severity == "warning" ? text.severity : std::string("critical");
  Json body{{"event_action", text.firing ? "trigger" : "resolve"},
            {"dedup_key", dedup_key.substr(0, kDedupKey)},
            {"client", "pgtend"},
            {"payload",
             {{"summary", shortened(text.title, kSummary)},
              {"source", context.instance},
              {"severity", severity},
              {"timestamp", to_rfc3339(first.fired_at.value_or(first.active_at))},
              {"component", "postgresql"},
              {"group", notification.group_key},
              {"class", first.rule},
              {"custom_details", details_of(text, notification)}}}};
  auto links = Json::array();
  for (const auto& link : text.links) links.push_back({{"href", link.url}, {"text", link.text}});
  if (!links.empty()) {
    body["links"] = links;
    body["client_url"] = text.links.front().url;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string with_routing_key(const std::string& body, const std::string& key) {
  auto event = Json::parse(body, nullptr, false);
  if (!event.is_object()) return body;
  event["routing_key"] = key;
  return event.dump();
}

}  // namespace pgtend::alerts
