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

}  // namespace

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
