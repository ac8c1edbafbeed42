#include "agent/base/strings.hpp"
#include "agent/change/kinds/kind.hpp"

// CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY.
// Lock: ShareUpdateExclusiveLock on the table. Undo: the other one. A failed build leaves an INVALID index, which costs
// every write and serves no read: it is dropped when its name is the one our ledger wrote down before the build.
namespace pgtend::change {

namespace {

constexpr const char* kLookSql = R"(
  select i.indisvalid, i.indisready, pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
         pg_catalog.obj_description(i.indexrelid, 'pg_class') as comment, t.relname as table_name,
         exists (select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid) as backs_constraint,
         i.indisunique, i.indisreplident
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_class t on t.oid = i.indrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2)";

std::string mark_of(const Change& change) { return "pgtend:" + change.id; }

net::TaskResult<RowSet> find(pg::Connection& connection, IndexChange detail, Deadline deadline) {
  pg::Params params{detail.schema, detail.index};
  auto rows = co_await connection.query(kLookSql, params, deadline);
  co_return rows;
}

class IndexKind final : public Kind {
 public:
  Regime regime() const override { return Regime::concurrent; }
  Millis timeout(const PipelineOptions& options) const override { return options.index_timeout; }
  bool observed() const override { return true; }

  net::TaskResult<ProposedChange> prepare(pg::Connection& connection, ProposedChange plan,
                                          Deadline deadline) const override {
    const auto detail = std::get<IndexChange>(plan.detail);
    auto found = co_await find(connection, detail, deadline);
    if (!found) co_return fail(std::move(found.error()));
    const std::string name = quote_qualified(detail.schema, detail.index);
    if (detail.is_drop) {
      if (found->size() == 0) co_return fail(Errc::not_found, "there is no index " + name);
      if (found->boolean(0, "backs_constraint") || found->boolean(0, "indisreplident"))
        co_return fail(Errc::refused, "index " + name + " backs a constraint or the replica identity");
      if (found->text(0, "definition") != detail.definition)
        co_return fail(Errc::conflict, "index " + name + " is not the one that the plan saw");
    } else if (found->size() != 0) {
      co_return fail(Errc::conflict, "an index " + name + " exists already");
    }
    const std::string relation = detail.is_drop ? detail.index : detail.table;
    auto owner = co_await ownership(connection, detail.schema, relation, deadline);
    if (!owner) co_return fail(std::move(owner.error()));
    if (owner->relkind == 'p' || owner->relkind == 'I')
      co_return fail(Errc::unsupported, "a partitioned index cannot be built or dropped concurrently");
    if (!owner->may_act)
      co_return fail(missing_right("role " + owner->session_user + " may not act as the owner of " +
                                       quote_qualified(detail.schema, relation),
                                   "GRANT " + quote_identifier(owner->owner) + " TO " +
                                       quote_identifier(owner->session_user)));
    plan.run_as_role = owner->owner;
    if (!detail.is_drop) {
      auto create = co_await may_create(connection, detail.schema, owner->owner, deadline);
      if (!create) co_return fail(std::move(create.error()));
    }
    co_return plan;
  }

  net::TaskResult<bool> finish(pg::Connection& connection, Change change, bool undo, Deadline deadline) const override {
    const auto& detail = std::get<IndexChange>(change.plan.detail);
    // The mark says whose the index is: only what carries it is ever dropped without a person.
    if (!undo && !detail.is_drop) {
      const std::string sql = "comment on index " + quote_qualified(detail.schema, detail.index) + " is " +
                              quote_literal(mark_of(change));
      auto marked = co_await connection.execute(sql, deadline);
      if (!marked) co_return fail(std::move(marked.error()), "mark the index");
    }
    co_return true;
  }

  net::TaskResult<Sight> look(pg::Connection& connection, Change change, Deadline deadline) const override {
    const auto detail = std::get<IndexChange>(change.plan.detail);
    auto found = co_await find(connection, detail, deadline);
    if (!found) co_return fail(std::move(found.error()));
    const bool there = found->size() != 0;
    const bool sound = there && found->boolean(0, "indisvalid") && found->boolean(0, "indisready");
    if (there && !sound) co_return Sight::leftover;
    co_return there != detail.is_drop ? Sight::present : Sight::absent;
  }

  net::TaskResult<bool> clean(pg::Connection& connection, Change change, Deadline deadline) const override {
    const auto detail = std::get<IndexChange>(change.plan.detail);
    auto found = co_await find(connection, detail, deadline);
    if (!found) co_return fail(std::move(found.error()));
    if (found->size() == 0 || found->boolean(0, "indisvalid")) co_return true;
    const std::string sql = "drop index concurrently if exists " + quote_qualified(detail.schema, detail.index);
    auto dropped = co_await connection.execute(sql, deadline);
    if (!dropped) co_return fail(std::move(dropped.error()), "drop the unfinished index");
    co_return true;
  }

  net::TaskResult<bool> may_undo(pg::Connection& connection, Change change, Deadline deadline) const override {
    const auto detail = std::get<IndexChange>(change.plan.detail);
    auto found = co_await find(connection, detail, deadline);
    if (!found) co_return fail(std::move(found.error()));
    const bool there = found->size() != 0;
    if (detail.is_drop) {
      if (there) co_return fail(Errc::conflict, "an index of that name exists again");
    } else if (there && found->text(0, "comment") != mark_of(change)) {
      co_return fail(Errc::conflict, "the index does not carry our mark any more: somebody changed it");
    }
    co_return true;
  }

 private:
  static net::TaskResult<bool> may_create(pg::Connection& connection, std::string schema, std::string owner,
                                          Deadline deadline) {
    pg::Params params{owner, schema};
    auto rows = co_await connection.query("select pg_catalog.has_schema_privilege($1, $2, 'CREATE') as may", params,
                                          deadline);
    if (!rows) co_return fail(std::move(rows.error()));
    if (!rows->boolean(0, "may"))
      co_return fail(missing_right("role " + owner + " may not create in schema " + schema,
                                   "GRANT CREATE ON SCHEMA " + quote_identifier(schema) + " TO " +
                                       quote_identifier(owner)));
    co_return true;
  }
};

}  // namespace

const Kind& index_kind() {
  static const IndexKind kind;
  return kind;
}

}  // namespace pgtend::change
