#include "agent/engine/receivers.hpp"

#include "agent/base/strings.hpp"
#include "agent/config/files.hpp"

namespace pgtend::engine {

namespace {

// Nothing is lost while a file cannot be read: the message waits.
Result<void> read_secret(const std::string& path, std::string& out) {
  if (path.empty()) return {};
  auto text = config::read_text(path);
  if (!text) {
    auto error = std::move(text.error());
    error.retryable = true;
    return fail(std::move(error), "read a receiver's secret");
  }
  out = std::string(trim(*text));
  return {};
}

}  // namespace

std::vector<NamedIntegration> integrations(const config::AlertingConfig& alerting) {
  std::vector<NamedIntegration> out;
  for (auto& receiver : config::all_receivers(alerting)) {
    std::map<std::string, int> seen;
    for (auto& integration : receiver.integrations) {
      const auto id = receiver.name + "/" + integration.kind + "/" + std::to_string(seen[integration.kind]++);
      out.push_back({id, receiver.name, std::move(integration)});
    }
  }
  return out;
}

std::optional<NamedIntegration> find_integration(const config::AlertingConfig& alerting, const std::string& id) {
  for (auto& each : integrations(alerting))
    if (each.id == id) return std::move(each);
  return std::nullopt;
}

alerts::DispatchRules dispatch_rules(const config::AlertingConfig& alerting) {
  alerts::DispatchRules out;
  out.tree = alerts::RouteTree(config::effective_route(alerting));
  for (const auto& each : integrations(alerting))
    out.receivers[each.receiver].push_back({each.id, each.config.send_resolved});
  out.inhibit = alerting.inhibit_rules;
  if (alerting.built_in_inhibit)
    for (auto& rule : alerts::built_in_inhibit_rules()) out.inhibit.push_back(std::move(rule));
  out.intervals = alerting.time_intervals;
  out.flap.per_hour = alerting.flapping_per_hour;
  return out;
}

alerts::ReceiverTarget target_of(const config::IntegrationConfig& integration) {
  alerts::ReceiverTarget out;
  out.kind = integration.kind;
  out.url = integration.url;
  out.target = integration.target;
  out.from = integration.from;
  out.username = integration.username;
  out.ca_file = integration.ca_file;
  out.thread_id = integration.thread_id;
  out.timeout = integration.timeout;
  if (integration.tls == "tls") out.tls = http::MailTls::implicit;
  if (integration.tls == "none") out.tls = http::MailTls::none;
  return out;
}

Result<alerts::ReceiverTarget> target_with_secrets(const config::IntegrationConfig& integration) {
  auto out = target_of(integration);
  if (auto ok = read_secret(integration.url_file, out.url); !ok) return fail(std::move(ok.error()));
  if (auto ok = read_secret(integration.secret_file, out.secret); !ok) return fail(std::move(ok.error()));
  if (auto ok = read_secret(integration.bearer_token_file, out.bearer_token); !ok) return fail(std::move(ok.error()));
  return out;
}

}  // namespace pgtend::engine
