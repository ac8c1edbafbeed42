#include "agent/engine/backtest_messages.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

UtcTime minute(double count) {
  return UtcTime(Millis(static_cast<std::int64_t>(count * 60'000)));
}

RuleEpisode episode(double from, double to, bool ended = true, const std::string& db = "shop") {
  const Labels series{{"db", db}};
  return {{series, minute(from), minute(from), minute(to), ended, 1},
          Labels{{"alertname", "A"}, {"db", db}, {"severity", "warning"}},
          {series, 1}};
}

Route route_to(const std::string& receiver) {
  Route out;
  out.receiver = receiver;
  return out;
}

struct Routes {
  alerts::DispatchRules rules = default_dispatch();
  double days = 1;

  explicit Routes(std::optional<Route> root = std::nullopt, std::vector<std::string> ways = {"a"}) {
    if (!root) return;
    rules.tree = alerts::RouteTree(*root);
    rules.receivers.clear();
    for (const auto& name : rules.tree.receivers())
      for (const auto& way : ways) rules.receivers[name].push_back({name + "/" + way, true});
  }

  [[nodiscard]] std::size_t count(const std::vector<RuleEpisode>& episodes) const {
    Rule rule;
    rule.name = "A";
    rule.expr = "x > 1";
    rule.labels["severity"] = "warning";
    const test::FakeClock clock;
    const auto compiled = alerts::compile(rule, "g");
    REQUIRE(compiled);
    const auto messages = messages_of(
        *compiled, episodes, {rules, minute(days * 24 * 60), clock, clock.steady_now() + std::chrono::seconds(1)});
    REQUIRE(messages);
    return *messages;
  }
};

}  // namespace

TEST_CASE("without receivers messages follow Alertmanager's default waits") {
  const Routes routes;
  CHECK(routes.count({}) == 0);
  CHECK(routes.count({episode(0, 60)}) == 2);
  // Over before its group spoke: told in one message all the same.
  CHECK(routes.count({episode(0, 0.25)}) == 1);
  // Told at once, then every four hours until the end of the day.
  CHECK(routes.count({episode(0, 24 * 60, false)}) == 6);
  // Two databases are one group.
  CHECK(routes.count({episode(0, 60), episode(0, 60, true, "test")}) == 2);
  // It ended a moment before the range did: its end is told.
  CHECK(routes.count({episode(0, 24 * 60)}) == 7);
}

TEST_CASE("messages follow the grouping, the waits and the receivers of the configured routes") {
  auto root = route_to("team");
  root.group_by = std::vector<std::string>{"alertname", "db"};
  const std::vector<RuleEpisode> two{episode(0, 60), episode(0, 60, true, "test")};
  CHECK(Routes(root).count(two) == 4);
  CHECK(Routes(root, {"chat", "mail"}).count(two) == 8);
  root.repeat_interval = Millis(3'600'000);
  CHECK(Routes(root).count({episode(0, 24 * 60, false)}) == 24);
  // What the rule's labels choose.
  auto child = route_to("quiet");
  child.matchers.push_back(Matcher::make("severity", MatchOp::equal, "warning").value());
  child.repeat_interval = Millis(12LL * 3'600'000);
  root.routes.push_back(child);
  CHECK(Routes(root).count({episode(0, 24 * 60, false)}) == 2);
  root.routes[0].escalate.push_back({Millis(900'000), "boss"});
  CHECK(Routes(root).count({episode(0, 60)}) == 4);
  CHECK(Routes(root).count({episode(0, 10)}) == 2);
}

TEST_CASE("a group's quiet weeks and short waits change nothing, and cost little") {
  auto root = route_to("team");
  root.group_wait = Millis(0);
  root.group_interval = Millis(10'000);
  Routes routes(root);
  routes.days = 30;
  CHECK(routes.count({episode(0, 30 * 24 * 60, false)}) == 181);
  CHECK(routes.count({episode(0, 29 * 24 * 60)}) == 175);
}

TEST_CASE("an alert outside of its hours is told when they begin") {
  auto root = route_to("team");
  root.active_time_intervals = {"office"};
  Routes routes(root);
  NamedIntervals office;
  office.name = "office";
  TimeInterval hours;
  hours.times.push_back({9 * 60, 17 * 60});
  office.intervals.push_back(hours);
  routes.rules.intervals.push_back(office);
  CHECK(routes.count({episode(60, 120)}) == 0);
  CHECK(routes.count({episode(60, 10 * 60)}) == 2);
}

TEST_CASE("what flaps is told once and not at every turn") {
  Routes routes;
  std::vector<RuleEpisode> turns;
  for (int i = 0; i < 30; ++i) turns.push_back(episode(i * 2, i * 2 + 1));
  const auto calm = routes.count(turns);
  routes.rules.flap.per_hour = 0;
  CHECK(calm < routes.count(turns));
}
