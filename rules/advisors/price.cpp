#include "rules/advisors/price.hpp"

#include <algorithm>
#include <cmath>

#include "rules/advisors/index_size.hpp"

namespace pgtend::advisors {

namespace {

// Source: PostgreSQL's cost.h (seq_page_cost 1, random_page_cost 4, cpu_tuple_cost 0.01) and selfuncs.h
// (DEFAULT_INEQ_SEL 0.3333); a LIMIT without a known number counts as 10 % of the rows in a generic plan.
constexpr double kSeqPage = 1, kRandomPage = 4, kCpuTuple = 0.01;
constexpr double kRangeSelectivity = 0.3333, kLimitShare = 0.1;
// A statement whose calls outnumber the table's sequential scans this much finds its rows some other way.
constexpr double kSeqScansPerCall = 0.5;

const StatementDelta* find(const std::vector<StatementDelta>& deltas, std::int64_t query_id) {
  const auto it = std::find_if(deltas.begin(), deltas.end(),
                               [&](const StatementDelta& delta) { return delta.query_id == query_id; });
  return it == deltas.end() ? nullptr : &*it;
}

double scan_cost(const TableFact& table) {
  return std::max(1.0, kSeqPage * static_cast<double>(table.relpages) + kCpuTuple * table_rows(table));
}

double index_cost(const TableFact& table, const IndexCandidate& candidate) {
  const bool by_limit = candidate.reason.find("LIMIT") != std::string::npos;
  double selectivity = 1;
  for (std::size_t i = 0; i < candidate.columns.size(); ++i) {
    const bool last = i + 1 == candidate.columns.size();
    if (candidate.by_range && last) {
      selectivity *= by_limit ? kLimitShare : kRangeSelectivity;
    } else {
      selectivity /= distinct_values(table, candidate.columns[i]);
    }
  }
  const double rows = std::max(1.0, table_rows(table) * selectivity);
  const ColumnFact* first = find_column(table, candidate.columns.front());
  const double order = first != nullptr && first->correlation ? std::abs(*first->correlation) : 0;
  const double pages = std::min(static_cast<double>(table.relpages), rows);
  const double per_page = kRandomPage + order * order * (kSeqPage - kRandomPage);
  return 2 * kRandomPage + pages * per_page + rows * 2 * kCpuTuple;
}

}  // namespace

std::vector<Priced> price_by_answers(const IndexQuestions& questions, const std::vector<WhatIfAnswer>& answers,
                                     const std::vector<StatementDelta>& deltas) {
  std::vector<Priced> out;
  for (const auto& question : questions.questions) {
    const auto answer = std::find_if(answers.begin(), answers.end(),
                                     [&](const WhatIfAnswer& a) { return a.query_id == question.query_id; });
    const StatementDelta* delta = find(deltas, question.query_id);
    if (answer == answers.end() || !answer->error.empty() || answer->cost_before <= 0 || delta == nullptr) continue;
    Priced priced;
    priced.query_id = question.query_id;
    priced.exec_ms = delta->exec_ms;
    priced.calls = delta->calls;
    priced.cost_before = answer->cost_before;
    for (std::size_t i = 0; i < question.candidates.size() && i < answer->cost_with.size(); ++i) {
      const bool used = i < answer->used.size() && answer->used[i];
      // A plan that ignores the index costs what it did; a difference then is noise of the estimate.
      priced.ratio[question.candidates[i]] = used ? answer->cost_with[i] / answer->cost_before : 1;
      if (used) priced.used_by.insert(question.candidates[i]);
    }
    out.push_back(std::move(priced));
  }
  return out;
}

std::vector<Priced> price_by_statistics(const IndexQuestions& questions, const DatabaseFacts& before,
                                        const DatabaseFacts& now, const std::vector<StatementDelta>& deltas) {
  std::vector<Priced> out;
  for (const auto& delta : deltas) {
    Priced priced;
    priced.query_id = delta.query_id;
    priced.exec_ms = delta.exec_ms;
    priced.calls = delta.calls;
    double all_pages = 0;
    for (const auto& [oid, writes] : questions.writes) {
      const TableFact* table = now.table(oid);
      if (table == nullptr || !writes.statements.contains(delta.query_id)) continue;
      all_pages += scan_cost(*table);
    }
    for (std::size_t i = 0; i < questions.candidates.size(); ++i) {
      const auto& candidate = questions.candidates[i];
      const TableFact* table = now.table(candidate.table_oid);
      if (!candidate.wanted_by.contains(delta.query_id) || table == nullptr) continue;
      if (table_delta(before, now, *table).seq_scans < kSeqScansPerCall * delta.calls) continue;
      const double scan = scan_cost(*table), with = index_cost(*table, candidate);
      if (with >= scan) continue;
      // The rest of a join stays as it is.
      const double part = all_pages > 0 ? std::min(1.0, scan / all_pages) : 1;
      priced.cost_before = std::max(priced.cost_before, all_pages);
      priced.ratio[i] = 1 - part * (1 - with / scan);
      priced.used_by.insert(i);
    }
    if (!priced.ratio.empty()) out.push_back(std::move(priced));
  }
  return out;
}

}  // namespace pgtend::advisors
