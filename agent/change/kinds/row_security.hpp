#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// Row-level security of a table: CREATE, ALTER and DROP POLICY, and ENABLE, DISABLE, FORCE, NO FORCE. A person approves
// each. A created policy carries the comment "pgtend:<change id>" with a digest of itself, an altered one has it behind
// its own comment; the way back is taken only while it is what the change made. Lock: ACCESS EXCLUSIVE on the table,
// for a moment.
class RowSecurityKind final : public Kind {
 public:
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::strong_lock; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
