#include "agent/config/config.hpp"
#include "agent/engine/past_proposals.hpp"
#include "agent/engine/policy_past.hpp"
#include "agent/engine/proof.hpp"
#include "agent/engine/view.hpp"
#include "agent/policy/backtest.hpp"
#include "agent/policy/report.hpp"

// What people ask of policy, and for proof.
namespace pgtend::engine {

namespace {

// The loaded policy, or that of a file. Errors: parse, with every error of the file.
Result<PolicyConfig> policy_of(const api::PolicyText& policy, const config::Config& loaded) {
  if (policy.text.empty()) return loaded.policy;
  const auto read = config::load_text(policy.text, policy.file);
  if (!read.errors.empty()) return fail(Errc::parse, config::format_errors(read.errors));
  return read.config.policy;
}

struct Asked {
  ProposedChange change;
  Risk risk = Risk::low;
  std::string change_id;  // of a change that is known; empty: none
};

Result<Asked> find_asked(store::Ledger& ledger, const std::string& id) {
  auto change = ledger.get_change(id);
  if (change) return Asked{change->plan, noted_risk(*change), change->id};
  if (change.error().code != Errc::not_found) return fail(std::move(change.error()));
  auto stored = ledger.get_recommendation(id);
  if (!stored && stored.error().code == Errc::not_found)
    return fail(Errc::not_found, "no change and no recommendation " + id);
  if (!stored) return fail(std::move(stored.error()));
  return Asked{stored->recommendation.change, stored->recommendation.risk, ""};
}

}  // namespace

net::TaskResult<PolicyReport> View::policy_report() {
  const auto policy = parts_.config->policy;
  auto past = co_await read_policy_past(&parts_, policy, "");
  if (!past) co_return fail(std::move(past.error()));
  co_return policy::report(policy, *past, parts_.clock.now());
}

net::TaskResult<PolicySimulation> View::simulate_policy(api::PolicyQuestion question) {
  auto policy = policy_of(question.policy, *parts_.config);
  if (!policy) co_return fail(std::move(policy.error()));
  Asked asked;
  asked.risk = question.risk;
  if (question.plan) asked.change = *question.plan;
  if (question.action) asked.change = policy::sketch(*question.action, question.database, question.object);
  if (question.action) asked.change.cost = question.cost;
  if (!question.id.empty()) {
    auto find = [id = question.id](store::Ledger& ledger) { return find_asked(ledger, id); };
    auto found = co_await parts_.with_ledger(find);
    if (!found) co_return fail(std::move(found.error()));
    asked = std::move(*found);
  }
  auto past = co_await read_policy_past(&parts_, *policy, asked.change_id);
  if (!past) co_return fail(std::move(past.error()));
  co_return policy::simulate(asked.change, asked.risk, *policy, *past, parts_.clock.now());
}

net::TaskResult<PolicyBacktest> View::backtest_policy(api::PolicyText text, Millis since) {
  auto policy = policy_of(text, *parts_.config);
  if (!policy) co_return fail(std::move(policy.error()));
  const UtcTime to = parts_.clock.now(), from = to - since;
  auto read = [from](store::Ledger& ledger) { return past_proposals(ledger, from); };
  auto proposals = co_await parts_.with_ledger(read);
  if (!proposals) co_return fail(std::move(proposals.error()));
  const auto& verify = parts_.config->verify;
  auto job = [proposals = std::move(*proposals), policy = std::move(*policy), from, to,
              observing = verify.warm_up + verify.after]() -> Result<PolicyBacktest> {
    return policy::backtest(proposals, policy, from, to, observing);
  };
  auto report = co_await parts_.compute(job);
  co_return report;
}

net::TaskResult<std::string> View::change_proof(std::string id) {
  const ProofOrigin origin{version_, parts_.config->instance.name, parts_.clock.now()};
  auto make = [id, origin](store::Ledger& ledger) { return make_proof(ledger, id, origin); };
  auto proof = co_await parts_.with_ledger(make);
  co_return proof;
}

}  // namespace pgtend::engine
