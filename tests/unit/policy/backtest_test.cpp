#include "agent/policy/backtest.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/policy/proposals.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr Millis kHour{3'600'000}, kDay{24LL * 3'600'000};
const UtcTime kFrom = at("2026-03-01T00:00:00Z"), kTo = at("2026-03-08T00:00:00Z");

PastProposal proposed(ActionClass action, const std::string& object, UtcTime when) {
  PastProposal out;
  out.id = object + "@" + to_rfc3339(when);
  out.change = proposal(action);
  out.change.object = object;
  out.risk = Risk::low;
  out.opened_at = when;
  out.became = "kept";
  return out;
}

PastProposal judged(UtcTime when, VerdictKind verdict, bool undone) {
  auto out = proposed(ActionClass::create_index, "public.t" + std::to_string(to_ms(when)), when);
  out.verdict = verdict;
  out.verdict_at = when + kHour;
  out.undone = undone;
  out.became = undone ? "reverted" : "kept";
  return out;
}

PolicyBacktest replay(const std::vector<PastProposal>& proposals, const PolicyConfig& config) {
  return policy::backtest(proposals, config, kFrom, kTo, kHour);
}

std::string runs_of(const PolicyBacktest& backtest) {
  std::string out;
  for (const auto& row : backtest.rows)
    out += (row.ran_at ? to_rfc3339(*row.ran_at).substr(5, 11) : row.decision.limit) + ", ";
  return out;
}

}  // namespace

TEST_CASE("a replay keeps to windows, budgets, cool-downs and one change in flight") {
  auto config = policy_of(ActionClass::analyze, PolicyMode::automatic);
  std::vector<PastProposal> two{proposed(ActionClass::analyze, "public.a", kFrom + kHour),
                                proposed(ActionClass::analyze, "public.a", kFrom + 2 * kHour)};
  CHECK(runs_of(replay(two, config)) == "03-01T01:00, 03-01T02:00, ");
  config.cool_down = 3 * kHour;
  CHECK(runs_of(replay(two, config)) == "03-01T01:00, 03-01T04:00, ");
  config.cool_down = Millis(0);
  config.default_budget.changes = 1;
  CHECK(runs_of(replay(two, config)) == "03-01T01:00, 03-02T00:00, ");
  config.default_budget.changes = 0;
  auto report = replay(two, config);
  CHECK(runs_of(report) == "budget changes, budget changes, ");
  CHECK(report.classes.at(0).asked == 2);
  config.default_budget.changes.reset();
  // 10 s each: the second of the same minute waits for the first.
  two[1] = proposed(ActionClass::analyze, "public.b", two[0].opened_at + Millis(1000));
  report = replay(two, config);
  CHECK(to_rfc3339(*report.rows[1].ran_at) == "2026-03-01T01:00:10Z");
  CHECK(report.classes.at(0).cost.seconds == 20);
}

TEST_CASE("what was over before policy let it run did not run") {
  auto config = policy_of(ActionClass::analyze, PolicyMode::automatic);
  config.windows.push_back({"night", "UTC", {}, 120, 180});
  PolicyRule rule;
  rule.name = "nightly";
  rule.mode = PolicyMode::automatic;
  rule.window = "night";
  config.rules.push_back(rule);
  auto open = proposed(ActionClass::analyze, "public.a", kFrom + 12 * kHour);
  auto over = proposed(ActionClass::analyze, "public.b", kFrom + 13 * kHour);
  over.closed_at = kFrom + 14 * kHour;
  const auto report = replay({open, over}, config);
  CHECK(runs_of(report) == "03-02T02:00, window night, ");
  CHECK(report.classes.at(0).waited == 1);
  CHECK(report.rows[0].rule == "nightly");
}

TEST_CASE("the same thing proposed again takes the place of what still waits") {
  auto config = policy_of(ActionClass::analyze, PolicyMode::automatic);
  config.cool_down = kDay;
  std::vector<PastProposal> many;
  for (int i = 0; i < 6; ++i) many.push_back(proposed(ActionClass::analyze, "public.a", kFrom + i * kHour));
  const auto report = replay(many, config);
  CHECK(runs_of(report) == "03-01T00:00, cool_down, cool_down, cool_down, cool_down, 03-02T00:00, ");
}

TEST_CASE("autonomy is bought in a replay as it is in truth, and what it would have harmed is counted") {
  auto config = policy_of(ActionClass::create_index, PolicyMode::automatic);
  config.cool_down_after_undo = Millis(0);
  std::vector<PastProposal> all;
  for (int i = 0; i < 12; ++i) all.push_back(judged(kFrom + i * 2 * kHour, VerdictKind::improved, false));
  all.push_back(judged(kFrom + 2 * kDay, VerdictKind::regressed, true));
  auto report = replay(all, config);
  // The first runs when the tenth verdict is in, at 19:00; those that waited for it go one after the other.
  REQUIRE(report.rows.size() == 13);
  CHECK(to_rfc3339(*report.rows[0].ran_at) == "2026-03-01T19:00:00Z");
  CHECK(report.classes.at(0).ran == 13);
  CHECK(report.undone == 1);
  config.trust.verdicts = 20;
  report = replay(all, config);
  CHECK(report.classes.at(0).asked == 13);
  CHECK(report.undone == 0);
}

TEST_CASE("an undone change rests for as long as policy says, and what came before only counts for the record") {
  auto config = policy_of(ActionClass::create_index, PolicyMode::automatic);
  config.trust.verdicts = 0;
  auto undone = judged(kFrom, VerdictKind::regressed, true);
  auto again = proposed(ActionClass::create_index, undone.change.object, kFrom + 3 * kHour);
  auto old = judged(kFrom - kDay, VerdictKind::improved, false);
  auto report = replay({old, undone, again}, config);
  REQUIRE(report.rows.size() == 2);
  // A week from the undo is behind the end of the replay.
  CHECK(runs_of(report) == "03-01T00:00, cool_down after undo, ");
  CHECK(report.classes.at(0).recommended == 1);
  config.cool_down_after_undo = kDay;
  CHECK(runs_of(replay({old, undone, again}, config)) == "03-01T00:00, 03-02T01:00, ");
}
