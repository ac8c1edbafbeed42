#pragma once

#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

// pg_cancel_backend and pg_terminate_backend of one session, known by its pid and its start, so that a session which
// got the pid later is never hit. Never one of pgtend's own; a superuser's or a replication connection only when the
// plan says so. It has no way back, and none is asked for: a person approves each. Lock: none.
class SessionKind final : public Kind {
 public:
  void compose(ProposedChange& plan) const override;
  [[nodiscard]] Result<void> validate(const ProposedChange& plan) const override;
  [[nodiscard]] std::string object_of(const ProposedChange& plan) const override;
  [[nodiscard]] Regime regime(const ProposedChange&) const override { return Regime::plain; }
  [[nodiscard]] bool is_measured(const ProposedChange&) const override { return false; }
  [[nodiscard]] bool looks_as_owner() const override { return true; }
  net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const override;
  net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const override;
  net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const override;
  net::TaskResult<std::string> snapshot(Asker* asker, Work work) const override;
  net::TaskResult<Standing> probe(Asker* asker, Work work) const override;
  // Waits a moment for the signal to be obeyed.
  net::TaskResult<RowSet> finish(Asker* asker, Work work) const override;
};

}  // namespace pgtend::change
