#pragma once

#include <string>

#include "agent/http/client.hpp"
#include "agent/model/notification.hpp"
#include "alerts/message.hpp"
#include "alerts/notifiers/delivery.hpp"

// Receivers that show a text: Slack, ntfy, Telegram, Teams. Bodies hold no secret.
namespace pgtend::alerts {

// An incoming webhook: one attachment with the severity's colour. `channel` empty: the webhook's own.
[[nodiscard]] std::string slack_body(const Notification& notification, const MessageContext& context,
                                     const std::string& channel);
// ntfy's JSON publishing: priority 5 for critical, 4 for warning, 3 else; at most 4,096 bytes of message.
[[nodiscard]] std::string ntfy_body(const Notification& notification, const MessageContext& context,
                                    const std::string& topic);
// sendMessage, plain text of at most 4,096 characters. `thread` 0: none.
[[nodiscard]] std::string telegram_body(const Notification& notification, const MessageContext& context,
                                        const std::string& chat, int thread);
// A workflow's message with one adaptive card, far below its 28 kB.
[[nodiscard]] std::string teams_body(const Notification& notification, const MessageContext& context);

// The body of a chat message that may have arrived before: its first line says so. A text that is none of these stays.
[[nodiscard]] std::string as_possible_repeat(const std::string& kind, std::string body);

// Slack says "ok" in a 200; another text is an error that a retry does not cure.
[[nodiscard]] Delivery read_slack(const http::ClientResponse& answer, UtcTime now);
// A 429 says in its body how long to wait.
[[nodiscard]] Delivery read_telegram(const http::ClientResponse& answer, UtcTime now);
// A workflow accepts with any 2xx; the older connectors answered 200 with the status of an error in the text.
[[nodiscard]] Delivery read_teams(const http::ClientResponse& answer, UtcTime now);

}  // namespace pgtend::alerts
