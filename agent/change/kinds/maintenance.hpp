#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// What the server's statistics show of a table since a moment of its clock; automatic runs are counted apart.
struct Runs {
  bool found = false, vacuumed = false, analyzed = false;
  bool told_late = false;  // before 15 a process of its own writes the statistics half a second later
};
net::TaskResult<Runs> runs_since(Asker* asker, std::string schema, std::string table, std::string since);
// The server's clock, {"server_time": …}, and that of a snapshot; empty when it has none.
net::TaskResult<std::string> time_snapshot(Asker* asker);
[[nodiscard]] std::string time_of(const std::string& catalog);

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
