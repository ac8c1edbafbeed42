#include <algorithm>
#include <utility>

#include "agent/base/strings.hpp"
#include "rules/advisors/candidates.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/missing_index.hpp"
#include "rules/advisors/workload.hpp"
#include "rules/sql/repair.hpp"

namespace pgtend::advisors {

namespace {

// Parsed per run, for the columns that UPDATEs assign. Source: 0.1 ms each (reference tuning.md 2.1), so 50 ms at most.
constexpr std::size_t kMaxParsed = 500;
constexpr std::size_t kMaxPerTable = 256;

std::string statement_name(std::int64_t query_id) {
  return "statement " + std::to_string(query_id);
}

void read_writes(const Workload& workload, IndexQuestions& out) {
  for (const auto& statement : workload.statements) {
    for (const TableFact* table : statement.tables)
      if (table != nullptr) out.writes[table->oid].statements.insert(statement.delta.query_id);
    std::set<std::pair<Oid, std::string>> counted;
    for (const auto& use : statement.shape.columns) {
      const TableFact* table = statement.tables[use.relation];
      if (use.clause != sql::Clause::assigned || table == nullptr) continue;
      if (!counted.emplace(table->oid, use.column).second) continue;
      out.writes[table->oid].assigned_rows[use.column] += statement.delta.rows;
    }
  }
}

// Adds the candidate or, when another statement has it already, the statement to it.
std::size_t merge(IndexQuestions& out, IndexCandidate candidate) {
  for (std::size_t i = 0; i < out.candidates.size(); ++i) {
    if (!same_index(out.candidates[i], candidate)) continue;
    out.candidates[i].wanted_by.insert(candidate.wanted_by.begin(), candidate.wanted_by.end());
    return i;
  }
  out.candidates.push_back(std::move(candidate));
  return out.candidates.size() - 1;
}

std::vector<std::string> search_path_of(const WorkloadStatement& statement) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < statement.tables.size(); ++i) {
    if (statement.tables[i] == nullptr || !statement.shape.relations[i].schema.empty()) continue;
    const auto& schema = statement.tables[i]->schema;
    if (std::find(out.begin(), out.end(), schema) == out.end()) out.push_back(schema);
  }
  if (std::find(out.begin(), out.end(), "public") == out.end()) out.emplace_back("public");
  return out;
}

// Candidates of other statements matter when this one uses their leading column: it may get faster, or worse.
std::vector<std::size_t> concerning(const WorkloadStatement& statement, std::vector<std::size_t> own,
                                    const IndexQuestions& questions, std::size_t limit) {
  for (std::size_t i = 0; i < questions.candidates.size(); ++i) {
    const auto& candidate = questions.candidates[i];
    const bool uses = std::any_of(statement.shape.columns.begin(), statement.shape.columns.end(), [&](const auto& use) {
      const TableFact* table = statement.tables[use.relation];
      return table != nullptr && table->oid == candidate.table_oid && use.column == candidate.columns.front() &&
             use.clause != sql::Clause::assigned && use.clause != sql::Clause::output;
    });
    if (uses && std::find(own.begin(), own.end(), i) == own.end()) own.push_back(i);
  }
  if (own.size() > limit) own.resize(limit);
  return own;
}

// Statements of one table give the same reasons over and over.
void drop_repetitions(std::vector<RefusedAlternative>& refused) {
  std::set<std::pair<std::string, std::string>> seen;
  std::erase_if(refused, [&](const RefusedAlternative& entry) { return !seen.emplace(entry.what, entry.why).second; });
}

void unexplainable(IndexQuestions& out, const DatabaseFacts& now, const StatementDelta& delta,
                   const std::string& error) {
  out.refused.push_back({statement_name(delta.query_id), "it cannot be analysed: " + error});
  out.findings.push_back(make_finding("unexplainable_statement", now, statement_name(delta.query_id), Severity::info,
                                      "This statement cannot be priced: " + error,
                                      {{"share of execution time", delta.share, "ratio", "pg_stat_statements"}}));
}

}  // namespace

IndexQuestions index_questions(const DatabaseFacts& before, const DatabaseFacts& now, const AdvisorOptions& options) {
  IndexQuestions out;
  out.hypopg = options.hypopg && now.extensions.contains("hypopg");
  if (auto why = statements_incomparable(before, now); !why.empty()) {
    out.refused.push_back({"any index", std::move(why)});
    return out;
  }
  const Workload workload = read_workload(before, now, options.min_statement_share, kMaxParsed);
  read_writes(workload, out);
  for (const auto& delta : workload.heavy_without_text)
    out.refused.push_back(
        {statement_name(delta.query_id), "its text is not visible to this role (GRANT pg_read_all_stats)"});
  if (workload.heavy_utilities > 0)
    out.refused.push_back(
        {count(static_cast<double>(workload.heavy_utilities)) + " statements",
         "they are commands such as SET, COPY and DDL, which have no plan that an index could change"});
  for (const auto& [delta, error] : workload.unreadable) unexplainable(out, now, delta, error);

  struct Asked {
    const WorkloadStatement* statement;
    std::vector<std::size_t> own;
    sql::ExplainableText text;
  };
  std::vector<Asked> asked;
  std::map<Oid, std::size_t> per_table;
  std::size_t light = 0, beyond = 0;
  for (const auto& statement : workload.statements) {
    using Kind = sql::StatementShape::Kind;
    if (statement.shape.kind == Kind::utility || statement.shape.kind == Kind::other) continue;
    if (statement.delta.share < options.min_statement_share) {
      ++light;
      continue;
    }
    if (asked.size() >= static_cast<std::size_t>(options.max_statements)) {
      ++beyond;
      continue;
    }
    auto repaired = sql::repair_parameters(statement.delta.text);
    if (!repaired) {
      unexplainable(out, now, statement.delta, repaired.error().message);
      continue;
    }
    Asked next{&statement, {}, std::move(*repaired)};
    for (auto& candidate : statement_candidates(statement, now, options, out.refused)) {
      if (++per_table[candidate.table_oid] > kMaxPerTable) continue;
      next.own.push_back(merge(out, std::move(candidate)));
    }
    asked.push_back(std::move(next));
  }
  if (light > 0)
    out.refused.push_back({count(static_cast<double>(light)) + " statements",
                           "each takes less than " + percent(options.min_statement_share) + " of the execution time"});
  if (beyond > 0)
    out.refused.push_back(
        {count(static_cast<double>(beyond)) + " statements", "one run prices only the heaviest ones"});
  if (out.candidates.empty())
    out.refused.push_back({"any index", "no heavy statement has a column that a new B-tree could serve"});

  drop_repetitions(out.refused);
  if (!out.hypopg) return out;
  for (auto& entry : asked) {
    const auto& statement = *entry.statement;
    WhatIfQuestion question;
    question.candidates =
        concerning(statement, std::move(entry.own), out, static_cast<std::size_t>(options.max_hypothetical));
    if (question.candidates.empty()) continue;
    question.query_id = statement.delta.query_id;
    question.text = std::move(entry.text.text);
    question.parameters = entry.text.parameters;
    question.is_dml = statement.shape.kind != sql::StatementShape::Kind::select;
    question.search_path = search_path_of(statement);
    for (const std::size_t at : question.candidates)
      question.hypothetical.push_back(create_index_sql(out.candidates[at], "", false));
    out.questions.push_back(std::move(question));
  }
  return out;
}

}  // namespace pgtend::advisors
