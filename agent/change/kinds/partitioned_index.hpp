#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// CREATE INDEX on a partitioned table whose partitions are tables: ON ONLY the parent, CONCURRENTLY on each partition,
// then ATTACH. After a crash it goes on where it was; when it fails all of it is dropped. Lock: SHARE on the parent and
// ACCESS EXCLUSIVE on an index for a moment each, SHARE UPDATE EXCLUSIVE on the partitions; undone under ACCESS
// EXCLUSIVE on the tables, for the moment in which the index is dropped.
class PartitionedIndexKind final : public Kind {
 public:
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] bool goes_on() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::concurrent; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return true; }
  [[nodiscard]] std::optional<Relation> grows(const ProposedChange& plan) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<Step>> steps(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> clean(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

// A plan of CREATE INDEX CONCURRENTLY with its one statement spread over the partitions of the table; as it was when
// the table has none. Errors: unsupported (partitions of partitions, foreign tables, no USING in the statement).
net::TaskResult<ProposedChange> spread_over_partitions(Asker* asker, ProposedChange plan);

}  // namespace pgtend::change
