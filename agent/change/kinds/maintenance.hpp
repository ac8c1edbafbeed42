#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// VACUUM and ANALYZE of one table. Lock: SHARE UPDATE EXCLUSIVE. What was interrupted leaves nothing and is run again.
class MaintenanceKind final : public Kind {
 public:
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::strong_lock; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  [[nodiscard]] std::optional<Relation> grows(const ProposedChange& plan) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
