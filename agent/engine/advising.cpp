#include "agent/engine/advising.hpp"

#include <algorithm>
#include <array>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/config/check_file.hpp"
#include "agent/engine/advice_past.hpp"
#include "agent/engine/cure.hpp"
#include "agent/engine/facts.hpp"
#include "agent/engine/what_if.hpp"
#include "agent/policy/policy.hpp"
#include "rules/advisors/duplicate_index.hpp"
#include "rules/advisors/missing_index.hpp"
#include "rules/advisors/outline.hpp"
#include "rules/advisors/partition_upkeep.hpp"
#include "rules/advisors/unused_index.hpp"
#include "rules/advisors/work_mem_spills.hpp"
#include "rules/checks/registry.hpp"
#include "rules/checks/run_check.hpp"
#include "rules/sql/statement.hpp"

namespace pgtend::engine {

namespace {

// Facts and what-if questions of one database; the statements themselves have 2 s each.
constexpr std::chrono::seconds kAdviseTime{120};
// The span over which counters are compared: long enough to hold traffic, bounded so that old load does not weigh.
constexpr int kWindowRuns = 6;
// More changes than are ever open, or undone within policy's memory.
constexpr std::size_t kChangesLookedAt = 1'000;

// What the advisors look at.
struct Sight {
  const DatabaseFacts &before, &now;
  const advisors::IndexQuestions& questions;
  const std::vector<advisors::WhatIfAnswer>& answers;
  const advisors::MatviewPasts& matviews;
  const advisors::BehindPasts& behind;
  const advisors::AdvisorOptions& limits;
};

struct Advisor {
  const char* name;
  Advice (*advise)(const Sight&);
};

// Every advisor, by the name that advisors.disabled knows it by.
constexpr std::array kAdvisors{
    Advisor{"missing_index",
            [](const Sight& s) { return advisors::missing_index(s.before, s.now, s.questions, s.answers, s.limits); }},
    Advisor{"duplicate_index", [](const Sight& s) { return advisors::duplicate_index(s.before, s.now, s.limits); }},
    Advisor{"unused_index", [](const Sight& s) { return advisors::unused_index(s.before, s.now, s.limits); }},
    Advisor{"stale_matview",
            [](const Sight& s) { return advisors::stale_matview(s.before, s.now, s.matviews, s.limits); }},
    Advisor{"autovacuum_behind",
            [](const Sight& s) { return advisors::autovacuum_behind(s.before, s.now, s.behind, s.limits); }},
    Advisor{"partition_upkeep", [](const Sight& s) { return advisors::partition_upkeep(s.before, s.now, s.limits); }},
    Advisor{"work_mem_spills", [](const Sight& s) { return advisors::work_mem_spills(s.before, s.now, s.limits); }},
};

void append(Advice& all, Advice part) {
  std::move(part.findings.begin(), part.findings.end(), std::back_inserter(all.findings));
  std::move(part.recommendations.begin(), part.recommendations.end(), std::back_inserter(all.recommendations));
  std::move(part.refused.begin(), part.refused.end(), std::back_inserter(all.refused));
}

}  // namespace

std::vector<std::string> advisor_names() {
  std::vector<std::string> out;
  for (const auto& advisor : kAdvisors) out.emplace_back(advisor.name);
  return out;
}

Advising::Advising(Parts& parts, Collecting& collecting) : parts_(parts), collecting_(collecting) {}

std::vector<config::ConfigError> Advising::load() {
  std::vector<config::ConfigError> errors;
  checks_.clear();
  for (const auto& file : embedded::check_files()) {
    auto decoded = config::decode_check(file.text, std::string(file.name));
    errors.insert(errors.end(), decoded.errors.begin(), decoded.errors.end());
    std::move(decoded.checks.begin(), decoded.checks.end(), std::back_inserter(checks_));
  }
  return errors;
}

advisors::AdvisorOptions Advising::options() const {
  const auto& config = parts_.config->advisors;
  advisors::AdvisorOptions out;
  out.min_table_bytes = config.min_table_bytes;
  out.min_table_rows = static_cast<double>(config.min_table_rows);
  out.min_statement_share = config.min_statement_share;
  out.min_saving = config.min_saving;
  out.index_budget_bytes = config.index_budget_bytes;
  out.unused_index_window = config.unused_index_window;
  out.matview_max_age = config.matview_max_age;
  out.partitions_ahead = config.partitions_ahead;
  return out;
}

net::Task<advisors::AdvisorOptions> Advising::options_now(std::string database) {
  auto out = options();
  for (const auto& rule : parts_.config->policy.retention)
    if (glob_match(rule.database, database)) out.retention.push_back(rule);
  if (parts_.ledger == nullptr) co_return out;
  const auto config = parts_.config;
  const UtcTime now = parts_.clock.now();
  auto look = [config, now, database, out](store::Ledger& ledger) mutable -> Result<advisors::AdvisorOptions> {
    auto changes = ledger.list_changes({std::nullopt, true}, kChangesLookedAt);
    if (!changes) return fail(std::move(changes.error()));
    auto undone = ledger.list_changes({ChangeState::reverted, false}, kChangesLookedAt);
    if (!undone) return fail(std::move(undone.error()));
    std::move(undone->begin(), undone->end(), std::back_inserter(*changes));
    auto past = ledger.policy_past(now - policy::kMemory);
    if (!past) return fail(std::move(past.error()));
    add_past(out, *changes, database, config->policy, *past, now);
    return out;
  };
  auto known = co_await parts_.with_ledger(look);
  if (known) co_return std::move(*known);
  log::warn("changes not read", {{"database", database}, {"error", known.error().describe()}});
  co_return out;
}

net::TaskResult<FactsPtr> Advising::read(pg::Connection* connection, std::string database) {
  auto shape = co_await collecting_.shape(database);
  if (!shape) co_return fail(std::move(shape.error()));
  const Deadline deadline = parts_.clock.steady_now() + kAdviseTime;
  auto facts = co_await read_facts(connection, **shape, parts_.config->instance.name, database, parts_.clock.now(),
                                   deadline, collecting_.ram_bytes());
  co_return facts;
}

net::TaskResult<Advice> Advising::advise(std::string database) {
  auto advice = co_await look(database);
  Look latest{parts_.clock.now(), advice ? std::string() : advice.error().describe(), {}};
  if (advice) latest.refused = advice->refused;
  if (!advice && looks_[database].error != latest.error)
    log::warn("no advice", {{"database", database}, {"error", latest.error}});
  looks_[database] = std::move(latest);
  co_return advice;
}

net::TaskResult<Advice> Advising::look(std::string database) {
  const Deadline deadline = parts_.clock.steady_now() + kAdviseTime;
  auto lease = co_await parts_.lanes.lease(pg::Lane::advise, database, deadline);
  if (!lease) co_return fail(std::move(lease.error()), "advise on " + database);
  pg::Connection& connection = lease->connection();
  auto facts = co_await read(&connection, database);
  if (!facts) co_return fail(std::move(facts.error()), "read facts of " + database);
  co_await load_matviews(database);

  auto& memory = memory_[database];
  memory.matviews = advisors::remember_matviews(std::move(memory.matviews), **facts);
  memory.behind = advisors::remember_behind(memory.behind, **facts);
  const auto window = parts_.config->advisors.interval * kWindowRuns;
  const Deadline now = parts_.clock.steady_now();
  const bool comparable = memory.now != nullptr && memory.now->epoch == (*facts)->epoch;
  if (memory.before == nullptr || !comparable || now - memory.before_at > window) {
    memory.before = comparable ? memory.now : *facts;
    memory.before_at = now;
  }
  memory.now = *facts;

  const auto limits = co_await options_now(database);
  auto ask = [before = memory.before, facts = *facts, limits] {
    return advisors::index_questions(*before, *facts, limits);
  };
  auto questions = co_await net::run_on(parts_.blocking, ask);
  std::vector<advisors::WhatIfAnswer> answers;
  if (!questions.questions.empty()) {
    auto asked = co_await ask_what_if(&connection, questions.questions, deadline);
    if (asked) answers = std::move(*asked);
    if (!asked) log::warn("what-if not answered", {{"database", database}, {"error", asked.error().describe()}});
  }
  auto think = [before = memory.before, facts = *facts, limits, questions, answers, matviews = memory.matviews,
                behind = memory.behind, disabled = parts_.config->advisors.disabled] {
    Advice all;
    const Sight sight{*before, *facts, questions, answers, matviews, behind, limits};
    for (const auto& advisor : kAdvisors) {
      const bool wanted = std::none_of(disabled.begin(), disabled.end(),
                                       [&](const auto& glob) { return glob_match(glob, advisor.name); });
      if (wanted) append(all, advisor.advise(sight));
    }
    return all;
  };
  auto advice = co_await net::run_on(parts_.blocking, think);
  const bool first = memory.before == memory.now;
  memory.now = std::make_shared<const DatabaseFacts>(advisors::outline(**facts));
  if (first) memory.before = memory.now;
  auto findings = co_await run_checks(database);
  std::move(findings.begin(), findings.end(), std::back_inserter(advice.findings));
  co_await save_matviews(database);
  co_return advice;
}

net::Task<std::vector<Finding>> Advising::run_checks(std::string database) {
  std::vector<Finding> out;
  const auto identity = parts_.lanes.identity();
  const bool home = database == parts_.lanes.home_database();
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    const CheckDef check = checks_[i];
    if (check.scope == CollectorScope::instance && !home) continue;
    if (check.min_version && identity.version_num < *check.min_version) continue;
    if (check.max_version && identity.version_num > *check.max_version) continue;
    auto rows = co_await parts_.lanes.query(pg::Lane::sample, database, "check/" + check.name, check.sql, {},
                                            parts_.config->postgresql.statement_timeout);
    if (!rows) {
      log::debug("check not run", {{"check", check.name},
                                   {"error", rows.error().describe()},
                                   {"cure", cure_for(check.grant, parts_.config->postgresql.user)}});
      continue;
    }
    const std::string scope = check.scope == CollectorScope::instance ? std::string() : database;
    auto found = checks::findings_from(check, *rows, parts_.config->instance.name, scope, parts_.clock.now());
    std::move(found.begin(), found.end(), std::back_inserter(out));
  }
  co_return out;
}

bool Advising::needs_catalogs(const ProposedChange& plan) const {
  if (std::holds_alternative<PartitionChange>(plan.detail)) return true;
  const auto* index = std::get_if<IndexChange>(&plan.detail);
  const auto known = facts(plan.database);
  if (index == nullptr || plan.action != ActionClass::create_index || known == nullptr) return false;
  const TableFact* table = known->table(index->schema, index->table);
  return table != nullptr && table->relkind == 'p';
}

void Advising::refuse(const std::string& database, RefusedAlternative refused) {
  looks_[database].refused.push_back(std::move(refused));
}

void Advising::keep_findings(const std::string& database, std::vector<Finding> findings) {
  kept_[database] = {std::move(findings), {}};
}

void Advising::keep(const Recommendation& recommendation, const Decision& decision) {
  store::StoredRecommendation entry;
  entry.recommendation = recommendation;
  entry.decision = decision;
  entry.first_made_at = entry.updated_at = parts_.clock.now();
  entry.expires_at = entry.updated_at + store::kRecommendationTtl;
  kept_[recommendation.change.database].recommendations.push_back(std::move(entry));
}

void Advising::note_refresh(const std::string& database, const std::string& matview, UtcTime at,
                            double duration_seconds) {
  const auto it = memory_.find(database);
  if (it == memory_.end() || it->second.now == nullptr) return;
  for (const auto& view : it->second.now->matviews)
    if (view.schema + "." + view.name == matview)
      advisors::note_refresh(it->second.matviews, view.oid, at, duration_seconds);
}

FactsPtr Advising::facts(const std::string& database) const {
  const auto it = memory_.find(database);
  return it == memory_.end() ? nullptr : it->second.now;
}

std::vector<std::int64_t> Advising::statements_touching(const ProposedChange& plan) const {
  std::vector<std::int64_t> out;
  const auto known = facts(plan.database);
  if (known == nullptr) return out;
  std::vector<std::string> names;
  for (const auto& table : plan.target_tables) names.push_back(table.substr(table.find('.') + 1));
  if (const auto* index = std::get_if<IndexChange>(&plan.detail)) names.push_back(index->table);
  for (const auto& statement : known->statements) {
    const auto shape = sql::analyse(statement.text);
    if (!shape) continue;
    const bool touches = std::any_of(shape->relations.begin(), shape->relations.end(), [&](const auto& relation) {
      return std::find(names.begin(), names.end(), relation.table) != names.end();
    });
    if (touches) out.push_back(statement.query_id);
  }
  return out;
}

net::Task<void> Advising::load_matviews(std::string database) {
  if (memory_[database].matviews_loaded) co_return;
  auto load = [database](store::Ledger& ledger) { return ledger.matviews(database); };
  auto stored = co_await parts_.with_ledger(load);
  auto& memory = memory_[database];
  memory.matviews_loaded = true;
  if (!stored) co_return;
  for (const auto& view : *stored) {
    advisors::MatviewPast past;
    past.last_refresh = view.last_refresh;
    past.refresh_seen = view.refresh_seen;
    past.base_writes_at_refresh = view.base_writes_at_refresh;
    past.reads_at_refresh = view.reads_at_refresh;
    past.duration_seconds = view.duration_seconds;
    past.epoch = view.epoch;
    past.relfilenode = view.relfilenode;
    past.own_writes = view.own_writes;
    past.base_writes_seen = view.base_writes_seen;
    memory.matviews[view.oid] = past;
  }
}

net::Task<void> Advising::save_matviews(std::string database) {
  std::vector<store::MatviewMemory> views;
  for (const auto& [oid, past] : memory_[database].matviews) {
    store::MatviewMemory view;
    view.oid = oid;
    view.last_refresh = past.last_refresh;
    view.refresh_seen = past.refresh_seen;
    view.base_writes_at_refresh = past.base_writes_at_refresh;
    view.reads_at_refresh = past.reads_at_refresh;
    view.duration_seconds = past.duration_seconds;
    view.epoch = past.epoch;
    view.relfilenode = past.relfilenode;
    view.own_writes = past.own_writes;
    view.base_writes_seen = past.base_writes_seen;
    views.push_back(view);
  }
  auto save = [database, views](store::Ledger& ledger) { return ledger.put_matviews(database, views); };
  auto saved = co_await parts_.with_ledger(save);
  if (!saved) log::debug("matview memory not kept", {{"error", saved.error().describe()}});
}

}  // namespace pgtend::engine
