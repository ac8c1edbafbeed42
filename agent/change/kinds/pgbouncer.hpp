#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// One number in the section [pgbouncer] of pgbouncer.ini, edited in its line, then RELOAD. Only settings of a list
// without secrets, and only what takes effect by a RELOAD. What a crash left half done is gone on with. Lock: none on
// the server; the advisory locks of the home database keep two who act apart.
class PgbouncerKind final : public Kind {
 public:
  void compose(ProposedChange& plan) const override;
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] bool needs_way_back() const override { return true; }
  [[nodiscard]] bool goes_on() const override { return true; }
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::plain; }
  [[nodiscard]] std::string shown_by() const override { return "the file and SHOW CONFIG show"; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<Step>> steps(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> carry_out(Step step, Work work) const override;
  net::TaskResult<RowSet> clean(Asker* asker, Work work) const override;
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
