#include "alerts/notifiers/webhook.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "alerts/notifiers/posting.hpp"

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
           {"generatorURL", external_url.empty() ? std::string() : external_url + "/v1/alerts"},
           {"fingerprint", alert.fingerprint_hex()},
           {"value", number(alert.value)}};
  if (alert.resolved_value) out["resolvedValue"] = number(*alert.resolved_value);
  return out;
}

}  // namespace

std::string webhook_body(const WebhookGroup& group, const std::vector<Alert>& alerts) {
  std::vector<Json> rendered;
  bool firing = false;
  for (const auto& alert : alerts) {
    rendered.push_back(alert_json(alert, group.external_url));
    firing = firing || !is_resolved(alert);
  }
  const Json body{{"version", "4"},
                  {"groupKey", group.group_key},
                  {"truncatedAlerts", group.truncated_alerts},
                  {"status", firing ? "firing" : "resolved"},
                  {"receiver", group.receiver},
                  {"groupLabels", object_of(group.group_labels)},
                  {"commonLabels", common(rendered, "labels")},
                  {"commonAnnotations", common(rendered, "annotations")},
                  {"externalURL", group.external_url},
                  {"alerts", rendered}};
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

net::TaskResult<Delivery> deliver_webhook(http::Client& client, const Clock& clock, WebhookTarget target,
                                          std::string body, std::string idempotency_key) {
  http::ClientRequest request;
  request.url = target.url;
  request.body = std::move(body);
  request.timeout = target.timeout;
  if (!idempotency_key.empty()) request.headers.emplace_back("Idempotency-Key", idempotency_key);
  auto delivery = co_await post_json(client, clock, std::move(request), target.bearer_token);
  co_return delivery;
}

}  // namespace pgtend::alerts
