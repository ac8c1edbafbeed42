#include <array>
#include <sstream>

#include "agent/base/strings.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/policy/proposals.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Every combination of these must match exactly one row. `*` any, `a|b` either, `!a|b` neither; limit `@` stands for
// what decided the mode: the rule or the class.
//  ledger  role      freeze   source  action            mode       risk  down   kind            limit
constexpr std::string_view kTable = R"(
    lost    *         *        *       *                 *          *     *      recommend       ledger
    ok      standby   *        *       *                 *          *     *      refused         standby
    ok      unknown   *        *       *                 *          *     *      refused         role
    ok      primary   !none    *       *                 *          *     *      refused         freeze
    ok      primary   none     *       *                 never      *     *      refused         @
    ok      primary   none     *       *                 recommend  *     *      recommend       @
    ok      primary   none     *       *                 approve    *     *      needs_approval  @
    ok      primary   none     *       create_index|drop_index|reindex|table_setting|role_setting|system_setting|restart_setting|database_setting|column_setting|create_statistics|drop_statistics|create_partition|drain_default|pgbouncer_setting  auto  *      no   needs_approval  no_way_back
    ok      primary   none     *       refresh_matview|analyze|vacuum                                               auto  high   no   needs_approval  risk_high
    ok      primary   none     *       refresh_matview|analyze|vacuum                                               auto  !high  no   automatic       @
    ok      primary   none     *       cancel_session|terminate_session|row_security|detach_partition|drop_partition  auto  *  *  needs_approval  approval_only
    ok      primary   none     *       !cancel_session|terminate_session|row_security|detach_partition|drop_partition  auto  high  yes  needs_approval  risk_high
    ok      primary   none     *       restart_setting   auto       !high yes    needs_approval  restart
    ok      primary   none     *       !restart_setting|cancel_session|terminate_session|row_security|detach_partition|drop_partition  auto  !high  yes  automatic  @
)";

using Words = std::array<std::string, 10>;

std::vector<Words> rows() {
  std::vector<Words> out;
  std::istringstream lines{std::string(kTable)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Words row;
    std::size_t n = 0;
    for (std::string word; words >> word; ++n) row.at(n) = word;
    if (n == 0) continue;
    REQUIRE(n == row.size());
    out.push_back(row);
  }
  return out;
}

bool fits(const std::string& pattern, const std::string& word) {
  if (pattern == "*") return true;
  const bool negated = pattern.front() == '!';
  for (const auto& each : split(negated ? pattern.substr(1) : pattern, '|'))
    if (each == word) return !negated;
  return negated;
}

struct Combination {
  std::array<std::string, 8> words;  // the first eight columns
  ProposedChange change;
  Risk risk = Risk::low;
  PolicyConfig config;
  PolicyPast past;
};

Combination combine(const std::array<std::string, 8>& words) {
  Combination out;
  out.words = words;
  out.past = trusted();
  out.past.ledger_writable = words[0] == "ok";
  out.past.role = words[1] == "primary"   ? ServerRole::primary
                  : words[1] == "standby" ? ServerRole::standby
                                          : ServerRole::unknown;
  out.past.frozen = words[2] == "switch";
  out.config.frozen = words[2] == "file";
  const auto action = parse_action_class(words[4]).value();
  const auto mode = parse_policy_mode(words[5]).value();
  out.change = proposal(action);
  if (words[3] == "rule") {
    PolicyRule rule;
    rule.name = "r";
    rule.actions = {action};
    rule.mode = mode;
    out.config.rules.push_back(rule);
    // The class default must not be looked at once a rule matched.
    out.config.defaults[action] = mode == PolicyMode::never ? PolicyMode::automatic : PolicyMode::never;
  } else {
    out.config.defaults[action] = mode;
  }
  out.risk = words[6] == "high" ? Risk::high : words[6] == "medium" ? Risk::medium : Risk::low;
  if (words[7] == "no") out.change.sql_down.clear();
  return out;
}

std::vector<Combination> all_combinations() {
  std::vector<std::string> actions;
  for (const auto action : all_action_classes()) actions.emplace_back(to_string(action));
  const std::array<std::vector<std::string>, 8> values{{{"ok", "lost"},
                                                        {"primary", "standby", "unknown"},
                                                        {"none", "switch", "file"},
                                                        {"rule", "class"},
                                                        actions,
                                                        {"never", "recommend", "approve", "auto"},
                                                        {"low", "medium", "high"},
                                                        {"yes", "no"}}};
  std::vector<Combination> out;
  std::array<std::size_t, 8> digits{};
  for (;;) {
    std::array<std::string, 8> words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = values[i][digits[i]];
    out.push_back(combine(words));
    std::size_t i = 0;
    while (i < digits.size() && ++digits[i] == values[i].size()) digits[i++] = 0;
    if (i == digits.size()) return out;
  }
}

}  // namespace

TEST_CASE("the decision table holds for every combination, and one row for each") {
  const auto table = rows();
  const auto combinations = all_combinations();
  REQUIRE(combinations.size() == 2 * 3 * 3 * 2 * 22 * 4 * 3 * 2);
  const UtcTime now = at("2026-03-04T12:00:00Z");
  std::vector<std::string> wrong;
  for (const auto& each : combinations) {
    std::string expected;
    int matching = 0;
    for (const auto& row : table) {
      bool matches = true;
      for (std::size_t i = 0; i < each.words.size(); ++i) matches = matches && fits(row[i], each.words[i]);
      if (!matches) continue;
      ++matching;
      std::string limit = row[9];
      for (char& c : limit)
        if (c == '_') c = ' ';
      if (limit == "@") limit = each.words[3] == "rule" ? "rule r" : "action_class " + each.words[4];
      expected = row[8] + " by " + limit;
    }
    const auto decision = policy::decide(each.change, each.risk, each.config, each.past, now);
    const std::string got = std::string(to_string(decision.kind)) + " by " + decision.limit;
    const bool has_sentence = decision.reason.size() > 10 && decision.reason.back() == '.';
    if (matching == 1 && got == expected && !decision.not_before && has_sentence) continue;
    wrong.push_back(join(each.words, " ") + ": " + std::to_string(matching) + " rows, got " + got + ", expected " +
                    expected);
  }
  INFO(join(wrong, "\n"));
  CHECK(wrong.empty());
}

TEST_CASE("an approved change is stopped by what no approval can lift, and by nothing else") {
  const UtcTime now = at("2026-03-04T12:00:00Z");
  std::size_t let_through = 0;
  for (const auto& each : all_combinations()) {
    const auto& [ledger, role, freeze, source, action, mode, risk, down] = each.words;
    INFO(join(each.words, " "));
    const bool here = ledger == "ok" && role == "primary" && freeze == "none";
    const bool may = here && mode != "never" && mode != "recommend";
    const auto stopped = here && mode == "recommend" ? DecisionKind::recommend : DecisionKind::refused;
    const auto decision = policy::decide_approved(each.change, each.config, each.past, now, now);
    CHECK(decision.kind == (may ? DecisionKind::automatic : stopped));
    CHECK_FALSE(decision.not_before);
    let_through += may ? 1 : 0;
  }
  CHECK(let_through == 2 * 22 * 2 * 3 * 2);
}
