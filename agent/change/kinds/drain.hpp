#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// Rows of a DEFAULT partition moved into partitions that are made for them, one range after the other, each in parts. A
// part is one transaction, in which the range's partition is detached, gets its rows and is attached again with an
// upper bound behind them: so no row is ever in no partition, and the parent is locked so that no query looks between.
// What is done stays when the agent or the server goes down; the rest follows. Lock: ACCESS EXCLUSIVE on the parent, on
// its DEFAULT partition and on the range's, while one part is moved.
class DrainKind final : public Kind {
 public:
  void compose(ProposedChange& plan) const override;
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] bool goes_on() const override { return true; }
  [[nodiscard]] bool keeps_half() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::strong_lock; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  [[nodiscard]] std::optional<Relation> grows(const ProposedChange& plan) const override;
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<Step>> steps(Asker* asker, Work work) const override;
  net::TaskResult<bool> next_part(Asker* asker, Step step, Work work, std::int64_t rows) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
