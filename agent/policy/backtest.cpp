#include "agent/policy/backtest.hpp"

#include <algorithm>
#include <map>
#include <queue>
#include <tuple>

#include "agent/policy/limits.hpp"
#include "agent/policy/trust.hpp"

namespace pgtend::policy {

namespace {

// A change that policy holds back again and again is asked this often at most: a year of days.
constexpr int kMostQuestions = 400;

struct Question {
  UtcTime at;
  std::size_t row;
};
struct Later {
  bool operator()(const Question& a, const Question& b) const { return a.at != b.at ? a.at > b.at : a.row > b.row; }
};

// A change that would be running or observed.
struct Flight {
  std::string database;
  UtcTime until;
  std::size_t row;
  std::size_t entry;  // of past.changes
};

class Replay {
 public:
  Replay(const std::vector<PastProposal>& proposals, const PolicyConfig& config, UtcTime to, Millis observing)
      : config_(config), to_(to), observing_(observing) {
    past_.role = ServerRole::primary;
    for (const auto& proposal : proposals) {
      PolicyBacktestRow row;
      row.past = proposal;
      row.rule = rule_for(proposal.change, config);
      row.cost = proposal.spent.value_or(proposal.change.cost);
      rows_.push_back(std::move(row));
    }
    asked_.resize(rows_.size(), 0);
  }

  std::vector<PolicyBacktestRow> run() {
    for (std::size_t i = 0; i < rows_.size(); ++i) questions_.push({rows_[i].past.opened_at, i});
    while (!questions_.empty()) {
      const Question next = questions_.top();
      questions_.pop();
      land(next.at);
      ask(next);
    }
    return std::move(rows_);
  }

 private:
  // What has ended by then is in the past: it frees its database, and its verdict counts.
  void land(UtcTime now) {
    std::erase_if(flights_, [&](const Flight& flight) {
      if (flight.until > now) return false;
      const auto& past = rows_[flight.row].past;
      past_.changes[flight.entry].undone = past.undone;
      if (past.undone) past_.changes[flight.entry].at = flight.until;
      return true;
    });
    past_.in_flight.clear();
    for (const auto& flight : flights_) past_.in_flight.push_back(flight.database);
    past_.records.clear();
    for (const auto& row : rows_)
      if (row.past.verdict && row.past.verdict_at && *row.past.verdict_at <= now)
        count_verdict(past_.records[row.past.change.action], row.past.change.action, *row.past.verdict,
                      row.past.undone);
  }

  void ask(const Question& question) {
    auto& row = rows_[question.row];
    const auto& change = row.past.change;
    // The same thing proposed again takes the place of what still waits.
    auto& newest = newest_[{change.action, change.database, change.object}];
    if (question.row < newest) return;
    newest = question.row;
    const UtcTime ends = std::min(row.past.closed_at.value_or(to_), to_);
    row.decision = decide(row.past.change, row.past.risk, config_, past_, question.at);
    if (row.decision.kind == DecisionKind::automatic && !row.decision.not_before) return start(question);
    auto again = row.decision.not_before;
    if (row.decision.limit == "in flight") again = first_landing();
    if (row.decision.limit == "track record") again = next_verdict(question.at);
    if (!again || *again > ends || ++asked_[question.row] > kMostQuestions) return;
    questions_.push({std::max(*again, question.at + Millis(1)), question.row});
  }

  void start(const Question& question) {
    auto& row = rows_[question.row];
    const auto& change = row.past.change;
    row.ran_at = question.at;
    past_.changes.push_back({change.action, change.database, change.object, row.rule, question.at, false, row.cost});
    const bool measured = needs_record(change.action);
    const auto runs = Millis(static_cast<std::int64_t>(std::clamp(row.cost.seconds, 0.0, 1e9) * 1000));
    const bool instance = change.action == ActionClass::system_setting || change.action == ActionClass::restart_setting;
    flights_.push_back({instance ? std::string() : change.database,
                        question.at + runs + (measured ? observing_ : Millis(0)), question.row,
                        past_.changes.size() - 1});
  }

  [[nodiscard]] std::optional<UtcTime> first_landing() const {
    std::optional<UtcTime> out;
    for (const auto& flight : flights_)
      if (!out || flight.until < *out) out = flight.until;
    return out;
  }

  [[nodiscard]] std::optional<UtcTime> next_verdict(UtcTime now) const {
    std::optional<UtcTime> out;
    for (const auto& row : rows_)
      if (row.past.verdict_at && *row.past.verdict_at > now && (!out || *row.past.verdict_at < *out))
        out = row.past.verdict_at;
    return out;
  }

  const PolicyConfig& config_;
  UtcTime to_;
  Millis observing_;
  PolicyPast past_;
  std::vector<PolicyBacktestRow> rows_;
  std::vector<int> asked_;
  std::map<std::tuple<ActionClass, std::string, std::string>, std::size_t> newest_;
  std::vector<Flight> flights_;
  std::priority_queue<Question, std::vector<Question>, Later> questions_;
};

void add_to(PolicyBacktestClass& sum, const PolicyBacktestRow& row) {
  sum.action = row.past.change.action;
  ++sum.proposed;
  if (row.ran_at) {
    ++sum.ran;
    sum.undone += row.past.undone ? 1 : 0;
    sum.cost.bytes += row.cost.bytes;
    sum.cost.seconds += row.cost.seconds;
    sum.cost.wal_bytes += row.cost.wal_bytes;
  } else if (row.decision.kind == DecisionKind::refused) {
    ++sum.refused;
  } else if (row.decision.kind == DecisionKind::recommend) {
    ++sum.recommended;
  } else if (row.decision.kind == DecisionKind::automatic) {
    ++sum.waited;
  } else {
    ++sum.asked;
  }
}

}  // namespace

PolicyBacktest backtest(const std::vector<PastProposal>& proposals, const PolicyConfig& config, UtcTime from,
                        UtcTime to, Millis observing) {
  PolicyBacktest out;
  out.from = from;
  out.to = to;
  out.rows = Replay(proposals, config, to, observing).run();
  // What was known before is only there for its verdicts.
  std::erase_if(out.rows, [&](const auto& row) { return row.past.opened_at < from; });
  std::map<ActionClass, PolicyBacktestClass> classes;
  for (const auto& row : out.rows) add_to(classes[row.past.change.action], row);
  for (const auto& [action, sum] : classes) {
    out.classes.push_back(sum);
    out.undone += sum.undone;
  }
  return out;
}

}  // namespace pgtend::policy
