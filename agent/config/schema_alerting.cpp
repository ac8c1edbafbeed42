// Keys of who is told: receivers, Alertmanagers, heartbeat. The routing tree is in schema_route.cpp.
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

using I = IntegrationConfig;

constexpr Millis kSecond{1'000}, kDay{24LL * 3'600'000};

Table<I> with_common(Table<I> table) {
  table.push_back(boolean("send_resolved", &I::send_resolved, "Tells the end too."));
  table.push_back(
      duration("timeout", &I::timeout, Millis(100), Millis(120 * kSecond), "Longest wait for one delivery."));
  return table;
}

Table<I> webhook_table() {
  return with_common({
      text("url", &I::url, "http:// or https:// address."),
      text("url_file", &I::url_file, "File that holds the address, readable by its owner only.", "path"),
      text("bearer_token_file", &I::bearer_token_file, "File that holds a bearer token.", "path"),
      text("hmac_secret_file", &I::secret_file,
           "File that holds a secret: the body's HMAC-SHA256 is sent as X-Pgtend-Signature.", "path"),
  });
}

Table<I> pagerduty_table() {
  return with_common({
      text("routing_key_file", &I::secret_file, "File that holds the integration key of Events API v2.", "path")
          .required(),
      text("url", &I::url, "Another address than https://events.pagerduty.com/v2/enqueue."),
      boolean("change_events", &I::change_events, "Tells each change that pgtend kept or undid, as a change event."),
  });
}

Table<I> slack_table() {
  return with_common({
      text("api_url_file", &I::url_file, "File that holds the address of an incoming webhook.", "path").required(),
      text("channel", &I::target, "Channel, where the webhook may choose one."),
  });
}

Table<I> email_table() {
  return with_common({
      text("to", &I::target,
           "Addresses, separated by commas, with names or without: Zoe <zoe@example.org>, dba@example.org.")
          .required(),
      text("from", &I::from, "Sender's address, with a name or without.").required(),
      text("smarthost", &I::url, "host:port of the mail server.").required(),
      text("auth_username", &I::username, "Name for AUTH PLAIN or LOGIN."),
      text("auth_password_file", &I::secret_file, "File that holds its password.", "path"),
      text("ca_file", &I::ca_file, "Certificates that may sign the mail server's. Empty: the system's.", "path"),
      choice("tls", &I::tls, {"starttls", "tls", "none"}, "starttls and tls are required, never only tried."),
  });
}

Table<I> ntfy_table() {
  return with_common({
      text("url", &I::url, "Address of the server, such as https://ntfy.example.org.").required(),
      text("topic", &I::target, "Topic.").required(),
      text("token_file", &I::secret_file, "File that holds an access token.", "path"),
  });
}

Table<I> telegram_table() {
  return with_common({
      text("bot_token_file", &I::secret_file, "File that holds the bot's token.", "path").required(),
      text("chat_id", &I::target, "Number or @name of the chat.").required(),
      integer("message_thread_id", &I::thread_id, 0, 2'000'000'000, "Topic of a group; 0: none."),
      text("api_url", &I::url, "Another address than https://api.telegram.org."),
  });
}

Table<I> teams_table() {
  return with_common({
      text("webhook_url_file", &I::url_file, "File that holds the address of a workflow.", "path").required(),
  });
}

// The integrations of one kind; all kinds of a receiver go into one list.
Field<ReceiverConfig> integrations(std::string key, std::string kind, Table<I> table, std::string doc) {
  return {{std::move(key), "list", std::move(doc), "", {}, {}, true},
          [kind, table](Reader& r, const Entry& e, ReceiverConfig& out) {
            if (!r.is_list(e)) return;
            for (std::size_t i = 0; i < e.value->items.size(); ++i) {
              const auto& node = e.value->items[i];
              r.enter("[" + std::to_string(i) + "]", node->at);
              I item;
              item.kind = kind;
              if (read_map(r, Entry{e.key, node->at, node}, table, item)) out.integrations.push_back(std::move(item));
              r.leave();
            }
          },
          [kind, table](const ReceiverConfig& from, KeyDoc& to) {
            to.children = describe(table, I{});
            for (const auto& item : from.integrations)
              if (item.kind == kind) to.items.push_back(describe(table, item));
          }};
}

Table<ReceiverConfig> receiver_table() {
  return {
      text("name", &ReceiverConfig::name, "Name of the receiver, once.").required(),
      integrations("webhook_configs", "webhook", webhook_table(), "Alertmanager's JSON, version 4."),
      integrations("pagerduty_configs", "pagerduty", pagerduty_table(), "PagerDuty Events API v2."),
      integrations("slack_configs", "slack", slack_table(), "Slack incoming webhooks."),
      integrations("email_configs", "email", email_table(), "Mail over SMTP."),
      integrations("ntfy_configs", "ntfy", ntfy_table(), "ntfy topics."),
      integrations("telegram_configs", "telegram", telegram_table(), "Telegram bots."),
      integrations("msteamsv2_configs", "teams", teams_table(), "Microsoft Teams workflows."),
  };
}

Table<HeartbeatConfig> heartbeat_table() {
  using H = HeartbeatConfig;
  return {
      text("url", &H::url, "Address that is called. Empty here and in url_file: no heartbeat."),
      text("url_file", &H::url_file, "File that holds the address, readable by its owner only.", "path"),
      choice("method", &H::method, {"GET", "POST"}, "How it is called."),
      duration("interval", &H::interval, kSecond, kDay, "How often, while rules are evaluated and messages leave."),
      duration("timeout", &H::timeout, Millis(100), Millis(120 * kSecond), "Longest wait for one call."),
  };
}

Field<AlertingConfig> route_field() {
  return {{"route",
           "section",
           "The routing tree, as in alertmanager.yml. Without one, every receiver is told of every alert at once.",
           "",
           {},
           {}},
          [](Reader& r, const Entry& e, AlertingConfig& out) {
            Route route;
            if (!read_map(r, e, route_table(), route)) return;
            // A section in which nothing was chosen is none.
            const bool chosen = !route.receiver.empty() || !route.matchers.empty() || !route.routes.empty() ||
                                route.group_by.has_value();
            if (chosen) out.route = std::move(route);
          },
          [](const AlertingConfig& from, KeyDoc& to) {
            to.children = describe(route_table(), from.route.value_or(Route{}));
          }};
}

}  // namespace

Table<AlertingConfig> alerting_table() {
  using A = AlertingConfig;
  using W = WebhookReceiver;
  using M = AlertmanagerReceiver;
  Table<W> webhook{
      text("name", &W::name, "Name of the receiver, once.").required(),
      text("url", &W::url, "http:// or https:// address."),
      text("url_file", &W::url_file, "File that holds the address, readable by its owner only.", "path"),
      duration("timeout", &W::timeout, Millis(100), Millis(120 * kSecond), "Longest wait for one delivery."),
  };
  Table<M> alertmanager{text("url", &M::url, "Address of an Alertmanager, without /api/v2.").required()};
  return {
      list_of("webhooks", &A::webhooks, std::move(webhook),
              "The short form of a receiver with one webhook. Lists of later files are appended."),
      list_of("alertmanagers", &A::alertmanagers, std::move(alertmanager),
              "Alertmanagers that take over grouping and routing. Lists of later files are appended."),
      duration("resend_interval", &A::resend_interval, kSecond, kDay, "How often an Alertmanager is told again."),
      duration(
          "fallback_after", &A::fallback_after, Millis(0), kDay,
          "With Alertmanagers, receivers are told only after all of them were out of reach for so long. 0s: always."),
      text("external_url", &A::external_url, "What links in messages start with, as people reach this agent."),
      text("grafana_url", &A::grafana_url, "Address of the Grafana that has pgtend's boards; messages link to it."),
      list_of("receivers", &A::receivers, receiver_table(),
              "Who can be told, and how. Lists of later files are appended."),
      route_field(),
      list_of("inhibit_rules", &A::inhibit_rules, inhibit_table(), "Alerts that silence others while they fire."),
      boolean("built_in_inhibit", &A::built_in_inhibit,
              "PgDown silences the alerts of its server, a critical alert its own warning."),
      list_of("time_intervals", &A::time_intervals, intervals_table(), "Named times, for routes."),
      integer("flapping_per_hour", &A::flapping_per_hour, 0, 32,
              "Changes of one alert within an hour above which it is told once as flapping; 0: never."),
      text("dead_letter_receiver", &A::dead_letter_receiver,
           "Receiver that is told what another one refused for good. Empty: none."),
      section("heartbeat", &A::heartbeat, heartbeat_table(), "A sign of life for somebody outside."),
  };
}

}  // namespace pgtend::config
