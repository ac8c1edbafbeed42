#include "agent/config/settings_alerting.hpp"

namespace pgtend::config {

namespace {

// Without a tree nobody asked for patience: a message leaves at once, and again when things changed.
constexpr Millis kAtOnce{0}, kImplicitInterval{10'000};

}  // namespace

std::vector<ReceiverConfig> all_receivers(const AlertingConfig& alerting) {
  auto out = alerting.receivers;
  for (const auto& webhook : alerting.webhooks) {
    IntegrationConfig integration;
    integration.kind = "webhook";
    integration.url = webhook.url;
    integration.url_file = webhook.url_file;
    integration.timeout = webhook.timeout;
    out.push_back({webhook.name, {integration}});
  }
  return out;
}

Route effective_route(const AlertingConfig& alerting) {
  if (alerting.route) return *alerting.route;
  Route root;
  root.group_by = std::vector<std::string>{"alertname"};
  root.group_wait = kAtOnce;
  root.group_interval = kImplicitInterval;
  const auto receivers = all_receivers(alerting);
  if (receivers.empty()) return root;
  // A sign of life says that all is well: nobody is woken by it who did not ask for it by a route.
  for (const auto& receiver : receivers) {
    Route child;
    child.receiver = receiver.name;
    child.matchers = {*Matcher::make("severity", MatchOp::not_equal, "none")};
    child.continues = true;
    root.routes.push_back(std::move(child));
  }
  return root;
}

}  // namespace pgtend::config
