#include <cmath>
#include <limits>

#include "tests/support/catch.hpp"
#include "tests/unit/policy/proposals.hpp"

using namespace pgtend;
using namespace pgtend::test;
using pgtend::policy::decide;

namespace {

constexpr Millis kHour{3'600'000}, kDay{24LL * 3'600'000};
const UtcTime kNoon = at("2026-03-04T12:00:00Z");  // a Wednesday

// auto for ANALYZE by a rule "r" without limits of its own.
PolicyConfig ruled() {
  PolicyConfig config;
  PolicyRule rule;
  rule.name = "r";
  rule.mode = PolicyMode::automatic;
  config.rules.push_back(rule);
  return config;
}

PolicyPast primary() {
  return trusted();
}

void check(const Decision& decision, DecisionKind kind, const std::string& limit, const std::string& not_before) {
  INFO(decision.reason);
  CHECK(std::string(to_string(decision.kind)) == to_string(kind));
  CHECK(decision.limit == limit);
  CHECK(text_of(decision.not_before) == not_before);
}

}  // namespace

TEST_CASE("the first rule that matches action, database and object decides") {
  PolicyConfig config;
  const auto add = [&](const std::string& name, std::vector<ActionClass> actions, const std::string& database,
                       const std::string& object) {
    PolicyRule rule;
    rule.name = name;
    rule.actions = std::move(actions);
    rule.database = database;
    rule.object = object;
    rule.mode = PolicyMode::approve;
    config.rules.push_back(rule);
  };
  add("other action", {ActionClass::vacuum, ActionClass::reindex}, "*", "*");
  add("other database", {}, "sho", "*");
  add("other object", {}, "*", "public.order");
  add("object", {ActionClass::analyze}, "s*", "public.*");
  add("late", {}, "*", "*");
  CHECK(policy::rule_for(proposal(ActionClass::analyze), config) == "object");
  CHECK(policy::rule_for(proposal(ActionClass::vacuum), config) == "other action");
  CHECK(policy::rule_for(proposal(ActionClass::drop_index), config) == "late");
  config.rules.pop_back();
  CHECK(policy::rule_for(proposal(ActionClass::drop_index), config).empty());
}

TEST_CASE("a class that no default names is only recommended") {
  check(decide(proposal(ActionClass::analyze), Risk::low, {}, primary(), kNoon), DecisionKind::recommend,
        "action_class analyze", "none");
}

TEST_CASE("settings of the deny list are refused in every spelling and scope, approved or not") {
  for (const auto* name :
       {"archive_command", "Archive_Command", " shared_preload_libraries", "session_preload_libraries", "pgaudit.log",
        "log_statement", "hba_file", "primary_conninfo", "fsync", "archive_library"}) {
    for (const auto action : {ActionClass::system_setting, ActionClass::role_setting, ActionClass::table_setting}) {
      auto change = proposal(action);
      std::get<SettingChange>(change.detail).name = name;
      INFO(name);
      const auto config = policy_of(action, PolicyMode::automatic);
      check(decide(change, Risk::low, config, primary(), kNoon), DecisionKind::refused, "setting deny list", "none");
      check(policy::decide_approved(change, config, primary(), kNoon, kNoon), DecisionKind::refused,
            "setting deny list", "none");
    }
  }
  for (const auto* name : {"work_mem", "max_wal_size", "autovacuum_vacuum_scale_factor", "catalog_x", "jit"})
    CHECK_FALSE(policy::is_denied_setting(name));
}

TEST_CASE("a plan whose parts contradict each other is refused") {
  auto change = proposal(ActionClass::analyze);
  change.detail = SettingChange{"archive_command", "", "", "", "", "", std::nullopt};
  check(decide(change, Risk::low, ruled(), primary(), kNoon), DecisionKind::refused, "plan", "none");
  change = proposal(ActionClass::analyze);
  change.kind = ChangeKind::index;
  check(decide(change, Risk::low, ruled(), primary(), kNoon), DecisionKind::refused, "plan", "none");
  change = proposal(ActionClass::analyze);
  change.sql_up.clear();
  check(decide(change, Risk::low, ruled(), primary(), kNoon), DecisionKind::refused, "plan", "none");
}

TEST_CASE("a cost that is not a cost needs a person") {
  for (const double seconds : {-1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    auto change = proposal(ActionClass::analyze);
    change.cost.seconds = seconds;
    check(decide(change, Risk::low, ruled(), primary(), kNoon), DecisionKind::needs_approval, "cost estimate", "none");
  }
}

TEST_CASE("a closed window makes an automatic change wait for its next opening") {
  auto config = ruled();
  config.rules[0].window = "night";
  config.windows = {{"night", "Europe/Berlin", {}, 120, 270}};
  const auto change = proposal(ActionClass::analyze);
  check(decide(change, Risk::low, config, primary(), kNoon), DecisionKind::automatic, "window night",
        "2026-03-05T01:00:00Z");
  check(decide(change, Risk::low, config, primary(), at("2026-03-05T01:00:00Z")), DecisionKind::automatic, "rule r",
        "none");
  check(decide(change, Risk::low, config, primary(), at("2026-03-05T03:30:00Z")), DecisionKind::automatic,
        "window night", "2026-03-06T01:00:00Z");
}

TEST_CASE("a change that would run past the end of the window waits for the next one, or needs a person") {
  auto config = ruled();
  config.rules[0].window = "night";
  config.windows = {{"night", "UTC", {}, 60, 120}};
  auto change = proposal(ActionClass::analyze);
  change.cost.seconds = 600;
  check(decide(change, Risk::low, config, primary(), at("2026-03-05T01:50:00Z")), DecisionKind::automatic, "rule r",
        "none");
  check(decide(change, Risk::low, config, primary(), at("2026-03-05T01:50:01Z")), DecisionKind::automatic,
        "window night", "2026-03-06T01:00:00Z");
  change.cost.seconds = 3601;
  check(decide(change, Risk::low, config, primary(), kNoon), DecisionKind::needs_approval, "window night", "none");
}

TEST_CASE("a window that is not defined, or whose zone is unknown, needs a person") {
  auto config = ruled();
  config.rules[0].window = "night";
  check(decide(proposal(ActionClass::analyze), Risk::low, config, primary(), kNoon), DecisionKind::needs_approval,
        "window night", "none");
  config.windows = {{"night", "Mars/Olympus", {}, 0, 1440}};
  check(decide(proposal(ActionClass::analyze), Risk::low, config, primary(), kNoon), DecisionKind::needs_approval,
        "window night", "none");
}

TEST_CASE("windows, budgets and cool-downs bind only what runs by itself") {
  auto config = ruled();
  config.rules[0].mode = PolicyMode::approve;
  config.rules[0].window = "night";
  config.windows = {{"night", "UTC", {}, 60, 120}};
  config.rules[0].budget.changes = 0;
  config.cool_down = kDay;
  auto past = primary();
  const auto change = proposal(ActionClass::analyze);
  past.changes = {past_change(change, kNoon, "r")};
  past.in_flight = {"shop"};
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::needs_approval, "rule r", "none");
}

TEST_CASE("each part of a budget counts with this change's estimate, per UTC day") {
  struct Row {
    PolicyBudget budget;
    std::string limit, not_before;
  };
  // Two changes of 1 MB and 10 s are spent today, one yesterday; this one is alike.
  const double inf = 1e9;
  const std::vector<Row> table{
      {{3, std::nullopt, std::nullopt}, "rule r", "none"},
      {{2, std::nullopt, std::nullopt}, "budget changes", "2026-03-05T00:00:00Z"},
      {{std::nullopt, 3 << 20, std::nullopt}, "rule r", "none"},
      {{std::nullopt, (3 << 20) - 1, std::nullopt}, "budget bytes", "2026-03-05T00:00:00Z"},
      {{std::nullopt, std::nullopt, 30.0}, "rule r", "none"},
      {{std::nullopt, std::nullopt, 29.9}, "budget seconds", "2026-03-05T00:00:00Z"},
      {{3, 3 << 20, inf}, "rule r", "none"},
      {{3, (3 << 20) - 1, 1.0}, "budget bytes", "2026-03-05T00:00:00Z"},
  };
  const auto change = proposal(ActionClass::analyze);
  auto past = primary();
  past.changes = {past_change(change, at("2026-03-03T23:59:59Z"), "r"),
                  past_change(change, at("2026-03-04T00:00:00Z"), "r"),
                  past_change(change, at("2026-03-04T09:00:00Z"), "r"), past_change(change, kNoon, "another rule")};
  for (const bool by_default : {false, true}) {
    for (const auto& row : table) {
      auto config = ruled();
      (by_default ? config.default_budget : config.rules[0].budget) = row.budget;
      check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, row.limit, row.not_before);
    }
  }
}

TEST_CASE("a rule's own budget replaces the default one part by part") {
  auto config = ruled();
  config.default_budget = {0, 1 << 20, std::nullopt};
  config.rules[0].budget.changes = 5;
  auto change = proposal(ActionClass::analyze);
  check(decide(change, Risk::low, config, primary(), kNoon), DecisionKind::automatic, "rule r", "none");
  change.cost.bytes = (1 << 20) + 1;
  check(decide(change, Risk::low, config, primary(), kNoon), DecisionKind::needs_approval, "budget bytes", "none");
}

TEST_CASE("a change larger than the whole budget needs a person, because waiting never helps") {
  auto config = ruled();
  config.rules[0].budget.seconds = 9.5;
  check(decide(proposal(ActionClass::analyze), Risk::low, config, primary(), kNoon), DecisionKind::needs_approval,
        "budget seconds", "none");
}

TEST_CASE("a budget is counted per occurrence of the window, across midnight") {
  auto config = ruled();
  config.rules[0].window = "night";
  config.rules[0].budget.changes = 1;
  config.windows = {{"night", "UTC", {}, 22 * 60, 2 * 60}};
  const auto change = proposal(ActionClass::analyze);
  auto past = primary();
  past.changes = {past_change(change, at("2026-03-03T22:30:00Z"), "r")};
  check(decide(change, Risk::low, config, past, at("2026-03-04T01:00:00Z")), DecisionKind::automatic, "budget changes",
        "2026-03-04T22:00:00Z");
  check(decide(change, Risk::low, config, past, at("2026-03-04T22:00:00Z")), DecisionKind::automatic, "rule r", "none");
}

TEST_CASE("a class default counts its own class only") {
  PolicyConfig config = policy_of(ActionClass::analyze, PolicyMode::automatic);
  config.default_budget.changes = 1;
  const auto change = proposal(ActionClass::analyze);
  auto other = proposal(ActionClass::vacuum);
  auto past = primary();
  past.changes = {past_change(other, kNoon - kHour)};
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "action_class analyze", "none");
  past.changes.push_back(past_change(change, kNoon - kHour));
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "budget changes",
        "2026-03-05T00:00:00Z");
}

TEST_CASE("an object rests after any change of it, as long as the rule or the policy says") {
  auto config = ruled();
  config.cool_down = kHour;
  const auto change = proposal(ActionClass::analyze);
  auto elsewhere = change;
  elsewhere.object = "public.items";
  auto past = primary();
  past.changes = {past_change(elsewhere, kNoon), past_change(proposal(ActionClass::vacuum), kNoon - kHour / 2, "r")};
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "cool_down", "2026-03-04T12:30:00Z");
  check(decide(change, Risk::low, config, past, kNoon + kHour / 2), DecisionKind::automatic, "rule r", "none");
  config.rules[0].cool_down = 2 * kHour;
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "cool_down", "2026-03-04T13:30:00Z");
  elsewhere = change;
  elsewhere.database = "crm";
  check(decide(elsewhere, Risk::low, config, past, kNoon), DecisionKind::automatic, "rule r", "none");
}

TEST_CASE("without a rest nothing rests, also after the clock went back") {
  auto config = ruled();
  const auto change = proposal(ActionClass::analyze);
  auto past = primary();
  past.changes = {past_change(change, kNoon + kHour, "r")};
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "rule r", "none");
  config.cool_down_after_undo = Millis(0);
  past.changes[0].undone = true;
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "rule r", "none");
  config.cool_down = kHour;
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "cool_down", "2026-03-04T14:00:00Z");
}

TEST_CASE("a rest that ends outside the window ends at its next opening") {
  auto config = ruled();
  config.rules[0].window = "night";
  config.windows = {{"night", "UTC", {}, 60, 120}};
  config.cool_down = kHour;
  const auto change = proposal(ActionClass::analyze);
  auto past = primary();
  past.changes = {past_change(change, at("2026-03-04T01:10:00Z"), "r")};
  check(decide(change, Risk::low, config, past, at("2026-03-04T01:20:00Z")), DecisionKind::automatic, "cool_down",
        "2026-03-05T01:00:00Z");
}

TEST_CASE("what was undone is not proposed again for a time that doubles with each undo") {
  for (const auto mode : {PolicyMode::approve, PolicyMode::automatic}) {
    auto config = policy_of(ActionClass::create_index, mode);
    config.cool_down_after_undo = 7 * kDay;
    const auto change = proposal(ActionClass::create_index);
    auto past = primary();
    past.changes = {past_change(change, kNoon - 60 * kDay, "", true)};
    CHECK(decide(change, Risk::low, config, past, kNoon).limit == "action_class create_index");
    past.changes = {past_change(change, kNoon - 6 * kDay, "", true)};
    check(decide(change, Risk::low, config, past, kNoon), DecisionKind::recommend, "cool_down after undo",
          "2026-03-05T12:00:00Z");
    past.changes.insert(past.changes.begin(), past_change(change, kNoon - 40 * kDay, "", true));
    check(decide(change, Risk::low, config, past, kNoon), DecisionKind::recommend, "cool_down after undo",
          "2026-03-12T12:00:00Z");
    past.changes.insert(past.changes.begin(), past_change(change, kNoon - 90 * kDay, "", true));
    check(decide(change, Risk::low, config, past, kNoon), DecisionKind::recommend, "cool_down after undo",
          "2026-03-26T12:00:00Z");
    auto other = change;
    other.object = "public.items";
    CHECK(decide(other, Risk::low, config, past, kNoon).limit == "action_class create_index");
    // An undone index says nothing against another kind of change of the same table.
    CHECK(decide(proposal(ActionClass::analyze), Risk::low, ruled(), past, kNoon).limit == "rule r");
    CHECK(policy::decide_approved(change, config, past, kNoon, kNoon).limit == "approval");
  }
}

TEST_CASE("a hundred undos do not overflow the rest") {
  auto config = policy_of(ActionClass::create_index, PolicyMode::approve);
  const auto change = proposal(ActionClass::create_index);
  auto past = primary();
  for (int i = 0; i < 100; ++i) past.changes.push_back(past_change(change, kNoon, "", true));
  const auto decision = decide(change, Risk::low, config, past, kNoon);
  CHECK(decision.limit == "cool_down after undo");
  REQUIRE(decision.not_before);
  CHECK(*decision.not_before > kNoon + 365 * kDay);
}

TEST_CASE("two undone changes of a class within a month take its autonomy away") {
  auto config = policy_of(ActionClass::create_index, PolicyMode::automatic);
  auto one = proposal(ActionClass::create_index), two = one;
  one.object = "public.a";
  two.object = "public.b";
  auto past = primary();
  past.changes = {past_change(one, kNoon - 29 * kDay, "", true), past_change(two, kNoon - kDay, "", true)};
  const auto change = proposal(ActionClass::create_index);
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::needs_approval, "undo count", "none");
  past.changes[0].at = kNoon - 30 * kDay;
  check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, "action_class create_index", "none");
}

TEST_CASE("one change in flight for each database, and none beside one of the whole instance") {
  struct Row {
    ActionClass action;
    std::string database;
    std::vector<std::string> in_flight;
    bool waits;
  };
  using A = ActionClass;
  const std::vector<Row> table{
      {A::analyze, "shop", {}, false},           {A::analyze, "shop", {"shop"}, true},
      {A::analyze, "shop", {"crm"}, false},      {A::analyze, "shop", {"crm", "shop"}, true},
      {A::analyze, "shop", {""}, true},          {A::system_setting, "", {}, false},
      {A::system_setting, "", {"crm"}, true},    {A::system_setting, "shop", {"crm"}, true},
      {A::role_setting, "", {"crm"}, true},      {A::role_setting, "shop", {"crm"}, false},
      {A::create_index, "shop", {"crm"}, false}, {A::create_index, "shop", {"", "crm"}, true},
  };
  for (const auto& row : table) {
    auto change = proposal(row.action);
    change.database = row.database;
    auto past = primary();
    past.in_flight = row.in_flight;
    const auto config = policy_of(row.action, PolicyMode::automatic);
    INFO(to_string(row.action) << " on '" << row.database << "'");
    const std::string until = row.waits ? "2026-03-04T12:01:00Z" : "none";
    const std::string limit = row.waits ? "in flight" : "action_class " + std::string(to_string(row.action));
    check(decide(change, Risk::low, config, past, kNoon), DecisionKind::automatic, limit, until);
    check(policy::decide_approved(change, config, past, kNoon, kNoon), DecisionKind::automatic,
          row.waits ? "in flight" : "approval", until);
  }
}

TEST_CASE("what policy never allows or only recommends no approval brings about") {
  const auto change = proposal(ActionClass::drop_index);
  auto config = policy_of(ActionClass::drop_index, PolicyMode::recommend);
  CHECK(policy::decide_approved(change, config, primary(), kNoon, kNoon).kind == DecisionKind::recommend);
  config = policy_of(ActionClass::drop_index, PolicyMode::never);
  CHECK(policy::decide_approved(change, config, primary(), kNoon, kNoon).kind == DecisionKind::refused);
  config = policy_of(ActionClass::drop_index, PolicyMode::approve);
  CHECK(policy::decide_approved(change, config, primary(), kNoon, kNoon).kind == DecisionKind::automatic);
}

TEST_CASE("an approval holds for its time only") {
  auto config = policy_of(ActionClass::create_index, PolicyMode::approve);
  config.approval_ttl = kDay;
  const auto change = proposal(ActionClass::create_index);
  using policy::decide_approved;
  CHECK(decide_approved(change, config, primary(), kNoon - kDay + Millis(1), kNoon).limit == "approval");
  check(decide_approved(change, config, primary(), kNoon - kDay, kNoon), DecisionKind::refused, "approval_ttl", "none");
  check(decide_approved(change, config, primary(), std::nullopt, kNoon), DecisionKind::refused, "approval_ttl", "none");
}

TEST_CASE("who froze is named") {
  auto past = primary();
  past.frozen = true;
  past.frozen_by = "the file /run/pgtend/freeze";
  const auto decision = decide(proposal(ActionClass::analyze), Risk::low, ruled(), past, kNoon);
  CHECK(decision.reason == "Changes are frozen by the file /run/pgtend/freeze.");
}
