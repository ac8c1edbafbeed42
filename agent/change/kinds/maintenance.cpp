#include "agent/base/strings.hpp"
#include "agent/change/kinds/kind.hpp"

// VACUUM and ANALYZE of one table. Lock: ShareUpdateExclusiveLock. Nothing to undo.
namespace pgtend::change {

namespace {

class MaintenanceKind final : public Kind {
 public:
  Regime regime() const override { return Regime::strong_lock; }
  Millis timeout(const PipelineOptions& options) const override { return options.maintenance_timeout; }
  bool observed() const override { return false; }

  net::TaskResult<ProposedChange> prepare(pg::Connection& connection, ProposedChange plan,
                                          Deadline deadline) const override {
    const auto detail = std::get<MaintenanceChange>(plan.detail);
    auto owner = co_await ownership(connection, detail.schema, detail.table, deadline);
    if (!owner) co_return fail(std::move(owner.error()));
    if (!owner->may_act)
      co_return fail(missing_right("role " + owner->session_user + " may not maintain " +
                                       quote_qualified(detail.schema, detail.table),
                                   "GRANT " + quote_identifier(owner->owner) + " TO " +
                                       quote_identifier(owner->session_user)));
    plan.run_as_role = owner->owner;
    co_return plan;
  }

  net::TaskResult<bool> finish(pg::Connection&, Change, bool, Deadline) const override { co_return true; }

  // The statistics view says when; a run after the intent was written is ours or as good as ours.
  net::TaskResult<Sight> look(pg::Connection& connection, Change change, Deadline deadline) const override {
    const auto detail = std::get<MaintenanceChange>(change.plan.detail);
    static const std::string sql = R"(
      select greatest(last_vacuum, last_autovacuum) >= $3::timestamptz as vacuumed,
             greatest(last_analyze, last_autoanalyze) >= $3::timestamptz as analyzed
      from pg_catalog.pg_stat_all_tables where schemaname = $1 and relname = $2)";
    pg::Params params{detail.schema, detail.table, to_rfc3339(change.updated_at)};
    auto rows = co_await connection.query(sql, params, deadline);
    if (!rows) co_return fail(std::move(rows.error()));
    const bool done = (!detail.vacuum || rows->boolean(0, "vacuumed")) &&
                      (!detail.analyze || rows->boolean(0, "analyzed"));
    co_return done ? Sight::present : Sight::unknown;
  }

  net::TaskResult<bool> clean(pg::Connection&, Change, Deadline) const override { co_return true; }
  net::TaskResult<bool> may_undo(pg::Connection&, Change, Deadline) const override {
    co_return fail(Errc::refused, "VACUUM and ANALYZE cannot be undone");
  }
};

}  // namespace

const Kind& maintenance_kind() {
  static const MaintenanceKind kind;
  return kind;
}

}  // namespace pgtend::change
