#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// CREATE and DROP INDEX CONCURRENTLY. Built indexes carry the comment "pgtend:<change id>"; a leftover is dropped only
// when this change began to build it. Lock: SHARE UPDATE EXCLUSIVE on the table; waits for writers and old snapshots.
class IndexKind final : public Kind {
 public:
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::concurrent; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return true; }
  [[nodiscard]] std::optional<Relation> grows(const ProposedChange& plan) const override;
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  // The definition of the index that makes the one to be dropped superfluous. Errors: refused when it is not there.
  net::TaskResult<std::string> serving_index(Asker* asker, Work work) const;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> clean(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
