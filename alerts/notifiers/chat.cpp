#include "alerts/notifiers/chat.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/http/retry.hpp"
#include "alerts/notifiers/markup.hpp"

namespace pgtend::alerts {

namespace {

using Json = nlohmann::json;

// Source: alerting reference section 3: title cap of Alertmanager's Slack messages; ntfy title and message; Telegram
// text; the card's text keeps a Teams message below a tenth of its limit.
constexpr std::size_t kSlackTitle = 1'024, kNtfyTitle = 1'000, kNtfyMessage = 4'096, kTelegramText = 4'096;

std::string dump(const Json& body) {
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const char* slack_color(const MessageText& text) {
  if (!text.firing) return "good";
  return text.severity == "critical" ? "danger" : text.severity == "warning" ? "warning" : "#439fe0";
}

// Slack reads &, < and > as its own markup. Source: docs.slack.dev, formatting.
std::string slack_escaped(const std::string& text) {
  return markup_escaped(text, Quotes::kept);
}

Json text_block(const std::string& text, const char* weight) {
  return {{"type", "TextBlock"}, {"text", text}, {"wrap", true}, {"weight", weight}};
}

}  // namespace

std::string slack_body(const Notification& notification, const MessageContext& context, const std::string& channel) {
  const auto text = message_text(notification, context);
  const auto title = slack_escaped(shortened(text.title, kSlackTitle));
  std::string words = slack_escaped(text.body);
  for (const auto& link : text.links) words += "<" + link.url + "|" + link.text + "> ";
  Json attachment{
      {"color", slack_color(text)}, {"title", title}, {"text", words}, {"fallback", title}, {"mrkdwn_in", {"text"}}};
  if (!text.links.empty()) attachment["title_link"] = text.links.front().url;
  Json body{{"attachments", Json::array({attachment})}};
  if (!channel.empty()) body["channel"] = channel;
  return dump(body);
}

std::string ntfy_body(const Notification& notification, const MessageContext& context, const std::string& topic) {
  const auto text = message_text(notification, context);
  const int loud = text.severity == "critical" ? 5 : text.severity == "warning" ? 4 : 3;
  Json body{{"topic", topic},
            {"title", shortened(text.title, kNtfyTitle)},
            {"message", shortened(text.body, kNtfyMessage)},
            {"priority", text.firing ? loud : 3},
            {"tags", {text.firing ? "rotating_light" : "white_check_mark", text.severity}}};
  if (!text.links.empty()) body["click"] = text.links.front().url;
  return dump(body);
}

std::string telegram_body(const Notification& notification, const MessageContext& context, const std::string& chat,
                          int thread) {
  const auto text = message_text(notification, context);
  const auto words = text.title + "\n" + text.body + links_as_lines(text);
  Json body{{"chat_id", chat},
            {"text", shortened(words, kTelegramText)},
            {"disable_web_page_preview", true},
            {"disable_notification", !text.firing && !text.test}};
  if (thread != 0) body["message_thread_id"] = thread;
  return dump(body);
}

std::string teams_body(const Notification& notification, const MessageContext& context) {
  const auto text = message_text(notification, context);
  auto blocks = Json::array({text_block(text.title, "Bolder")});
  blocks[0]["color"] = !text.firing ? "Good" : text.severity == "critical" ? "Attention" : "Warning";
  for (const auto& line : split(text.body, '\n'))
    if (!line.empty()) blocks.push_back(text_block(line, "Default"));
  auto actions = Json::array();
  for (const auto& link : text.links)
    actions.push_back({{"type", "Action.OpenUrl"}, {"title", link.text}, {"url", link.url}});
  Json content{{"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"},
               {"type", "AdaptiveCard"},
               {"version", "1.2"},
               {"body", blocks},
               {"msteams", {{"width", "Full"}}}};
  if (!actions.empty()) content["actions"] = actions;
  const Json attachment{
      {"contentType", "application/vnd.microsoft.card.adaptive"}, {"contentUrl", nullptr}, {"content", content}};
  return dump({{"type", "message"}, {"attachments", Json::array({attachment})}});
}

std::string as_possible_repeat(const std::string& kind, std::string body) {
  auto json = Json::parse(body, nullptr, false);
  const auto path = kind == "slack"      ? "/attachments/0/title"
                    : kind == "ntfy"     ? "/title"
                    : kind == "telegram" ? "/text"
                    : kind == "teams"    ? "/attachments/0/content/body/0/text"
                                         : "";
  const Json::json_pointer place(path);
  if (*path == '\0' || !json.is_object() || !json.contains(place) || !json[place].is_string()) return body;
  json[place] = "(possible repeat) " + json[place].get<std::string>();
  return dump(json);
}

Delivery read_slack(const http::ClientResponse& answer, UtcTime now) {
  auto delivery = classify(answer.status, answer.headers, now);
  if (delivery.outcome == DeliveryOutcome::sent && trim(answer.body) != "ok") {
    delivery.outcome = DeliveryOutcome::dead;
    delivery.reason = "the receiver answered 200 without its ok";
  }
  return delivery;
}

Delivery read_telegram(const http::ClientResponse& answer, UtcTime now) {
  auto delivery = classify(answer.status, answer.headers, now);
  const auto body = Json::parse(answer.body, nullptr, false);
  if (!body.is_object() || delivery.outcome != DeliveryOutcome::retry) return delivery;
  const auto parameters = body.find("parameters");
  if (parameters == body.end() || !parameters->is_object()) return delivery;
  const auto seconds = parameters->find("retry_after");
  if (seconds != parameters->end() && seconds->is_number_integer())
    delivery.retry_after = std::clamp(Millis(1000 * std::clamp<std::int64_t>(seconds->get<std::int64_t>(), 0, 3'600)),
                                      Millis(0), http::kLongestRetryAfter);
  return delivery;
}

Delivery read_teams(const http::ClientResponse& answer, UtcTime now) {
  auto delivery = classify(answer.status, answer.headers, now);
  constexpr std::string_view kMark = "HTTP error ";
  const auto at = answer.body.find(kMark);
  if (delivery.outcome != DeliveryOutcome::sent || at == std::string::npos) return delivery;
  int status = 0;
  for (std::size_t i = at + kMark.size(); i < answer.body.size() && i < at + kMark.size() + 3; ++i)
    if (answer.body[i] >= '0' && answer.body[i] <= '9') status = status * 10 + (answer.body[i] - '0');
  return status >= 400 ? classify(status, answer.headers, now) : delivery;
}

}  // namespace pgtend::alerts
