#include "rules/advisors/missing_index.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/advisors/candidates.hpp"
#include "rules/advisors/choose_indexes.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/index_size.hpp"
#include "rules/advisors/price.hpp"
#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

// Half-width of the effect's interval as a share of the saving. Source: priors of ours, wider where a generic plan
// guesses the selectivity of a range (reference tuning.md 2.5) and widest without any plan; the ledger's verdicts
// replace them.
constexpr double kEqualityDoubt = 0.25, kRangeDoubt = 0.5, kStatisticsDoubt = 0.75;
constexpr std::size_t kMaxTargets = 50;

struct Context {
  const DatabaseFacts& before;
  const DatabaseFacts& now;
  const IndexQuestions& questions;
  const std::vector<Priced>& priced;
  const std::vector<CandidatePrice>& prices;
  double minutes = 1, workload_ms = 0;
  bool by_plans = false;
};

const TableWrites& writes_of(const IndexQuestions& questions, Oid table) {
  static const TableWrites kNone;
  const auto it = questions.writes.find(table);
  return it == questions.writes.end() ? kNone : it->second;
}

std::size_t indexes_on(const DatabaseFacts& facts, Oid table) {
  return static_cast<std::size_t>(std::count_if(facts.indexes.begin(), facts.indexes.end(),
                                                [&](const IndexFact& index) { return index.table_oid == table; }));
}

struct Totals {
  double calls = 0, exec_ms = 0, saved_ms = 0, cost_before = 0, cost_after = 0;
  std::vector<std::int64_t> statements;
};

Totals totals_of(const Context& context, std::size_t candidate) {
  Totals out;
  for (const auto& priced : context.priced) {
    const auto it = priced.ratio.find(candidate);
    if (it == priced.ratio.end() || !priced.used_by.contains(candidate)) continue;
    out.calls += priced.calls;
    out.exec_ms += priced.exec_ms;
    out.saved_ms += priced.exec_ms * (1 - it->second);
    out.cost_before += priced.cost_before * priced.calls;
    out.cost_after += priced.cost_before * it->second * priced.calls;
    out.statements.push_back(priced.query_id);
  }
  return out;
}

std::vector<Evidence> evidence_of(const Context& context, const TableFact& table, const Totals& totals,
                                  const CandidatePrice& price) {
  const TableDelta delta = table_delta(context.before, context.now, table);
  std::vector<Evidence> out{
      {"calls", totals.calls / context.minutes, "1/min", "pg_stat_statements"},
      {"execution time", totals.exec_ms / context.minutes / 1000, "seconds/min", "pg_stat_statements"},
      {"share of execution time", context.workload_ms > 0 ? totals.exec_ms / context.workload_ms : 0, "ratio",
       "pg_stat_statements"},
      {"sequential scans", delta.seq_scans / context.minutes, "1/min", "pg_stat_user_tables"},
      {"rows of the table", table_rows(table), "rows", "pg_class"},
  };
  if (totals.calls > 0) {
    const std::string where = context.by_plans ? "EXPLAIN of the generic plan" : "estimated from statistics";
    out.push_back({"planner cost per call now", totals.cost_before / totals.calls, "cost units", where});
    out.push_back({"planner cost per call with the index", totals.cost_after / totals.calls, "cost units",
                   context.by_plans ? "the same with a hypothetical index (HypoPG)" : where});
  }
  out.push_back({"size of the index", static_cast<double>(price.bytes), "bytes", "size model with deduplication"});
  out.push_back({"cost of writes", price.penalty.ms / context.minutes, "ms/min", "inserts and updates of the window"});
  out.push_back(
      {"HOT updates lost", price.penalty.hot_lost / context.minutes, "1/min", join(price.penalty.assigned, ", ")});
  return out;
}

Recommendation recommend(const Context& context, const Chosen& chosen) {
  const auto& candidate = context.questions.candidates[chosen.candidate];
  const auto& price = context.prices[chosen.candidate];
  const TableFact& table = *context.now.table(candidate.table_oid);
  const Totals totals = totals_of(context, chosen.candidate);
  const std::string columns = join(candidate.columns, ", ");
  const std::string summary = count(totals.calls / context.minutes) + " calls per minute read " + table.qualified() +
                              " by " + columns + " without an index that serves them (" +
                              percent(context.workload_ms > 0 ? totals.exec_ms / context.workload_ms : 0) +
                              " of the execution time).";
  Finding finding = make_finding("missing_index", context.now, table.qualified(), Severity::warning, summary,
                                 evidence_of(context, table, totals, price));
  finding.id = stable_id("missing_index", context.now, table.qualified(), "finding " + describe(candidate));
  auto out = start_recommendation("missing_index", context.now, std::move(finding), table.qualified(),
                                  "create " + describe(candidate));
  auto& change = out.change;
  IndexChange detail;
  detail.schema = candidate.schema;
  detail.table = candidate.table;
  detail.index = index_name(candidate.table, candidate.columns, context.now.indexes);
  detail.key_columns = candidate.columns;
  detail.definition = create_index_sql(candidate, detail.index, false);
  change.action = ActionClass::create_index;
  change.kind = ChangeKind::index;
  change.run_as_role = candidate.owner;
  change.sql_up = {create_index_sql(candidate, detail.index, true)};
  change.sql_down = {"DROP INDEX CONCURRENTLY " + quote_qualified(detail.schema, detail.index)};
  change.detail = std::move(detail);
  change.lock = LockLevel::share_update_exclusive;
  change.cost = build_cost(table, price.bytes);
  change.target_tables = {table.qualified()};
  change.target_statements = totals.statements;
  for (const std::int64_t id : writes_of(context.questions, table.oid).statements) {
    if (change.target_statements.size() >= kMaxTargets) break;
    if (std::find(totals.statements.begin(), totals.statements.end(), id) == totals.statements.end())
      change.target_statements.push_back(id);
  }
  const double scale = context.minutes * 1000;
  const double before = totals.exec_ms / scale, after = (totals.exec_ms - totals.saved_ms + price.penalty.ms) / scale;
  const double doubt = !context.by_plans ? kStatisticsDoubt : candidate.by_range ? kRangeDoubt : kEqualityDoubt;
  out.effect.metric = "execution time of the statements that use it";
  out.effect.unit = "seconds/min";
  out.effect.before = before;
  out.effect.after = after;
  out.effect.low = std::max(0.0, after - doubt * std::min(after, before - after));
  out.effect.high = after + doubt * std::max(0.0, before - after);
  out.effect.basis = context.by_plans ? "hypopg" : "statistics";
  out.risk = chosen.breaks_hot ? Risk::high : candidate.by_range || !context.by_plans ? Risk::medium : Risk::low;
  out.refused = chosen.refused;
  if (table.relkind == 'p')
    out.refused.push_back({"CREATE INDEX on the table and its partitions at once",
                           "it would block every write to all of them while it builds; one after the other is built "
                           "CONCURRENTLY and attached"});
  else
    out.refused.push_back(
        {"CREATE INDEX without CONCURRENTLY", "it would block every write to the table while it builds"});
  return out;
}

void report_errors(Advice& advice, const DatabaseFacts& now, const std::vector<WhatIfAnswer>& answers) {
  for (const auto& answer : answers) {
    if (answer.error.empty()) continue;
    const std::string name = "statement " + std::to_string(answer.query_id);
    advice.refused.push_back({name, "it cannot be explained: " + answer.error});
    advice.findings.push_back(make_finding("unexplainable_statement", now, name, Severity::info,
                                           "This statement cannot be priced: " + answer.error, {}));
  }
}

}  // namespace

Advice missing_index(const DatabaseFacts& before, const DatabaseFacts& now, const IndexQuestions& questions,
                     const std::vector<WhatIfAnswer>& answers, const AdvisorOptions& options) {
  Advice out;
  out.refused = questions.refused;
  out.findings = questions.findings;
  report_errors(out, now, answers);
  const auto deltas = statement_deltas(before, now);
  const bool by_plans = questions.hypopg && std::any_of(answers.begin(), answers.end(),
                                                        [](const WhatIfAnswer& one) { return one.error.empty(); });
  const auto priced =
      by_plans ? price_by_answers(questions, answers, deltas) : price_by_statistics(questions, before, now, deltas);
  if (!by_plans && !questions.candidates.empty())
    out.refused.push_back(
        {"pricing with hypothetical indexes",
         "HypoPG gave no answers here; what follows rests on statistics alone (CREATE EXTENSION hypopg)"});
  double workload_ms = 0;
  for (const auto& delta : deltas) workload_ms += delta.exec_ms;
  std::vector<CandidatePrice> prices;
  for (const auto& candidate : questions.candidates) {
    CandidatePrice price;
    if (const TableFact* table = now.table(candidate.table_oid)) {
      price.bytes = btree_bytes(*table, candidate.columns);
      price.penalty = write_penalty(candidate, table_delta(before, now, *table),
                                    writes_of(questions, candidate.table_oid), indexes_on(now, candidate.table_oid));
    }
    prices.push_back(std::move(price));
  }
  Choice choice = choose_indexes(questions.candidates, prices, priced, workload_ms, options);
  const Context context{before,      now,     questions,
                        priced,      prices,  std::max(1.0 / 60, window_seconds(before, now) / 60),
                        workload_ms, by_plans};
  for (const auto& chosen : choice.chosen) {
    auto recommendation = recommend(context, chosen);
    out.findings.push_back(recommendation.finding);
    offer(out, std::move(recommendation), options);
  }
  for (auto& refused : choice.refused) out.refused.push_back(std::move(refused));
  return out;
}

}  // namespace pgtend::advisors
