#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/routing.hpp"

namespace pgtend::config {

struct WebhookReceiver {
  std::string name;
  std::string url;       // one of url and url_file
  std::string url_file;  // read at start and on reload: an URL that is a secret stays out of this file
  Millis timeout{10'000};
};

struct AlertmanagerReceiver {
  std::string url;
};

// One way to reach a receiver. Which members count depends on the kind; secrets are in files only.
struct IntegrationConfig {
  std::string kind;  // webhook, pagerduty, slack, email, ntfy, telegram, teams
  std::string url, url_file;
  std::string secret_file;        // HMAC secret, routing key, bot token, password or access token
  std::string bearer_token_file;  // webhook
  std::string target;             // channel, mail address, topic, chat id
  std::string from, username;     // email
  std::string ca_file;            // email
  std::string tls = "starttls";   // email: starttls, tls or none
  int thread_id = 0;              // telegram: message_thread_id
  bool send_resolved = true;
  bool change_events = false;  // pagerduty
  Millis timeout{10'000};
};

struct ReceiverConfig {
  std::string name;
  std::vector<IntegrationConfig> integrations;
};

// Tells somebody outside that this agent still evaluates and delivers.
struct HeartbeatConfig {
  std::string url, url_file;  // empty: none
  std::string method = "GET";
  Millis interval{60'000};
  Millis timeout{10'000};
};

struct AlertingConfig {
  std::vector<WebhookReceiver> webhooks;
  std::vector<AlertmanagerReceiver> alertmanagers;
  Millis resend_interval{60'000};
  Millis fallback_after{300'000};  // 0: receivers are told besides the Alertmanagers
  std::string external_url;        // what links in messages start with
  std::string grafana_url;         // of the Grafana with pgtend's boards
  std::vector<ReceiverConfig> receivers;
  std::optional<Route> route;
  std::vector<InhibitRule> inhibit_rules;
  bool built_in_inhibit = true;
  std::vector<NamedIntervals> time_intervals;
  int flapping_per_hour = 8;  // 0: no digest
  std::string dead_letter_receiver;
  HeartbeatConfig heartbeat;
};

// Receivers as routing knows them: those of `receivers`, and one for each of `webhooks`.
[[nodiscard]] std::vector<ReceiverConfig> all_receivers(const AlertingConfig& alerting);
// The configured tree; without one, every receiver is told of every alert at once.
[[nodiscard]] Route effective_route(const AlertingConfig& alerting);

}  // namespace pgtend::config
