#include "agent/engine/receivers.hpp"

#include "agent/base/strings.hpp"
#include "agent/config/files.hpp"
#include "agent/model/mailbox.hpp"

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

// A way for each of its addresses: what one of them refuses is no matter of the others, and each has its own retries.
std::vector<NamedIntegration> ways_of(const std::string& id, const std::string& receiver,
                                      const config::IntegrationConfig& integration) {
  if (integration.kind != "email") return {{id, receiver, {integration, ""}}};
  std::vector<NamedIntegration> out;
  const auto mailboxes = parse_mailboxes(integration.target).value_or(std::vector<Mailbox>());
  for (const auto& mailbox : mailboxes)
    out.push_back(
        {out.empty() ? id : id + "." + std::to_string(out.size() + 1), receiver, {integration, mailbox.address}});
  return out;
}

}  // namespace

std::vector<NamedIntegration> integrations(const config::AlertingConfig& alerting) {
  std::vector<NamedIntegration> out;
  for (const auto& receiver : config::all_receivers(alerting)) {
    std::map<std::string, int> seen;
    for (const auto& integration : receiver.integrations) {
      const auto id = receiver.name + "/" + integration.kind + "/" + std::to_string(seen[integration.kind]++);
      for (auto& way : ways_of(id, receiver.name, integration)) out.push_back(std::move(way));
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

alerts::ReceiverTarget target_of(const Way& way) {
  alerts::ReceiverTarget out;
  out.kind = way.kind;
  out.url = way.url;
  out.target = way.target;
  out.address = way.address;
  out.from = way.from;
  out.username = way.username;
  out.ca_file = way.ca_file;
  out.thread_id = way.thread_id;
  out.timeout = way.timeout;
  if (way.tls == "tls") out.tls = http::MailTls::implicit;
  if (way.tls == "none") out.tls = http::MailTls::none;
  return out;
}

Result<alerts::ReceiverTarget> target_with_secrets(const Way& way) {
  auto out = target_of(way);
  if (auto ok = read_secret(way.url_file, out.url); !ok) return fail(std::move(ok.error()));
  if (auto ok = read_secret(way.secret_file, out.secret); !ok) return fail(std::move(ok.error()));
  if (auto ok = read_secret(way.bearer_token_file, out.bearer_token); !ok) return fail(std::move(ok.error()));
  return out;
}

}  // namespace pgtend::engine
