#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/change/verify/judge.hpp"
#include "agent/model/history.hpp"

namespace pgtend::change {

struct StatementTotals {
  StatementCounts counts;
  std::vector<std::string> users;
};

// What each statement of a database did in a range, summed over users. Differences never cross an epoch start or a gap.
// Errors: the reader's.
[[nodiscard]] Result<std::map<std::int64_t, StatementTotals>> statement_totals(HistoryReader& reader,
                                                                               const std::string& database,
                                                                               TimeRange range, Millis window);

// The same as windows of equal length from `range.from`, for these statements only, with the squares of their times;
// windows without any call are left out. Where counters of a statement were reset, fell or may have been thrown out,
// what it did is left out; a target of weight costs the window, which is marked. Errors: the reader's.
[[nodiscard]] Result<std::vector<StatementWindow>> statement_windows(HistoryReader& reader, const std::string& database,
                                                                     const StatementSets& sets, TimeRange range,
                                                                     Millis window);

// The label queryid; nullopt when it is no number.
[[nodiscard]] std::optional<std::int64_t> statement_id(const Labels& labels);

// Inside change/verify: of one answer of the reader, and the gap over which a difference would smear one side into the
// other (or three windows, if that is longer).
inline constexpr std::size_t kMaxSamples = 2'000'000;
inline constexpr Millis kLongestGap{30'000};

// What is known to choose by; texts are normalised ones and stay here.
struct Candidates {
  std::map<std::int64_t, StatementTotals> totals;
  std::map<std::int64_t, std::string> texts;
  std::vector<std::int64_t> named;     // by the plan of the change
  std::vector<std::int64_t> touching;  // from parse trees
  // Of those that the server explained: whether the change touches what it would read or write, or how it would. It
  // goes before trees and texts, which see neither through a view nor which of two tables of a name is meant.
  std::map<std::int64_t, bool> by_plan = {};
  std::vector<std::string> target_tables;  // "schema.name"
  std::string role;                        // of a role setting: its statements are the targets; empty otherwise
};

// Of a normalised text: it is no utility command, which has no plan.
[[nodiscard]] bool has_plan(const std::string& text);

// Targets: what touches the tables or was named by the plan. Controls: the heaviest other statements.
[[nodiscard]] StatementSets choose_sets(const Candidates& candidates);

// JSON for the ledger: per set the calls, buffers, milliseconds and WAL bytes per call. Numbers only.
[[nodiscard]] std::string evidence_json(const std::vector<StatementWindow>& windows, const StatementSets& sets);

}  // namespace pgtend::change
