#include "alerts/message.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "alerts/template.hpp"

namespace pgtend::alerts {

namespace {

// Bytes of a title, and of the parts of a body; the body without what follows its alerts: how many more, commands, key.
constexpr std::size_t kTitleLength = 250, kLongestPlace = 80, kLongestSummary = 300, kLongestFact = 200;
// Digits of a value shown to a person, as in `humanize`.
constexpr int kShownDigits = 4;
constexpr std::size_t kLongestDescription = 500, kLeastText = 40, kRoom = kMessageLength - 300;

bool is_firing(const NotifiedAlert& entry) {
  return entry.alert.state == AlertState::firing;
}

UtcTime fired_at(const Alert& alert) {
  return alert.fired_at.value_or(alert.active_at);
}

// "03:12 UTC", with the date when it is not today's.
std::string clock_text(UtcTime at, UtcTime now) {
  const auto text = to_rfc3339(at);
  const auto day = text.substr(0, 10);
  const auto time = text.substr(11, 5) + " UTC";
  return day == to_rfc3339(now).substr(0, 10) ? time : day + " " + time;
}

// "6m", "1h30m": whole minutes from a minute on, so that nobody reads milliseconds.
std::string span_text(Millis span) {
  if (span < Millis(0)) span = Millis(0);
  const auto unit = span < Millis(60'000) ? Millis(1000) : Millis(60'000);
  return format_duration(span - span % unit);
}

std::string summary_of(const Alert& alert) {
  for (const auto* name : {"summary", "message", "description"}) {
    const auto found = alert.annotations.find(name);
    if (found == alert.annotations.end()) continue;
    if (auto line = one_line(found->second); !line.empty()) return line;
  }
  return alert.rule;
}

// Labels that say where; the rest is in the summary or of no help at three in the morning.
std::string place_of(const Alert& alert) {
  std::vector<std::string> parts;
  for (const auto* name : {"cluster", "datname", "database", "application_name", "slot_name", "mountpoint"})
    if (alert.labels.has(name)) parts.push_back(one_line(alert.labels.get(name)));
  return shortened(join(parts, " "), kLongestPlace);
}

std::string severity_of(const Notification& notification) {
  const Alert* worst = nullptr;
  bool any_firing = false;
  for (const auto& entry : notification.alerts) any_firing = any_firing || is_firing(entry);
  for (const auto& entry : notification.alerts) {
    if (any_firing && !is_firing(entry)) continue;
    if (worst == nullptr || urgency_of(entry.alert.labels.get("severity")) > urgency_of(worst->labels.get("severity")))
      worst = &entry.alert;
  }
  const auto urgency = worst == nullptr ? Urgency::info : urgency_of(worst->labels.get("severity"));
  return urgency == Urgency::critical ? "critical" : urgency == Urgency::warning ? "warning" : "info";
}

std::string tag_of(const Notification& notification, const MessageText& text) {
  std::string tag = text.severity == "critical" ? "CRIT" : text.severity == "warning" ? "WARN" : "INFO";
  if (!text.firing) tag = "RESOLVED";
  switch (notification.reason) {
    case NotificationReason::test:
      return "TEST";
    case NotificationReason::flapping:
      return tag + ", FLAPPING";
    case NotificationReason::repeat:
      return tag + ", STILL";
    case NotificationReason::escalation:
      return tag + ", NOT ACKNOWLEDGED";
    default:
      return tag;
  }
}

// "sits idle for 7m": what follows is another time, and must not read like the same.
bool says_duration(std::string_view text) {
  const std::string_view word = " for ";
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    if (const auto after = at + word.size(); after < text.size() && text[after] >= '0' && text[after] <= '9')
      return true;
  return false;
}

std::string title_of(const Notification& notification, const MessageContext& context, const MessageText& text) {
  const auto& first = notification.alerts.front().alert;
  std::string where = context.instance;
  if (const auto place = place_of(first); !place.empty()) where += " " + place;
  const std::string head = "[" + tag_of(notification, text) + "] " + where + ": ";
  std::string tail;
  // How long it has been so, not how long ago that was said.
  if (is_firing(notification.alerts.front()) && !text.test)
    tail += (says_duration(summary_of(first)) ? ", true for " : " for ") + span_text(context.now - first.active_at);
  const auto more = notification.alerts.size() - 1 + static_cast<std::size_t>(notification.truncated);
  if (more > 0) tail += " (+" + std::to_string(more) + " more)";
  // Where it is too long the summary is cut: the rest is said nowhere else in one line.
  const auto room = std::max(kTitleLength, head.size() + tail.size() + 20) - head.size() - tail.size();
  return head + shortened(summary_of(first), room) + tail;
}

// "fired 03:12 UTC, resolved 03:19 UTC (7m)".
std::string times_of(const NotifiedAlert& entry, UtcTime now) {
  const auto& alert = entry.alert;
  std::string out = "fired " + clock_text(fired_at(alert), now);
  if (alert.state == AlertState::resolved && alert.resolved_at)
    out += ", resolved " + clock_text(*alert.resolved_at, now) + " (" +
           span_text(*alert.resolved_at - fired_at(alert)) + ")";
  for (const auto& episode : entry.earlier) {
    out += "; before that " + clock_text(episode.fired_at, now);
    if (episode.resolved_at) out += "-" + clock_text(*episode.resolved_at, now);
  }
  if (entry.more_episodes > 0) out += " and " + std::to_string(entry.more_episodes) + " times earlier";
  return out;
}

// The worst value so far, where the comparison says which way is worse and it is not the present one.
std::string peak_of(const Alert& alert) {
  const auto& comparison = alert.facts.comparison;
  const bool low = comparison.starts_with('<');
  if (!low && !comparison.starts_with('>')) return {};
  const auto& peak = low ? alert.lowest : alert.highest;
  if (!peak || *peak == alert.value) return {};
  return (low ? ", lowest " : ", peak ") + shown_number(*peak);
}

std::string value_of(const Alert& alert) {
  std::string out = "Value " + shown_number(alert.value) + peak_of(alert);
  if (!alert.facts.comparison.empty()) out += ", alerts at " + alert.facts.comparison;
  if (alert.facts.normal) out += ", normal at this hour " + shown_number(*alert.facts.normal);
  if (alert.state == AlertState::resolved)
    out += alert.resolved_value ? "; now " + shown_number(*alert.resolved_value) : std::string("; now gone");
  if (alert.unknown) out += " (last known: its collector is blind now)";
  return out;
}

std::string short_id(const Alert& alert) {
  return alert.fingerprint_hex().substr(0, 8);
}

// What is known for sure, a line each.
std::string facts_of(const NotifiedAlert& entry, UtcTime now) {
  const auto& alert = entry.alert;
  std::string out = "  " + times_of(entry, now) + "\n";
  if (entry.flapping) out += "  It flaps: it changed so often within an hour that only the end of it is told.\n";
  out += "  " + value_of(alert) + "\n";
  for (const auto& cause : alert.facts.causes) out += "  Likely cause: " + shortened(cause, kLongestFact) + "\n";
  for (const auto& act : alert.facts.acts) out += "  pgtend: " + shortened(act, kLongestFact) + "\n";
  return out;
}

// At most `room` bytes, as long as the facts leave any: what the rule's author wrote is cut, not they.
std::string words_of(const NotifiedAlert& entry, UtcTime now, std::size_t room) {
  const auto& alert = entry.alert;
  const auto facts = facts_of(entry, now);
  const auto head = shortened(alert.rule, kLongestPlace) + ": ";
  const auto left = [room](std::size_t taken) { return room > taken ? room - taken : 0; };
  const auto summary = std::min(kLongestSummary, std::max(left(head.size() + facts.size() + 1), kLeastText));
  std::string out = head + shortened(summary_of(alert), summary) + "\n" + facts;
  const auto description = alert.annotations.find("description");
  if (!is_firing(entry) || description == alert.annotations.end()) return out;
  const auto length = std::min(kLongestDescription, left(out.size() + 3));
  if (length >= kLeastText) out += "  " + shortened(one_line(description->second), length) + "\n";
  return out;
}

// Of a shipped runbook: in rule files of others this annotation holds addresses and texts, no part of a command.
std::string runbook_command(const Alert& alert) {
  constexpr std::size_t kLongestName = 64;
  const auto runbook = alert.annotations.find("runbook");
  if (runbook == alert.annotations.end()) return {};
  const auto& name = runbook->second;
  const bool is_name =
      !name.empty() && name.size() <= kLongestName &&
      std::all_of(name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
  return is_name ? "What to do: pgtend runbook " + name + "\n" : std::string();
}

std::string body_of(const Notification& notification, const MessageContext& context) {
  std::string out;
  if (notification.reason == NotificationReason::test) out += "This is a test of the receiver; nothing is wrong.\n";
  std::size_t shown = 0;
  for (const auto& entry : notification.alerts) {
    const auto words = words_of(entry, context.now, kRoom);
    if (shown > 0 && (shown == kAlertsInWords || out.size() + words.size() > kRoom)) break;
    out += words;
    ++shown;
  }
  // Facts alone may be too long: many episodes, many acts.
  if (out.size() > kRoom) out = shortened(out, kRoom - 1) + "\n";
  const auto more = notification.alerts.size() - shown + static_cast<std::size_t>(notification.truncated);
  if (more > 0) out += "+" + std::to_string(more) + " more: pgtend alerts\n";
  const auto& first = notification.alerts.front().alert;
  if (is_firing(notification.alerts.front()) && notification.reason != NotificationReason::test)
    out += "Look: pgtend alerts explain " + short_id(first) + "\nTake it: pgtend alerts ack " + short_id(first) +
           " --for 1h\n" + runbook_command(first);
  const auto told = notification.told > 1 ? ", message " + std::to_string(notification.told) : std::string();
  return out + "Key " + first.fingerprint_hex() + told + "\n";
}

// The shipped board that shows what the rules of a shipped group look at.
std::string_view board_of(const Alert& alert) {
  if (const auto own = alert.annotations.find(kBoardAnnotation); own != alert.annotations.end()) return own->second;
  constexpr std::pair<std::string_view, std::string_view> kBoards[] = {
      {"pgtend", "pgtend-agent"}, {"replication", "pgtend-replication"}, {"pgbouncer", "pgtend-pools"},
      {"redis", "pgtend-pools"},  {"vacuum", "pgtend-tables"},           {"bloat", "pgtend-tables"},
  };
  for (const auto& [group, board] : kBoards)
    if (alert.group == group) return board;
  return "pgtend-overview";
}

// A board in Grafana, from half an hour before it began. Source: experience reference 1b.
std::string board_link(const MessageContext& context, const Alert& alert) {
  constexpr std::chrono::minutes kAround{30};
  const auto uid = board_of(alert);
  const bool is_uid = !uid.empty() && uid.size() <= 40 && std::all_of(uid.begin(), uid.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
  if (context.grafana_url.empty() || !is_uid) return {};
  std::string_view base = context.grafana_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  const auto end = alert.state == AlertState::resolved && alert.resolved_at
                       ? std::to_string(to_ms(*alert.resolved_at + kAround))
                       : std::string("now");
  return std::string(base) + "/d/" + std::string(uid) + "?from=" + std::to_string(to_ms(alert.active_at - kAround)) +
         "&to=" + end;
}

// An address of somebody's rule, without what would end it in a message's markup or header.
std::string safe_link(std::string_view url) {
  constexpr std::string_view kMarks = " <>|\"\\^`{}";
  std::string out;
  char code[4];
  for (const char c : url) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte != 0x7F && kMarks.find(c) == std::string_view::npos) {
      out += c;
    } else {
      std::snprintf(code, sizeof code, "%%%02X", byte);
      out += code;
    }
  }
  return out;
}

std::vector<MessageLink> links_of(const Notification& notification, const MessageContext& context) {
  std::vector<MessageLink> out;
  const auto& first = notification.alerts.front().alert;
  // A test is about no alert that the agent could explain.
  const bool test = notification.reason == NotificationReason::test;
  if (auto link = test ? std::string() : alert_link(context.external_url, first); !link.empty())
    out.push_back({"alert", std::move(link)});
  if (auto link = board_link(context, first); !link.empty()) out.push_back({"grafana", std::move(link)});
  const auto runbook = first.annotations.find("runbook_url");
  if (runbook != first.annotations.end()) out.push_back({"runbook", safe_link(runbook->second)});
  return out;
}

}  // namespace

std::string alert_link(std::string_view external_url, const Alert& alert) {
  while (external_url.ends_with('/')) external_url.remove_suffix(1);
  if (external_url.empty()) return {};
  return std::string(external_url) + "/v1/alerts/" + alert.fingerprint_hex() +
         "?at=" + std::to_string(to_ms(fired_at(alert)) / 1000);
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    const bool is_space = static_cast<unsigned char>(c) <= ' ' || c == 0x7F;
    if (!is_space) out += c;
    if (is_space && !out.empty() && out.back() != ' ') out += ' ';
  }
  return out;
}

std::string shown_number(double value) {
  const auto exact = go_number(value);
  const double size = std::abs(value);
  // A count is exact, and what is as small or as large as this has no more than its exponent to say.
  if (!std::isfinite(value) || size < 1e-4 || size >= 1e15) return exact;
  const int before = size < 1 ? 0 : static_cast<int>(std::log10(size)) + 1;
  const int zeros = size < 1 ? static_cast<int>(-std::log10(size)) : 0;
  char out[40];
  std::snprintf(out, sizeof out, "%.*f", std::max(0, kShownDigits - before + zeros), value);
  std::string text(out);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  std::size_t end = most < 3 ? 0 : most - 3;
  // Not in the middle of a UTF-8 character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "…";
}

Urgency urgency_of(std::string_view severity) {
  if (severity == "critical" || severity == "page" || severity == "error") return Urgency::critical;
  if (severity == "info" || severity == "none") return Urgency::info;
  return Urgency::warning;
}

Urgency urgency_of(const Notification& notification) {
  auto out = Urgency::info;
  for (const auto& entry : notification.alerts) out = std::max(out, urgency_of(entry.alert.labels.get("severity")));
  return out;
}

MessageText message_text(const Notification& notification, const MessageContext& context) {
  MessageText out;
  if (notification.alerts.empty()) return out;
  out.firing = std::any_of(notification.alerts.begin(), notification.alerts.end(), is_firing);
  out.test = notification.reason == NotificationReason::test;
  out.severity = severity_of(notification);
  out.title = title_of(notification, context, out);
  out.body = body_of(notification, context);
  out.links = links_of(notification, context);
  return out;
}

Notification test_notification(const std::string& receiver, const std::string& integration, AlertState state,
                               UtcTime now) {
  Notification out;
  out.receiver = receiver;
  out.integration = integration;
  out.group_key = "{}:{alertname=\"PgtendTest\"}";
  out.group_labels = Labels{{"alertname", "PgtendTest"}};
  out.reason = NotificationReason::test;
  NotifiedAlert entry;
  entry.alert.rule = "PgtendTest";
  entry.alert.labels = Labels{{"alertname", "PgtendTest"}, {"severity", "info"}};
  entry.alert.annotations = {{"summary", "test message of pgtend, please ignore"}};
  entry.alert.state = state;
  entry.alert.active_at = now;
  entry.alert.fired_at = now;
  if (state == AlertState::resolved) entry.alert.resolved_at = now;
  out.alerts.push_back(std::move(entry));
  return out;
}

}  // namespace pgtend::alerts
