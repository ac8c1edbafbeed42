#include "alerts/notifiers/webhook.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "alerts/message.hpp"

namespace pgtend::alerts {

namespace {

using Json = nlohmann::json;

// What Alertmanager writes for a moment that is not known yet: Go's zero time.
constexpr const char* kNoTime = "0001-01-01T00:00:00Z";

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(format_double(value));
}

template <class Pairs>
Json object_of(const Pairs& pairs) {
  auto out = Json::object();
  for (const auto& [name, value] : pairs) out[name] = value;
  return out;
}

// The entries that every one of the objects has with the same value.
Json common(const std::vector<Json>& alerts, const char* member) {
  auto out = alerts.empty() ? Json::object() : alerts.front()[member];
  for (const auto& alert : alerts) {
    auto kept = Json::object();
    for (const auto& [name, value] : out.items())
      if (alert[member].contains(name) && alert[member][name] == value) kept[name] = value;
    out = std::move(kept);
  }
  return out;
}

bool is_resolved(const Alert& alert) {
  return alert.state == AlertState::resolved;
}

Json alert_json(const Alert& alert, const std::string& external_url) {
  Json out{{"status", is_resolved(alert) ? "resolved" : "firing"},
           {"labels", object_of(alert.labels)},
           {"annotations", object_of(alert.annotations)},
           {"startsAt", to_rfc3339(alert.fired_at.value_or(alert.active_at))},
           {"endsAt", is_resolved(alert) && alert.resolved_at ? to_rfc3339(*alert.resolved_at) : kNoTime},
           {"generatorURL", alert_link(external_url, alert)},
           {"fingerprint", alert.fingerprint_hex()},
           {"value", number(alert.value)}};
  if (alert.resolved_value) out["resolvedValue"] = number(*alert.resolved_value);
  return out;
}

Json episodes_json(const std::vector<Episode>& episodes) {
  auto out = Json::array();
  for (const auto& episode : episodes)
    out.push_back({{"startsAt", to_rfc3339(episode.fired_at)},
                   {"endsAt", episode.resolved_at ? to_rfc3339(*episode.resolved_at) : kNoTime}});
  return out;
}

Json group_json(const WebhookGroup& group, const std::vector<Json>& alerts) {
  const bool firing = std::any_of(alerts.begin(), alerts.end(), [](const Json& a) { return a["status"] == "firing"; });
  return {{"version", "4"},
          {"groupKey", group.group_key},
          {"truncatedAlerts", group.truncated_alerts},
          {"status", firing ? "firing" : "resolved"},
          {"receiver", group.receiver},
          {"groupLabels", object_of(group.group_labels)},
          {"commonLabels", common(alerts, "labels")},
          {"commonAnnotations", common(alerts, "annotations")},
          {"externalURL", group.external_url},
          {"alerts", alerts}};
}

}  // namespace

std::string webhook_body(const WebhookGroup& group, const std::vector<Alert>& alerts) {
  std::vector<Json> rendered;
  for (const auto& alert : alerts) rendered.push_back(alert_json(alert, group.external_url));
  const auto body = group_json(group, rendered);
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string webhook_body(const Notification& notification, const std::string& external_url) {
  WebhookGroup group;
  group.receiver = notification.receiver;
  group.group_key = notification.group_key;
  group.group_labels = notification.group_labels;
  group.external_url = external_url;
  group.truncated_alerts = notification.truncated;
  std::vector<Json> rendered;
  for (const auto& entry : notification.alerts) {
    // A test is about no alert that a link could explain.
    const bool test = notification.reason == NotificationReason::test;
    auto alert = alert_json(entry.alert, test ? std::string() : external_url);
    if (!entry.earlier.empty()) alert["earlierEpisodes"] = episodes_json(entry.earlier);
    if (entry.more_episodes > 0) alert["moreEpisodes"] = entry.more_episodes;
    if (entry.flapping) alert["flapping"] = true;
    rendered.push_back(std::move(alert));
  }
  auto body = group_json(group, rendered);
  body["notification_reason"] = to_string(notification.reason);
  body["sequence"] = notification.sequence;
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pgtend::alerts
