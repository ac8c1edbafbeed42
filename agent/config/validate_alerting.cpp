// Contradictions of who is told: names that nobody has, ways that cannot work.
#include <algorithm>
#include <set>

#include "agent/config/origins.hpp"
#include "agent/config/places.hpp"
#include "agent/config/schema.hpp"
#include "agent/model/mailbox.hpp"

namespace pgtend::config {

namespace {

using Names = std::set<std::string>;

std::string hint_of(const std::string& word, const Names& names) {
  const std::vector<std::string> all(names.begin(), names.end());
  const auto near = nearest(word, all);
  return near ? "did you mean '" + *near + "'?" : "";
}

void check_webhooks(const Complaints& complain, const AlertingConfig& alerting, Names& names) {
  for (std::size_t i = 0; i < alerting.webhooks.size(); ++i) {
    const auto& webhook = alerting.webhooks[i];
    const std::string path = "alerting.webhooks[" + std::to_string(i) + "]";
    if (!webhook.name.empty() && !names.insert(webhook.name).second)
      complain.at(path + ".name", "a second webhook is named '" + webhook.name + "'");
    if (webhook.url.empty() == webhook.url_file.empty())
      complain.at(path, "a webhook needs one of 'url' and 'url_file'");
    check_url(complain, path + ".url", webhook.url);
    check_secret_file(complain, path + ".url_file", webhook.url_file);
  }
}

// It is put in front of paths, and into messages that leave the house.
void check_link_base(const Complaints& complain, const std::string& key, const std::string& url) {
  check_url(complain, key, url);
  const auto host = url.find("://");
  if (host == std::string::npos) return;
  if (url.find_first_of("?# \t") != std::string::npos)
    complain.at(key, "links are made by adding a path to it: it cannot have a query, a fragment or spaces",
                "give scheme, host and path only, like https://pgtend.example.org/db1");
  if (url.substr(host + 3, url.find('/', host + 3) - host - 3).find('@') != std::string::npos)
    complain.at(key, "it is written into messages: it cannot hold a user or a password", "leave out what ends in @");
}

// The name of the section that a kind is written under.
std::string section_of(const std::string& kind) {
  return kind == "teams" ? "msteamsv2_configs" : kind + "_configs";
}

// As the mail's header says it; refused here, for a mail server refuses it later, when it matters.
void check_mailboxes(const Complaints& complain, const std::string& path, const std::string& text, bool several) {
  const auto mailboxes = parse_mailboxes(text);
  if (!mailboxes) {
    complain.at(path, mailboxes.error().message);
  } else if (!several && mailboxes->size() > 1) {
    complain.at(path, "one sender is needed, not " + std::to_string(mailboxes->size()));
  }
}

void check_integration(const Complaints& complain, const std::string& path, const IntegrationConfig& integration) {
  check_secret_file(complain, path, integration.url_file);
  check_secret_file(complain, path, integration.secret_file);
  check_secret_file(complain, path, integration.bearer_token_file);
  if (integration.kind == "webhook" && integration.url.empty() == integration.url_file.empty())
    complain.at(path, "a webhook needs one of 'url' and 'url_file'");
  if (integration.kind != "email") {
    check_url(complain, path + ".url", integration.url);
    return;
  }
  check_mailboxes(complain, path + ".to", integration.target, true);
  check_mailboxes(complain, path + ".from", integration.from, false);
  if (integration.username.empty() != integration.secret_file.empty())
    complain.at(path, "'auth_username' and 'auth_password_file' belong together");
  if (!integration.username.empty() && integration.tls == "none")
    complain.at(path, "a password is not sent without TLS", "use starttls or tls");
  if (integration.url.find(':') == std::string::npos) complain.at(path, "'smarthost' must be host:port");
}

void check_receivers(const Complaints& complain, const AlertingConfig& alerting, Names& names) {
  for (std::size_t i = 0; i < alerting.receivers.size(); ++i) {
    const auto& receiver = alerting.receivers[i];
    const std::string path = "alerting.receivers[" + std::to_string(i) + "]";
    if (!receiver.name.empty() && !names.insert(receiver.name).second)
      complain.at(path + ".name", "a second receiver is named '" + receiver.name + "'");
    if (receiver.name.find('/') != std::string::npos)
      complain.at(path + ".name", "a receiver's name must not hold a slash");
    std::map<std::string, int> seen;
    for (const auto& integration : receiver.integrations) {
      const auto section = section_of(integration.kind);
      check_integration(complain, path + "." + section + "[" + std::to_string(seen[section]++) + "]", integration);
    }
  }
}

struct Known {
  Names receivers, intervals;
};

void check_name(const Complaints& complain, const std::string& path, const std::string& what, const std::string& name,
                const Names& names) {
  if (!name.empty() && !names.contains(name))
    complain.at(path, what + " '" + name + "' is not defined", hint_of(name, names));
}

void check_route(const Complaints& complain, const std::string& path, const Route& route, const Known& known) {
  check_name(complain, path + ".receiver", "receiver", route.receiver, known.receivers);
  for (const auto& step : route.escalate)
    check_name(complain, path + ".escalate", "receiver", step.receiver, known.receivers);
  for (std::size_t i = 1; i < route.escalate.size(); ++i)
    if (route.escalate[i].after < route.escalate[i - 1].after)
      complain.at(path + ".escalate", "a later step comes before the one above it");
  for (const auto& name : route.mute_time_intervals)
    check_name(complain, path + ".mute_time_intervals", "time interval", name, known.intervals);
  for (const auto& name : route.active_time_intervals)
    check_name(complain, path + ".active_time_intervals", "time interval", name, known.intervals);
  for (std::size_t i = 0; i < route.routes.size(); ++i)
    check_route(complain, path + ".routes[" + std::to_string(i) + "]", route.routes[i], known);
}

void check_root(const Complaints& complain, const Route& root) {
  if (root.receiver.empty()) complain.at("alerting.route", "the first route needs a 'receiver'");
  if (!root.matchers.empty()) complain.at("alerting.route", "the first route takes every alert: it has no matchers");
  if (root.continues) complain.at("alerting.route", "the first route has nothing to continue with");
  if (!root.mute_time_intervals.empty() || !root.active_time_intervals.empty())
    complain.at("alerting.route", "the first route has no time intervals", "put them on a route below it");
}

Names check_intervals(const Complaints& complain, const AlertingConfig& alerting) {
  Names names;
  for (std::size_t i = 0; i < alerting.time_intervals.size(); ++i) {
    const auto& named = alerting.time_intervals[i];
    const std::string path = "alerting.time_intervals[" + std::to_string(i) + "]";
    if (!names.insert(named.name).second)
      complain.at(path + ".name", "a second time interval is named '" + named.name + "'");
    for (const auto& interval : named.intervals)
      if (!is_time_zone(interval.location))
        complain.at(path, "time zone '" + interval.location + "' is not known on this host",
                    "write an IANA name such as Europe/Berlin");
  }
  return names;
}

}  // namespace

void validate_alerting(const AlertingConfig& alerting, const Origins& origins, std::vector<ConfigError>& errors) {
  const Complaints complain(origins, errors);
  Known known;
  check_receivers(complain, alerting, known.receivers);
  check_webhooks(complain, alerting, known.receivers);
  known.intervals = check_intervals(complain, alerting);
  if (alerting.route) {
    check_root(complain, *alerting.route);
    check_route(complain, "alerting.route", *alerting.route, known);
  }
  check_name(complain, "alerting.dead_letter_receiver", "receiver", alerting.dead_letter_receiver, known.receivers);
  for (std::size_t i = 0; i < alerting.alertmanagers.size(); ++i)
    check_url(complain, "alerting.alertmanagers[" + std::to_string(i) + "].url", alerting.alertmanagers[i].url);
  check_link_base(complain, "alerting.external_url", alerting.external_url);
  check_link_base(complain, "alerting.grafana_url", alerting.grafana_url);
  check_url(complain, "alerting.heartbeat.url", alerting.heartbeat.url);
  check_secret_file(complain, "alerting.heartbeat.url_file", alerting.heartbeat.url_file);
}

}  // namespace pgtend::config
