#include "agent/engine/advice_past.hpp"

#include "agent/policy/limits.hpp"

namespace pgtend::engine {

void add_past(advisors::AdvisorOptions& options, const std::vector<Change>& changes, const std::string& database,
              const PolicyConfig& policy, const PolicyPast& past, UtcTime now) {
  for (const auto& change : changes) {
    const bool undone = change.state == ChangeState::reverted || change.state == ChangeState::reverting;
    if (undone && !change.recommendation_id.empty() && policy::undo_obstacle(change.plan, policy, past, now))
      options.cooling_down.insert(change.recommendation_id);
    const auto* index = std::get_if<IndexChange>(&change.plan.detail);
    if (index == nullptr || index->is_drop || is_final(change.state) || change.plan.database != database) continue;
    options.open_indexes.push_back(
        {change.id, std::string(to_string(change.state)), index->schema, index->table, index->key_columns});
  }
}

}  // namespace pgtend::engine
