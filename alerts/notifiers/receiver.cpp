#include "alerts/notifiers/receiver.hpp"

#include "agent/http/hmac.hpp"
#include "agent/model/mailbox.hpp"
#include "alerts/notifiers/chat.hpp"
#include "alerts/notifiers/email.hpp"
#include "alerts/notifiers/pagerduty.hpp"
#include "alerts/notifiers/posting.hpp"
#include "alerts/notifiers/webhook.hpp"

namespace pgtend::alerts {

namespace {

constexpr const char* kPagerduty = "https://events.pagerduty.com/v2/enqueue";
constexpr const char* kTelegram = "https://api.telegram.org";

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

struct Post {
  http::ClientRequest request;
  std::string bearer_token;
  ReadAnswer read = read_status;
};

// Whether an attempt before this one may have arrived: nobody answered after it had left, or the agent ended meanwhile.
bool may_have_arrived(const OutboxMessage& message) {
  if (message.attempts < 2) return false;
  return message.last_error.empty() || message.last_error.find(http::kAfterSending) != std::string::npos;
}

Post make_post(const ReceiverTarget& target, const OutboxMessage& message) {
  Post post;
  post.request.url = target.url;
  post.request.body = may_have_arrived(message) ? as_possible_repeat(target.kind, message.body) : message.body;
  post.request.timeout = target.timeout;
  // Stable over the attempts of one message, so that a receiver can tell a repeat.
  post.request.headers.emplace_back("Idempotency-Key", message.dedup_key + "-" + std::to_string(message.id));
  if (target.kind == "webhook") {
    post.bearer_token = target.bearer_token;
    if (!target.secret.empty())
      post.request.headers.emplace_back("X-Pgtend-Signature",
                                        "sha256=" + http::hmac_sha256_hex(target.secret, message.body));
  } else if (target.kind == "pagerduty") {
    if (post.request.url.empty()) post.request.url = kPagerduty;
    if (message.kind == kChangeEvent) post.request.url = pagerduty_change_address(std::move(post.request.url));
    post.request.body = with_routing_key(message.body, target.secret);
  } else if (target.kind == "slack") {
    post.read = read_slack;
  } else if (target.kind == "ntfy") {
    post.bearer_token = target.secret;
  } else if (target.kind == "telegram") {
    post.request.url =
        without_slash(target.url.empty() ? kTelegram : target.url) + "/bot" + target.secret + "/sendMessage";
    post.read = read_telegram;
  } else if (target.kind == "teams") {
    post.read = read_teams;
  }
  return post;
}

// They were checked with the configuration.
std::vector<Mailbox> mailboxes_of(const std::string& text) {
  return parse_mailboxes(text).value_or(std::vector<Mailbox>());
}

http::MailRequest make_mail(const ReceiverTarget& target, const OutboxMessage& message) {
  http::MailRequest mail;
  mail.server = target.url;
  mail.tls = target.tls;
  mail.ca_file = target.ca_file;
  mail.username = target.username;
  mail.password = target.secret;
  const auto from = mailboxes_of(target.from);
  mail.from = from.empty() ? std::string() : from.front().address;
  mail.to = target.address;
  mail.text = message.body;
  mail.timeout = target.timeout;
  return mail;
}

}  // namespace

SendRate send_rate(const std::string& kind) {
  if (kind == "slack") return {1, 1};
  if (kind == "telegram") return {5, 15.0 / 60};
  if (kind == "teams") return {1, 3};
  // One less than the server's burst: a request that was lost on the way counts there all the same.
  if (kind == "ntfy") return {59, 0.2};
  return {};
}

std::string render(const ReceiverTarget& target, const Notification& notification, const MessageContext& context,
                   const std::string& dedup_key) {
  if (target.kind == "pagerduty") return pagerduty_body(notification, context, dedup_key);
  if (target.kind == "slack") return slack_body(notification, context, target.target);
  if (target.kind == "ntfy") return ntfy_body(notification, context, target.target);
  if (target.kind == "telegram") return telegram_body(notification, context, target.target, target.thread_id);
  if (target.kind == "teams") return teams_body(notification, context);
  if (target.kind == "email") {
    const MailHeading heading{mailboxes_of(target.from), mailboxes_of(target.target), dedup_key,
                              dedup_key + "." + std::to_string(notification.sequence)};
    return mail_text(notification, context, heading);
  }
  return webhook_body(notification, context.external_url);
}

net::TaskResult<Delivery> deliver(http::Client* client, net::asio::any_io_executor blocking, const Clock* clock,
                                  ReceiverTarget target, OutboxMessage message) {
  if (target.kind == "email") {
    auto mail = make_mail(target, message);
    auto reply = co_await http::send_mail(blocking, std::move(mail));
    co_return classify_mail(reply);
  }
  auto post = make_post(target, message);
  auto delivery = co_await post_json(client, clock, std::move(post.request), std::move(post.bearer_token), post.read);
  co_return delivery;
}

}  // namespace pgtend::alerts
