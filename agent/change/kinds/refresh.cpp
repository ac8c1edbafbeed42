#include "agent/change/kinds/refresh.hpp"

#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

const std::string kFind =
    "SELECT c.oid, c.relispopulated, pg_relation_filenode(c.oid) AS filenode, md5(pg_get_viewdef(c.oid)) AS "
    "definition, "
    "  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS "
    "NULL "
    "          AND i.indexprs IS NULL) AS has_key, "
    "  pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid) AS "
    "changes "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind = 'm'";

net::TaskResult<RowSet> find(Asker* asker, Work work) {
  const auto& d = std::get<RefreshChange>(work.plan.detail);
  const pg::Params names{d.schema, d.matview};
  auto rows = co_await asker->ask(kFind, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at " + work.plan.object);
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no materialized view " + d.schema + "." + d.matview);
  co_return rows;
}

}  // namespace

Result<void> RefreshKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<RefreshChange>(&plan.detail);
  if (d == nullptr || d->schema.empty() || d->matview.empty() || plan.action != ActionClass::refresh_matview)
    return fail(Errc::invalid_argument, "a refresh names its schema and materialized view");
  if (plan.sql_up.size() != 1 || !plan.sql_down.empty())
    return fail(Errc::invalid_argument, "a refresh is one statement and has no way back");
  const auto& sql = plan.sql_up.front();
  StatementReader reader(sql);
  reader.word("refresh").word("materialized").word("view");
  if (d->concurrently) reader.word("concurrently");
  if (!reader.qualified(d->schema, d->matview).maybe({"with", "data"}).ended())
    return fail(Errc::invalid_argument, "the statement is not the refresh that the plan describes, of " +
                                            quote_qualified(d->schema, d->matview) + ": " + sql);
  return {};
}

std::string RefreshKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<RefreshChange>(plan.detail);
  return d.schema + "." + d.matview;
}

std::optional<Relation> RefreshKind::grows(const ProposedChange& plan) const {
  const auto& d = std::get<RefreshChange>(plan.detail);
  return Relation{d.schema, d.matview};
}

net::TaskResult<std::vector<std::string>> RefreshKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = std::get<RefreshChange>(work.plan.detail);
  const bool creates = false;
  auto missing = co_await missing_ownership(asker, d.schema, d.matview, work.plan.run_as_role, creates);
  co_return missing;
}

net::TaskResult<std::string> RefreshKind::fingerprint(Asker* asker, Work work) const {
  auto rows = co_await find(asker, work);
  if (!rows) co_return fail(std::move(rows.error()));
  if (std::get<RefreshChange>(work.plan.detail).concurrently) {
    if (!rows->boolean(0, "has_key"))
      co_return fail(Errc::conflict, "CONCURRENTLY needs a unique index on plain columns over all rows of the view");
    if (!rows->boolean(0, "relispopulated"))
      co_return fail(Errc::conflict, "CONCURRENTLY needs a view that was filled once");
  }
  // What a refresh moves is part of it: a plan that somebody else has carried out meanwhile, another agent for one, is
  // not carried out again.
  co_return rows->text(0, "oid") + " " + rows->text(0, "definition") + " " + rows->text(0, "filenode") + " " +
      rows->text(0, "changes");
}

net::TaskResult<std::string> RefreshKind::snapshot(Asker* asker, Work work) const {
  auto rows = co_await find(asker, work);
  if (!rows) co_return fail(std::move(rows.error()));
  nlohmann::json out;
  out["filenode"] = rows->text(0, "filenode");
  co_return out.dump();
}

net::TaskResult<Standing> RefreshKind::probe(Asker* asker, Work work) const {
  auto rows = co_await find(asker, work);
  if (!rows) co_return fail(std::move(rows.error()));
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  const bool moved = before.is_object() && before.value("filenode", std::string()) != rows->text(0, "filenode");
  const bool concurrently = std::get<RefreshChange>(work.plan.detail).concurrently;
  // A concurrent refresh keeps the file: only its own report tells, and without it running again is harmless.
  const bool ran = concurrently ? work.returned : moved;
  if (!ran) co_return Standing{Presence::not_begun, "the view was not refreshed by this change"};
  if (!rows->boolean(0, "relispopulated")) co_return Standing{Presence::foreign, "the view is empty (WITH NO DATA)"};
  co_return Standing{Presence::done, concurrently ? "the view is populated and its refresh reported success"
                                                  : "the view is populated from a new file"};
}

}  // namespace pgtend::change
