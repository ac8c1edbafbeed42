// What a message says, whatever carries it.
#include <cmath>
#include <nlohmann/json.hpp>

#include "alerts/notifiers/chat.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/alerts/told_alert.hpp"

using namespace pgtend;
using namespace pgtend::alerts;
using namespace pgtend::test;
using nlohmann::json;

TEST_CASE("a board is linked where Grafana's address is known, and only by a uid") {
  MessageContext context{"db-07", "", kFired, "https://grafana.example.org"};
  auto said = notification(false);
  const auto link = [&] {
    const auto links = message_text(said, context).links;
    return links.empty() || links[0].text != "grafana" ? std::string() : links[0].url;
  };
  const auto from = std::to_string(to_ms(kFired - std::chrono::minutes(40)));
  CHECK(link() == "https://grafana.example.org/d/pgtend-overview?from=" + from + "&to=now");
  said.alerts[0].alert.group = "replication";
  CHECK(link().find("/d/pgtend-replication?") != std::string::npos);
  said.alerts[0].alert.annotations[kBoardAnnotation] = "my_board-7";
  CHECK(link().find("/d/my_board-7?") != std::string::npos);
  said.alerts[0].alert.annotations[kBoardAnnotation] = "../admin?x=";
  CHECK(link().empty());
  said.alerts[0].alert.annotations.erase(kBoardAnnotation);
  context.grafana_url.clear();
  CHECK(link().empty());
}

TEST_CASE("a peak is told in the direction in which the rule's comparison gets worse") {
  const MessageContext context{"db-07", "", kFired};
  auto said = notification(true);
  auto& alert = said.alerts[0].alert;
  CHECK(message_text(said, context).body.find("Value 0.96, peak 0.99, alerts at > 0.8") != std::string::npos);
  alert.facts.comparison = "< 0.97";
  CHECK(message_text(said, context).body.find("Value 0.96, lowest 0.82, alerts at < 0.97") != std::string::npos);
  alert.facts.comparison = "== 0.96";
  CHECK(message_text(said, context).body.find("Value 0.96, alerts at") != std::string::npos);
  CHECK(message_text(said, context).body.ends_with(alert.fingerprint_hex() + ", message 3\n"));
  said.told = 1;
  CHECK(message_text(said, context).body.ends_with(alert.fingerprint_hex() + "\n"));
}

TEST_CASE("a message says what, how much against what, since when, why and what to do, within its length") {
  const MessageContext context{"db-07", "https://pgtend.example.org", kFired + std::chrono::minutes(6)};
  const auto firing = message_text(notification(false), context);
  CHECK(firing.title == "[CRIT] db-07 orders: 96 % of the connections are in use for 16m (+1 more)");
  for (const auto* part :
       {"Value 0.96, peak 0.99, alerts at > 0.8, normal at this hour 0.31", "usename=app, state=idle: 71",
        "change 7f3a", "fired 03:12 UTC", "before that 02:12 UTC-02:22 UTC", "pgtend alerts explain",
        "pgtend alerts ack", "pgtend runbook PgConnectionsHigh\n", "Key "})
    CHECK(firing.body.find(part) != std::string::npos);
  auto foreign = notification(false);
  foreign.alerts[0].alert.annotations["runbook"] = "https://wiki.example.org/x; rm";
  CHECK(message_text(foreign, context).body.find("pgtend runbook") == std::string::npos);
  const auto resolved = message_text(notification(true), context);
  CHECK(resolved.title.starts_with("[RESOLVED]"));
  CHECK(resolved.body.find("resolved 03:19 UTC (7m)") != std::string::npos);
  CHECK(resolved.body.find("; now 0.41") != std::string::npos);
  auto many = notification(false);
  for (int i = 0; i < 40; ++i) many.alerts.push_back(many.alerts[1]);
  many.alerts[0].alert.annotations["description"] = std::string(5'000, 'x') + "ä";
  const auto cut = message_text(many, context);
  CHECK(cut.body.size() <= kMessageLength);
  CHECK(cut.title.find("(+41 more)") != std::string::npos);
}

TEST_CASE("a long summary is cut, not the value, the times, the threshold and how many more there are") {
  const MessageContext context{"db-07", "https://pgtend.example.org", kFired + std::chrono::minutes(6)};
  auto many = notification(false);
  for (int i = 0; i < 59; ++i) many.alerts.push_back(many.alerts[1]);
  std::string summary;
  while (summary.size() < 6'000) summary += "Überlänge ";
  for (auto& entry : many.alerts)
    for (const auto* text : {"summary", "description"}) entry.alert.annotations[text] = summary;
  const auto text = message_text(many, context);
  CHECK(text.title.size() <= 250);
  CHECK(text.title.starts_with("[CRIT] db-07 orders: Überlänge Überlänge"));
  CHECK(text.title.ends_with("… for 16m (+60 more)"));
  CHECK(text.body.size() <= kMessageLength);
  for (const auto* line : {"\n  fired 03:12 UTC; before that 02:12 UTC-02:22 UTC\n",
                           "\n  Value 0.96, peak 0.99, alerts at > 0.8, normal at this hour 0.31\n",
                           "\n  Likely cause: usename=app, state=idle: 71\n", "\n+60 more: pgtend alerts\n",
                           "\nLook: pgtend alerts explain ", "\nTake it: pgtend alerts ack ", "\nKey "})
    CHECK(text.body.find(line) != std::string::npos);
  CHECK(text.body.find("…\n  fired") != std::string::npos);
  CHECK(text.body.find('\xEF') == std::string::npos);
  CHECK(json::parse(slack_body(many, context, "")).at("attachments").size() == 1);
}

TEST_CASE("breaks of a summary and marks of an address do not get into the markup of a receiver") {
  const MessageContext context{"db-07", "", kFired};
  auto said = notification(true);
  auto& annotations = said.alerts[0].alert.annotations;
  annotations["summary"] = "first\r\n second\tthird\n";
  annotations["runbook_url"] = "https://wiki/a b<c>|d\r\ne?x=1&y=%20";
  const auto text = message_text(said, context);
  CHECK(text.title == "[RESOLVED] db-07 orders: first second third");
  CHECK(text.body.starts_with("PgConnectionsHigh: first second third\n"));
  REQUIRE(text.links.size() == 1);
  CHECK(text.links[0].url == "https://wiki/a%20b%3Cc%3E%7Cd%0D%0Ae?x=1&y=%20");
  CHECK(slack_body(said, context, "").find("<https://wiki/a%20b%3Cc%3E%7Cd%0D%0Ae?x=1&y=%20|runbook>") !=
        std::string::npos);
}

TEST_CASE("a title whose summary tells a duration does not read like two of them") {
  const MessageContext context{"db-07", "", kFired};
  auto said = notification(false);
  said.alerts.resize(1);
  auto& summary = said.alerts[0].alert.annotations["summary"];
  const auto tail = [&](const std::string& text) {
    summary = text;
    const auto title = message_text(said, context).title;
    return title.substr(title.find(text) + text.size());
  };
  CHECK(tail("app sits idle for 7m 3s") == ", true for 10m");
  CHECK(tail("a client waits for shop") == " for 10m");
}

TEST_CASE("a value is shown with the digits that count") {
  CHECK(shown_number(8.131962579749429) == "8.132");
  CHECK(shown_number(0.96) == "0.96");
  CHECK(shown_number(71) == "71");
  CHECK(shown_number(-0.00123456) == "-0.001235");
  CHECK(shown_number(1'795'858'913.25) == "1795858913");
  CHECK(shown_number(0) == "0");
  CHECK(shown_number(3e-9) == "3e-09");
  CHECK(shown_number(std::nan("")) == "NaN");
}

TEST_CASE("a text is cut between characters") {
  CHECK(shortened("abc", 3) == "abc");
  CHECK(shortened("aäöü", 6) == "aä…");
  CHECK(shortened("aäöü", 5) == "a…");
}
