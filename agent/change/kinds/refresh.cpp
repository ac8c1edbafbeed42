#include "agent/base/strings.hpp"
#include "agent/change/kinds/kind.hpp"

// REFRESH MATERIALIZED VIEW, plain (AccessExclusiveLock, blocks readers) or CONCURRENTLY (ExclusiveLock, blocks writers of
// the view only). There is no way back and none is needed: the next refresh makes the contents anew.
namespace pgtend::change {

namespace {

constexpr const char* kViewSql = R"(
  with recursive reads as (
    select d.refobjid as oid from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid
     and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    where r.ev_class = (select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                        where n.nspname = $1 and c.relname = $2)
    union
    select d.refobjid from reads
    join pg_catalog.pg_rewrite r on r.ev_class = reads.oid
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid
     and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
  select c.relkind, c.relispopulated,
         exists (select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indisunique and i.indisvalid
                 and i.indpred is null and i.indexprs is null) as has_unique_index,
         exists (select from reads join pg_catalog.pg_class b on b.oid = reads.oid where b.relrowsecurity) as over_rls
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2)";

class RefreshKind final : public Kind {
 public:
  Regime regime() const override { return Regime::strong_lock; }
  Millis timeout(const PipelineOptions& options) const override { return options.refresh_timeout; }
  bool observed() const override { return false; }

  net::TaskResult<ProposedChange> prepare(pg::Connection& connection, ProposedChange plan,
                                          Deadline deadline) const override {
    const auto detail = std::get<RefreshChange>(plan.detail);
    const std::string name = quote_qualified(detail.schema, detail.matview);
    pg::Params params{detail.schema, detail.matview};
    auto rows = co_await connection.query(kViewSql, params, deadline);
    if (!rows) co_return fail(std::move(rows.error()));
    if (rows->size() == 0 || rows->text(0, "relkind") != "m")
      co_return fail(Errc::not_found, "there is no materialized view " + name);
    if (rows->boolean(0, "over_rls"))
      co_return fail(Errc::refused, name + " reads a table with row-level security: its contents would show every row of " +
                                        "it to every reader of the view");
    if (detail.concurrently && !rows->boolean(0, "relispopulated"))
      co_return fail(Errc::conflict, name + " is not populated: it cannot be refreshed concurrently");
    if (detail.concurrently && !rows->boolean(0, "has_unique_index"))
      co_return fail(Errc::conflict, name + " has no full unique index: it cannot be refreshed concurrently");
    auto owner = co_await ownership(connection, detail.schema, detail.matview, deadline);
    if (!owner) co_return fail(std::move(owner.error()));
    if (!owner->may_act)
      co_return fail(missing_right("role " + owner->session_user + " may not act as the owner of " + name,
                                   "GRANT " + quote_identifier(owner->owner) + " TO " +
                                       quote_identifier(owner->session_user)));
    plan.run_as_role = owner->owner;
    co_return plan;
  }

  net::TaskResult<bool> finish(pg::Connection&, Change, bool, Deadline) const override { co_return true; }
  net::TaskResult<Sight> look(pg::Connection&, Change, Deadline) const override { co_return Sight::unknown; }
  net::TaskResult<bool> clean(pg::Connection&, Change, Deadline) const override { co_return true; }
  net::TaskResult<bool> may_undo(pg::Connection&, Change, Deadline) const override {
    co_return fail(Errc::refused, "a refresh cannot be undone; the next one makes the contents anew");
  }
};

}  // namespace

const Kind& refresh_kind() {
  static const RefreshKind kind;
  return kind;
}

}  // namespace pgtend::change
