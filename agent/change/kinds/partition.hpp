#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// A range partition made ahead (CREATE TABLE … LIKE, then ATTACH) and a partition detached, CONCURRENTLY where the
// server can. Made ones carry the comment "pgtend:<change id>" and are dropped by the undo only while they hold
// nothing; detached ones are attached again. What a crash left half done is gone on with. Lock: SHARE UPDATE EXCLUSIVE
// on the parent; ACCESS EXCLUSIVE on a DEFAULT partition, which must be empty, and on the parent where a detachment
// cannot be CONCURRENTLY.
class PartitionKind final : public Kind {
 public:
  void compose(ProposedChange& plan) const override;
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] bool goes_on() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange& plan) const override;
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<Step>> steps(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> clean(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

// DROP TABLE of a partition that a change of this kind detached at least `grace_days` ago. It has no way back, and none
// is asked for: a person approves each. Lock: ACCESS EXCLUSIVE on the table, which nobody reaches through its parent.
class DropPartitionKind final : public Kind {
 public:
  void compose(ProposedChange& plan) const override;
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::strong_lock; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
