#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// ALTER TABLE … ALTER COLUMN … SET STATISTICS and the ANALYZE that fills what the planner reads. What was interrupted
// between the two is set back and begun again. Lock: SHARE UPDATE EXCLUSIVE on the table.
class ColumnSettingKind final : public Kind {
 public:
  void compose(ProposedChange& plan) const override;
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::strong_lock; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return true; }
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> clean(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
