#include "agent/model/matcher_text.hpp"
#include "alerts/muting.hpp"
#include "alerts/route_tree.hpp"
#include "alerts/time_interval.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

namespace {

std::vector<Matcher> m(std::string_view text) {
  return parse_matchers(text).value();
}

Route route(std::string receiver, std::string_view matchers, bool continues = false) {
  Route out;
  out.receiver = std::move(receiver);
  out.matchers = m(matchers);
  out.continues = continues;
  return out;
}

std::vector<std::string> receivers(const RouteTree& tree, const Labels& labels) {
  std::vector<std::string> out;
  for (const auto* node : tree.match(labels)) out.push_back(node->receiver);
  return out;
}

UtcTime at(const char* text) {
  return *parse_rfc3339(text);
}

TimeInterval berlin_office() {
  TimeInterval out;
  out.times = {{9 * 60, 17 * 60}};
  out.weekdays = {{1, 5}};
  out.location = "Europe/Berlin";
  return out;
}

Alert alert(const std::string& name, const Labels& more = {}) {
  Alert out;
  out.rule = name;
  out.labels = more;
  out.labels.set("alertname", name);
  out.state = AlertState::firing;
  return out;
}

}  // namespace

TEST_CASE("matchers read as Alertmanager writes them, and back") {
  CHECK(to_string(m(R"({a="b", c!~"d|e",f=g,})")) == R"({a="b",c!~"d|e",f="g"})");
  CHECK(to_string(m(R"(a="x\"y\\z\n")")) == R"({a="x\"y\\z\n"})");
  CHECK(m(R"(a="b,c",d=~"\\d+")").size() == 2);
  CHECK(m(R"(a=~"\d+")").at(0).matches("42"));
  CHECK(m("").empty());
  for (const auto* bad : {"a", "=b", "a=\"b", "a==\"b\"c\"", "1a=b", R"(a=~"(")", "{a=b"})
    CHECK_FALSE(parse_matchers(bad).has_value());
  CHECK(match_all(m(R"(absent="",a!="x")"), Labels{{"a", "b"}}));
  CHECK_FALSE(match_all(m(R"(absent!="")"), Labels{{"a", "b"}}));
}

TEST_CASE("the deepest matching route takes an alert, and continue lets siblings see it, and else the node itself") {
  Route root;
  root.receiver = "default";
  root.group_by = std::vector<std::string>{"alertname"};
  auto db = route("db", R"(team="db")");
  db.group_wait = Millis(1000);
  db.routes = {route("pager", R"(severity="critical")", true), route("", R"(severity=~"critical|warning")")};
  db.routes[1].group_by = std::vector<std::string>{"..."};
  root.routes = {route("audit", R"(audit="yes")", true), db};
  const RouteTree tree(root);
  CHECK(receivers(tree, Labels{{"team", "web"}}) == std::vector<std::string>{"default"});
  CHECK(receivers(tree, Labels{{"team", "db"}}) == std::vector<std::string>{"db"});
  CHECK(receivers(tree, Labels{{"team", "db"}, {"severity", "critical"}}) == std::vector<std::string>{"pager", "db"});
  CHECK(receivers(tree, Labels{{"team", "db"}, {"audit", "yes"}}) == std::vector<std::string>{"audit", "db"});
  const auto* deep = tree.match(Labels{{"team", "db"}, {"severity", "warning"}}).at(0);
  CHECK(deep->key == R"({}/{team="db"}/{severity=~"critical|warning"})");
  CHECK(deep->group_wait == Millis(1000));
  CHECK(deep->repeat_interval == kRepeatInterval);
  const Labels labels{{"alertname", "X"}, {"team", "db"}, {"severity", "warning"}};
  CHECK(group_labels(*deep, labels) == labels);
  CHECK(group_key(tree.root(), labels) == R"({}:{alertname="X"})");
  CHECK(tree.find(deep->key) == deep);
  CHECK(tree.find("{}/none") == nullptr);
}

TEST_CASE("time intervals follow the local clock of their zone, through its changes too") {
  const auto office = berlin_office();
  CHECK(contains(office, at("2026-01-12T08:00:00Z")));        // 09:00 CET
  CHECK_FALSE(contains(office, at("2026-01-12T07:59:59Z")));  // 08:59
  CHECK_FALSE(contains(office, at("2026-01-12T16:00:00Z")));  // 17:00 does not belong to it
  CHECK(contains(office, at("2026-07-13T07:00:00Z")));        // 09:00 CEST
  CHECK_FALSE(contains(office, at("2026-01-11T10:00:00Z")));  // a Sunday
  auto unknown = office;
  unknown.location = "Europe/Nowhere";
  CHECK_FALSE(contains(unknown, at("2026-01-12T08:00:00Z")));
  TimeInterval last_days;
  last_days.days_of_month = {{-2, -1}};
  CHECK(contains(last_days, at("2026-02-27T00:00:00Z")));
  CHECK_FALSE(contains(last_days, at("2026-02-26T23:59:00Z")));
  CHECK(contains(last_days, at("2028-02-29T12:00:00Z")));
  TimeInterval months;
  months.months = {{1, 3}};
  months.years = {{2026, 2026}};
  CHECK(contains(months, at("2026-03-31T23:59:59Z")));
  CHECK_FALSE(contains(months, at("2027-03-31T23:59:59Z")));
}

TEST_CASE("an alert is inhibited by what fires with equal labels, never by itself") {
  const auto inhibited_by = [](const Alert& one, const std::vector<InhibitRule>& of, const std::vector<Alert>& all) {
    return Inhibition(of, all).of(one);
  };
  const std::vector<InhibitRule> rules{
      {m(R"(severity="critical")"), m(R"(severity=~"warning|critical")"), {"alertname", "instance"}}};
  const auto critical = alert("A", Labels{{"severity", "critical"}, {"instance", "db1"}});
  const auto warning = alert("A", Labels{{"severity", "warning"}, {"instance", "db1"}});
  const auto elsewhere = alert("A", Labels{{"severity", "warning"}, {"instance", "db2"}});
  const std::vector<Alert> firing{critical, warning, elsewhere};
  REQUIRE(inhibited_by(warning, rules, firing));
  CHECK(inhibited_by(warning, rules, firing)->find(critical.fingerprint_hex()) != std::string::npos);
  CHECK_FALSE(inhibited_by(elsewhere, rules, firing));
  CHECK_FALSE(inhibited_by(critical, rules, firing));
  // Missing labels are equal to missing labels.
  const auto down = alert("PgDown", Labels{{"severity", "critical"}});
  const auto built_in = built_in_inhibit_rules();
  CHECK(inhibited_by(alert("PgReplicaLag"), built_in, {down}));
  CHECK_FALSE(inhibited_by(alert("PgtendOutboxBacklog"), built_in, {down}));
  CHECK_FALSE(inhibited_by(alert("DiskFill"), built_in, {down}));
  CHECK_FALSE(inhibited_by(down, built_in, {down}));
  const auto waits = [](const char* user, const char* severity) {
    return alert("PgbMaxWait", Labels{{"database", "shop"}, {"user", user}, {"severity", severity}});
  };
  CHECK(inhibited_by(waits("app", "warning"), built_in, {waits("app", "critical")}));
  // Another pool's trouble is no reason to keep quiet about this one.
  CHECK_FALSE(inhibited_by(waits("report", "warning"), built_in, {waits("app", "critical")}));
  CHECK_FALSE(inhibited_by(alert("PgbMaxWait"), built_in, {waits("app", "critical")}));
  auto over = waits("app", "critical");
  over.state = AlertState::resolved;
  CHECK_FALSE(inhibited_by(waits("app", "warning"), built_in, {over}));
}

TEST_CASE("a silence holds between its ends, or until what it matches is over") {
  Silence timed;
  timed.id = "s1";
  timed.matchers = m(R"(alertname="A")");
  timed.starts_at = at("2026-01-01T00:00:00Z");
  timed.ends_at = at("2026-01-01T01:00:00Z");
  timed.created_by = "ann";
  CHECK(silenced_by(alert("A"), {timed}, at("2026-01-01T00:30:00Z"))->find("ann") != std::string::npos);
  CHECK_FALSE(silenced_by(alert("A"), {timed}, at("2026-01-01T01:00:00Z")));
  CHECK_FALSE(silenced_by(alert("A"), {timed}, at("2025-12-31T23:59:59Z")));
  CHECK_FALSE(silenced_by(alert("B"), {timed}, at("2026-01-01T00:30:00Z")));
  auto until = timed;
  until.ends_at.reset();
  until.until_resolved = true;
  const auto later = at("2027-01-01T00:00:00Z");
  CHECK(silenced_by(alert("A"), {until}, later));
  CHECK(silences_to_end({until, timed}, {alert("A")}, later).empty());
  auto over = alert("A");
  over.state = AlertState::resolved;
  CHECK(silences_to_end({until, timed}, {over, alert("B")}, later) == std::vector<std::string>{"s1"});
  // Unknown is not over.
  auto blind = alert("A");
  blind.unknown = true;
  CHECK(silences_to_end({until}, {blind}, later).empty());
}

TEST_CASE("our own change mutes what it is expected to cause, but nothing critical") {
  const std::vector<ExpectedByChange> changes{{"c-1", expected_alerts(ActionClass::create_index)}};
  CHECK(caused_by(alert("PgReplicaLag"), changes)->find("c-1") != std::string::npos);
  CHECK_FALSE(caused_by(alert("PgReplicaLag", Labels{{"severity", "critical"}}), changes));
  CHECK_FALSE(caused_by(alert("PgArchiverFailing"), changes));
}
