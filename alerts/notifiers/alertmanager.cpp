#include "alerts/notifiers/alertmanager.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "alerts/message.hpp"
#include "alerts/notifiers/posting.hpp"

namespace pgtend::alerts {

namespace {

using Json = nlohmann::json;

// [a-zA-Z_][a-zA-Z0-9_]*
std::string valid_name(std::string name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9' && i > 0;
    if (!letter && !digit) name[i] = '_';
  }
  return name;
}

template <class Pairs>
Json object_of(const Pairs& pairs) {
  auto out = Json::object();
  for (const auto& [name, value] : pairs)
    if (!name.empty() && !value.empty()) out[valid_name(name)] = value;
  return out;
}

Json alert_json(const Alert& alert, UtcTime now, Millis valid_for, const std::string& external_url) {
  const bool resolved = alert.state == AlertState::resolved;
  const auto ends = resolved ? std::min(alert.resolved_at.value_or(now), now) : now + valid_for;
  // A start after the end is an error to Alertmanager.
  const auto starts = std::min(alert.fired_at.value_or(alert.active_at), ends);
  return {{"labels", object_of(alert.labels)},
          {"annotations", object_of(alert.annotations)},
          {"startsAt", to_rfc3339(starts)},
          {"endsAt", to_rfc3339(ends)},
          {"generatorURL", alert_link(external_url, alert)}};
}

}  // namespace

std::string alertmanager_body(const std::vector<Alert>& alerts, UtcTime now, Millis valid_for,
                              const std::string& external_url) {
  auto body = Json::array();
  for (const auto& alert : alerts)
    // An alert needs a label to be identified by.
    if (!alert.labels.empty()) body.push_back(alert_json(alert, now, valid_for, external_url));
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

net::TaskResult<Delivery> deliver_alertmanager(http::Client* client, const Clock* clock, AlertmanagerTarget target,
                                               std::string body) {
  http::ClientRequest request;
  request.url = target.url;
  while (request.url.ends_with('/')) request.url.pop_back();
  request.url += "/api/v2/alerts";
  request.body = std::move(body);
  request.timeout = target.timeout;
  auto delivery = co_await post_json(client, clock, std::move(request), target.bearer_token);
  co_return delivery;
}

}  // namespace pgtend::alerts
