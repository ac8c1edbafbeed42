#include "agent/engine/policy_past.hpp"

#include <filesystem>

#include "agent/policy/policy.hpp"

namespace pgtend::engine {

net::TaskResult<PolicyPast> read_policy_past(Parts* parts, PolicyConfig config, std::string except_change) {
  const UtcTime since = parts->clock.now() - policy::kMemory;
  auto read = [config = std::move(config), since, except_change = std::move(except_change)](store::Ledger& ledger) {
    const auto rule = [&](const ProposedChange& change) { return policy::rule_for(change, config); };
    return ledger.policy_past(since, except_change, rule);
  };
  PolicyPast past;
  if (parts->ledger != nullptr) {
    auto stored = co_await parts->with_ledger(read);
    if (!stored) co_return fail(std::move(stored.error()), "read what policy looks at");
    past = std::move(*stored);
  }
  past.ledger_writable = parts->ledger != nullptr;
  past.role = parts->lanes.identity().role;
  const auto file = parts->config->change.freeze_file;
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) {
    past.frozen = true;
    past.frozen_by = "file " + file;
  }
  co_return past;
}

}  // namespace pgtend::engine
