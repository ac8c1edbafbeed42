#pragma once

#include <optional>
#include <string>

#include "agent/http/client.hpp"
#include "agent/http/mail.hpp"
#include "agent/model/notification.hpp"
#include "alerts/message.hpp"
#include "alerts/notifiers/delivery.hpp"

// Every kind of receiver behind two functions: the body of a message, made once and kept in the outbox; and one attempt
// to deliver it, with the address and the secrets of that moment.
namespace pgtend::alerts {

// Where and as whom. Secrets are read from their files right before an attempt.
struct ReceiverTarget {
  std::string kind;          // webhook, pagerduty, slack, email, ntfy, telegram, teams
  std::string url;           // email: host:port
  std::string secret;        // HMAC secret, routing key, bot token, password or access token
  std::string bearer_token;  // webhook
  std::string target;        // channel, addresses, topic, chat
  std::string address;       // email: the one of the addresses that gets this mail
  std::string from, username, ca_file;
  http::MailTls tls = http::MailTls::starttls;
  int thread_id = 0;
  Millis timeout{10'000};
};

// How fast a receiver may be told: what it gets at once and what is added meanwhile stay together within its bound.
// Source: alerting reference 4.2, item 5: Slack 1/s, Telegram 20 a minute in a group, Teams 4/s, ntfy 60 and then 1 in
// 5 s; the others have no limit that a single host could reach.
struct SendRate {
  double burst = 0;  // 0: no limit
  double per_second = 0;
};
[[nodiscard]] SendRate send_rate(const std::string& kind);

// The body as it is kept: without secrets.
[[nodiscard]] std::string render(const ReceiverTarget& target, const Notification& notification,
                                 const MessageContext& context, const std::string& dedup_key);

// One attempt. Errors: none today. REQUIRES: client, clock and the blocking executor outlive the call.
net::TaskResult<Delivery> deliver(http::Client* client, net::asio::any_io_executor blocking, const Clock* clock,
                                  ReceiverTarget target, OutboxMessage message);

}  // namespace pgtend::alerts
