#include "agent/config/config.hpp"
#include "agent/model/matcher_text.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::config;

namespace {

std::string errors_of(const std::string& text) {
  return format_errors(load_text(text, "p.yaml").errors);
}

constexpr const char* kWhole = R"(alerting:
  receivers:
    - name: oncall
      webhook_configs: [{url: "http://h/a"}, {url: "http://h/b", send_resolved: false}]
      ntfy_configs: [{url: "https://ntfy.example.org", topic: db}]
    - name: night
  route:
    receiver: oncall
    group_by: [alertname, datname]
    group_wait: 10s
    routes:
      - matchers: ['severity="info"', 'team=~"db|app"']
        receiver: night
        continue: true
        mute_time_intervals: [office]
      - match: {severity: critical}
        match_re: {datname: "shop|crm"}
        repeat_interval: 1h
        escalate: [{after: 15m, receiver: night}]
        routes: [{matchers: [a!=b], group_by: ['...']}]
  inhibit_rules:
    - {source_matchers: [alertname=A], target_match: {severity: warning}, equal: [instance]}
  time_intervals:
    - name: office
      time_intervals:
        - times: [{start_time: "09:00", end_time: "17:30"}]
          weekdays: ['monday:friday', sunday]
          days_of_month: ['1:5', '-3:-1']
          months: ['january:march', 12]
          years: ['2026:2028']
          location: Europe/Berlin
)";

}  // namespace

TEST_CASE("the subset of alertmanager.yml reads into the tree that it says") {
  const auto loaded = load_text(kWhole, "p.yaml");
  INFO(format_errors(loaded.errors));
  REQUIRE(loaded.errors.empty());
  const auto& alerting = loaded.config.alerting;
  REQUIRE(alerting.receivers.size() == 2);
  REQUIRE(alerting.receivers[0].integrations.size() == 3);
  CHECK(alerting.receivers[0].integrations[1].url == "http://h/b");
  CHECK_FALSE(alerting.receivers[0].integrations[1].send_resolved);
  CHECK(alerting.receivers[0].integrations[2].kind == "ntfy");
  REQUIRE(alerting.route);
  CHECK(alerting.route->group_by == std::vector<std::string>{"alertname", "datname"});
  CHECK(alerting.route->group_wait == Millis(10'000));
  CHECK_FALSE(alerting.route->repeat_interval);
  REQUIRE(alerting.route->routes.size() == 2);
  const auto& first = alerting.route->routes[0];
  CHECK(to_string(first.matchers) == R"({severity="info",team=~"db|app"})");
  CHECK((first.continues && first.mute_time_intervals.at(0) == "office"));
  const auto& second = alerting.route->routes[1];
  CHECK(to_string(second.matchers) == R"({severity="critical",datname=~"shop|crm"})");
  CHECK(second.escalate.at(0).after == Millis(900'000));
  CHECK(second.routes.at(0).group_by == std::vector<std::string>{"..."});
  CHECK(alerting.inhibit_rules.at(0).equal == std::vector<std::string>{"instance"});
  const auto& office = alerting.time_intervals.at(0).intervals.at(0);
  CHECK((office.times.at(0).start == 540 && office.times.at(0).end == 1050));
  CHECK((office.weekdays.at(0).first == 1 && office.weekdays.at(0).last == 5 && office.weekdays.at(1).first == 0));
  CHECK((office.days_of_month.at(1).first == -3 && office.days_of_month.at(1).last == -1));
  CHECK((office.months.at(0).last == 3 && office.months.at(1).first == 12));
}

TEST_CASE("without a tree every receiver is told of everything but signs of life") {
  AlertingConfig alerting;
  CHECK(effective_route(alerting).receiver.empty());
  alerting.webhooks = {{"a", "http://h", "", Millis(1'000)}};
  alerting.receivers = {{"b", {}}};
  const auto root = effective_route(alerting);
  CHECK(root.receiver.empty());
  REQUIRE(root.routes.size() == 2);
  for (const auto& route : root.routes) {
    CHECK(route.continues);
    REQUIRE(route.matchers.size() == 1);
    CHECK(route.matchers[0].matches("critical"));
    CHECK(route.matchers[0].matches(""));
    CHECK_FALSE(route.matchers[0].matches("none"));
  }
  CHECK(all_receivers(alerting).at(1).integrations.at(0).timeout == Millis(1'000));
}

TEST_CASE("mistakes of routes and receivers are named with their place") {
  const std::string one = "alerting:\n  receivers: [{name: oncall}]\n";
  CHECK(
      errors_of(one + "  route: {receiver: oncal}\n").find("receiver 'oncal' is not defined; did you mean 'oncall'?") !=
      std::string::npos);
  CHECK(errors_of(one + "  route: {group_by: [a]}\n").find("the first route needs a 'receiver'") != std::string::npos);
  const auto grouped = [&](const std::string& by) {
    return errors_of(one + "  route: {receiver: oncall, group_by: " + by + "}\n");
  };
  CHECK(grouped("['...', a]").find("'...' means every label and stands alone") != std::string::npos);
  CHECK(grouped("[a, a]").find("a label stands twice") != std::string::npos);
  CHECK(grouped("['']").find("'' is not a label name") != std::string::npos);
  CHECK(grouped("[a, a-b]").find("'a-b' is not a label name") != std::string::npos);
  CHECK(grouped("['...', '...']").empty());
  CHECK(errors_of(one + "  route: {receiver: oncall, routes: [{match: {'a-b': c}}]}\n")
            .find("'a-b' is not a label name") != std::string::npos);
  CHECK(errors_of(one + "  route: {receiver: oncall, matchers: [a=b]}\n").find("it has no matchers") !=
        std::string::npos);
  CHECK(errors_of(one + "  route: {receiver: oncall, routes: [{matchers: ['a=~\"(\"']}]}\n")
            .find("bad regular expression") != std::string::npos);
  CHECK(errors_of(one + "  route: {receiver: oncall, routes: [{mute_time_intervals: [x]}]}\n")
            .find("time interval 'x' is not defined") != std::string::npos);
  CHECK(errors_of(one + "  route: {receiver: oncall, escalate: [{after: 1h, receiver: oncall}, {after: 1m, receiver: "
                        "oncall}]}\n")
            .find("a later step comes before the one above it") != std::string::npos);
  const std::string times = "alerting:\n  time_intervals: [{name: n, time_intervals: [";
  CHECK(errors_of(times + "{weekdays: [someday]}]}]\n").find("'someday' is no range of weekdays") != std::string::npos);
  CHECK(errors_of(times + "{days_of_month: ['0:3']}]}]\n").find("is no range of days") != std::string::npos);
  // As amtool check-config.
  CHECK(errors_of(times + "{weekdays: ['1:5']}]}]\n").find("'1:5' is no range of weekdays") != std::string::npos);
  CHECK(errors_of(times + "{days_of_month: ['-1:1']}]}]\n").find("'-1:1' is no range of days") != std::string::npos);
  CHECK(errors_of(times + "{days_of_month: ['-31:31']}]}]\n").find("is no range of days") != std::string::npos);
  CHECK(errors_of(times + "{times: [{start_time: '17:00'}]}]}]\n").find("'end_time' is missing") != std::string::npos);
  CHECK(errors_of(times + "{times: [{start_time: '17:00', end_time: '09:00'}]}]}]\n").find("before their end_time") !=
        std::string::npos);
  CHECK(errors_of(times + "{location: Europe/Berlim}]}]\n").find("is not known on this host") != std::string::npos);
  const std::string mail =
      "alerting:\n  receivers:\n    - name: m\n      email_configs:\n        - {to: a@b, from: c@d, ";
  CHECK(errors_of(mail + "smarthost: h}\n").find("'smarthost' must be host:port") != std::string::npos);
  CHECK(errors_of(mail + "smarthost: 'h:25', auth_username: u}\n").find("belong together") != std::string::npos);
  const auto to = [](const std::string& text, const std::string& from = "c@d") {
    return errors_of("alerting:\n  receivers:\n    - name: m\n      email_configs:\n        - to: '" + text +
                     "'\n          from: '" + from + "'\n          smarthost: h:25\n");
  };
  CHECK(to(R"("Zoe, DBA" <zoe@example.org>, b@y)", "pgtend <pg@example.org>").empty());
  CHECK(to("not an address").find("p.yaml:5:15: this is no mail address") != std::string::npos);
  CHECK(to("a@b", "c@d, e@f").find("p.yaml:6:17: one sender is needed, not 2") != std::string::npos);
  CHECK(to("a@b", "<c@d").find("the closing > is missing (at character 5)") != std::string::npos);
  CHECK(errors_of("alerting:\n  receivers: [{name: p, pagerduty_configs: [{}]}]\n")
            .find("'routing_key_file' is missing") != std::string::npos);
}
