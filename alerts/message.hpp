#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/notification.hpp"

// A notification in words. One renderer for mail, chat and phone; it must stand alone if no link opens.
// Source of the order of the lines and the length: experience reference 1b.
namespace pgtend::alerts {

inline constexpr std::size_t kMessageLength = 1'500;  // bytes, the most of a text body
inline constexpr std::size_t kAlertsInWords = 5;      // alerts shown in full; the others are counted

struct MessageContext {
  std::string instance;      // of the configuration
  std::string external_url;  // empty: no links
  UtcTime now;
  std::string grafana_url = {};  // empty: no link to a board
};

// Annotation of a rule: uid of the board that its messages link to.
inline constexpr const char* kBoardAnnotation = "pgtend_dashboard";

struct MessageLink {
  std::string text, url;
};

struct MessageText {
  std::string title;  // one line
  std::string body;   // lines, no markup
  std::vector<MessageLink> links;
  std::string severity;  // critical, warning, info: the worst that fires, or that ended
  bool firing = false;
  bool test = false;
};

[[nodiscard]] MessageText message_text(const Notification& notification, const MessageContext& context);

// The text without breaks: they and tabs become single spaces.
[[nodiscard]] std::string one_line(std::string_view text);
// A value for a person: whole, or with four digits that count; without an exponent from 0.0001 on.
[[nodiscard]] std::string shown_number(double value);
// At most so many bytes, cut at a character, with "…" at the end.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);
// "critical" before "warning" before "info"; an unknown word counts as warning.
[[nodiscard]] Urgency urgency_of(std::string_view severity);
[[nodiscard]] Urgency urgency_of(const Notification& notification);
// A marked message for `pgtend alerts test`, about an alert that is `state`: firing or resolved.
[[nodiscard]] Notification test_notification(const std::string& receiver, const std::string& integration,
                                             AlertState state, UtcTime now);

// Where the API explains this alert, as it was when it fired, below the address that people reach the agent by; empty
// without one.
[[nodiscard]] std::string alert_link(std::string_view external_url, const Alert& alert);

}  // namespace pgtend::alerts
