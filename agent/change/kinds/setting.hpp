#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// ALTER SYSTEM (taken into use by reload), ALTER ROLE … SET, ALTER DATABASE … SET, and a table's storage parameter. The
// way back is the previous value of that very scope, or RESET when it was not set there. A parameter of the deny list
// is refused even when granted. A role's own setting is changed as that role (run_as_role), a database's as its owner.
// Lock: none; a storage parameter takes SHARE UPDATE EXCLUSIVE on its table.
class SettingKind final : public Kind {
 public:
  void compose(ProposedChange& plan) const override;
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange& plan) const override;
  [[nodiscard]] bool is_measured(const ProposedChange& plan) const override;
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
  [[nodiscard]] bool needs_new_session(const ProposedChange& plan) const override;
  net::TaskResult<bool> takes_effect(Asker* fresh, Work work) const override;
};

}  // namespace pgtend::change
