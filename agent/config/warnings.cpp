// What is no error: it can be meant, and is worth a word.
#include "agent/config/origins.hpp"
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

// All classes that a rule or the defaults let act by themselves, as far as the files say so.
void warn_of_auto(const Complaints& complain, const PolicyConfig& policy, const std::string& user) {
  const std::string message = "mode auto acts as '" + user + "', the role that watches: no operator is configured";
  const std::string hint = "set postgresql.operator.user, or see: pgtend doctor";
  for (std::size_t i = 0; i < policy.rules.size(); ++i)
    if (policy.rules[i].mode == PolicyMode::automatic)
      complain.at("policy.rules[" + std::to_string(i) + "].mode", message, hint);
  for (const auto& [action, mode] : policy.defaults) {
    const std::string path = "policy.defaults." + std::string(to_string(action));
    if (mode == PolicyMode::automatic && complain.is_set(path)) complain.at(path, message, hint);
  }
}

// A message stands alone. But whoever reads it at night expects its link to open.
void warn_of_links(const Complaints& complain, const AlertingConfig& alerting) {
  const std::string key = "alerting.external_url";
  const std::string hint = "give the address that people reach this agent by, like https://db1.example.org:9187";
  const auto& url = alerting.external_url;
  if (url.empty()) {
    const std::string message = "messages have no links: " + key + " is empty";
    if (!alerting.receivers.empty()) return complain.at("alerting.receivers", message, hint);
    if (!alerting.webhooks.empty()) return complain.at("alerting.webhooks", message, hint);
    if (!alerting.alertmanagers.empty()) complain.at("alerting.alertmanagers", message, hint);
    return;
  }
  const auto start = url.find("://");
  if (start == std::string::npos || complain.is_broken(key)) return;
  const auto host = url.substr(start + 3, url.find_first_of(":/", start + 3) - start - 3);
  if (host.find('.') == std::string::npos && !host.starts_with('['))
    complain.at(key, "'" + host + "' has no dot: elsewhere it leads to nothing, or to another host", hint);
}

}  // namespace

void warn(const Config& config, const Origins& origins, std::vector<ConfigError>& warnings) {
  const Complaints complain(origins, warnings);
  if (!config.postgresql.operator_role && !complain.is_broken("postgresql.operator"))
    warn_of_auto(complain, config.policy, config.postgresql.user);
  warn_of_links(complain, config.alerting);
}

}  // namespace pgtend::config
