#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// REINDEX INDEX CONCURRENTLY of one index of a table. There is nothing to take back: the index is what it was, made
// anew. What an interrupted one leaves (NAME_ccnew, or NAME_ccold after the swap) is dropped when it was not there
// before and is not valid. Lock: SHARE UPDATE EXCLUSIVE on the table; waits for writers and old snapshots.
class ReindexKind final : public Kind {
 public:
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::concurrent; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  [[nodiscard]] std::optional<Relation> grows(const ProposedChange& plan) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> clean(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
