#include "alerts/notifiers/email.hpp"

#include <algorithm>
#include <cstdio>

#include "agent/base/strings.hpp"
#include "alerts/notifiers/markup.hpp"

namespace pgtend::alerts {

namespace {

// "Wed, 21 Oct 2015 07:28:00 +0000". Source: RFC 5322 section 3.3.
std::string mail_date(UtcTime at) {
  constexpr const char* kDays[]{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  const std::chrono::weekday weekday(day);
  char out[64];
  std::snprintf(out, sizeof out, "%s, %02u %s %d %02d:%02d:%02d +0000", kDays[weekday.c_encoding()],
                static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return out;
}

std::string base64(const std::string& text) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i + k])) : 0U;
    };
    const unsigned bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    out += kDigits[bits >> 18 & 63];
    out += kDigits[bits >> 12 & 63];
    out += i + 1 < text.size() ? kDigits[bits >> 6 & 63] : '=';
    out += i + 2 < text.size() ? kDigits[bits & 63] : '=';
  }
  return out;
}

// Header text as encoded words of at most 75 characters each. Source: RFC 2047.
std::string encoded_words(const std::string& text) {
  constexpr std::size_t kPiece = 42;
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = std::min(at + kPiece, text.size());
    while (end < text.size() && end > at && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    out += (out.empty() ? "" : "\r\n ") + ("=?utf-8?B?" + base64(text.substr(at, end - at)) + "?=");
    at = end;
  }
  return out;
}

// A name as a header takes it: words as they are, in quotes with other marks, encoded beyond ASCII.
std::string shown_name(const std::string& name) {
  const auto is_beyond = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  const auto is_special = [](char c) { return std::string_view("()<>[]:;@\\,.\"").find(c) != std::string_view::npos; };
  if (std::any_of(name.begin(), name.end(), is_beyond)) return encoded_words(name);
  if (std::none_of(name.begin(), name.end(), is_special)) return name;
  std::string out = "\"";
  for (const char c : name) out += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  return out + "\"";
}

// A line for each, so that no line grows beyond what RFC 5322 allows.
std::string mailbox_list(const std::vector<Mailbox>& mailboxes) {
  std::string out;
  for (const auto& [name, address] : mailboxes) {
    out += (out.empty() ? "" : ",\r\n ") + (name.empty() ? std::string() : shown_name(name) + " ");
    out += "<" + address + ">";
  }
  return out;
}

std::string wrapped_base64(const std::string& text) {
  const auto all = base64(text);
  std::string out;
  for (std::size_t i = 0; i < all.size(); i += 76) out += all.substr(i, 76) + "\r\n";
  return out;
}

std::string html_escaped(const std::string& text) {
  return markup_escaped(text, Quotes::escaped);
}

std::string html_of(const MessageText& text) {
  const char* color = !text.firing ? "#2e7d32" : text.severity == "critical" ? "#c62828" : "#ef6c00";
  std::string out = "<html><body><h3 style=\"color:" + std::string(color) + "\">" + html_escaped(text.title) +
                    "</h3><pre>" + html_escaped(text.body) + "</pre>";
  for (const auto& link : text.links)
    out += "<p><a href=\"" + html_escaped(link.url) + "\">" + html_escaped(link.text) + "</a></p>";
  return out + "</body></html>\n";
}

std::string part(const char* type, const std::string& boundary, const std::string& text) {
  return "--" + boundary + "\r\nContent-Type: " + type +
         "; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + wrapped_base64(text);
}

}  // namespace

std::string mail_text(const Notification& notification, const MessageContext& context, const MailHeading& heading) {
  const auto text = message_text(notification, context);
  const std::string plain = text.body + links_as_lines(text);
  const std::string boundary = "pgtend-" + heading.thread.substr(0, 32);
  std::string out;
  out += "Date: " + mail_date(context.now) + "\r\n";
  out += "From: " + mailbox_list(heading.from) + "\r\n";
  out += "To: " + mailbox_list(heading.to) + "\r\n";
  out += "Subject: " + encoded_words(text.title) + "\r\n";
  out += "Message-ID: <" + heading.message_id + "@pgtend>\r\n";
  out += "In-Reply-To: <" + heading.thread + "@pgtend>\r\n";
  out += "References: <" + heading.thread + "@pgtend>\r\n";
  out += "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n";
  out += "Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n";
  out += part("text/plain", boundary, plain) + part("text/html", boundary, html_of(text));
  return out + "--" + boundary + "--\r\n";
}

Delivery classify_mail(const Result<int>& reply) {
  if (!reply) return classify(reply.error());
  Delivery delivery;
  delivery.status = *reply;
  if (*reply < 400) {
    delivery.outcome = DeliveryOutcome::sent;
    return delivery;
  }
  delivery.outcome = *reply < 500 ? DeliveryOutcome::retry : DeliveryOutcome::dead;
  delivery.reason = "the mail server answered " + std::to_string(*reply);
  return delivery;
}

}  // namespace pgtend::alerts
