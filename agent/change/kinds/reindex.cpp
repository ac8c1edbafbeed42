#include "agent/change/kinds/reindex.hpp"

#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

const IndexChange& detail_of(const Work& work) {
  return std::get<IndexChange>(work.plan.detail);
}

std::string statement_of(const IndexChange& d) {
  return "REINDEX INDEX CONCURRENTLY " + quote_qualified(d.schema, d.index);
}

const std::string kFind =
    "SELECT c.oid, c.relkind, pg_relation_filenode(c.oid) AS filenode, i.indisvalid AND i.indisready AS usable, "
    "  i.indisexclusion, n.nspname IN ('pg_catalog', 'pg_toast') AS is_system, t.relname AS table_name, "
    "  pg_get_indexdef(c.oid) AS definition "
    "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";

// The server names the copy after the index, cut where both do not fit in 63 bytes. $4: what was there before.
const std::string kFindLeftovers =
    "SELECT c.oid, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = "
    "i.indrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace, "
    "regexp_replace(c.relname, '_cc(new|old)[0-9]*$', '') AS stem "
    "WHERE n.nspname = $1 AND t.relname = $3 AND NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' "
    "AND (stem = $2 OR (octet_length(c.relname) >= 60 AND starts_with($2, stem))) "
    "AND c.oid <> ALL ($4::oid[]) ORDER BY c.oid";

net::TaskResult<RowSet> find(Asker* asker, Work work) {
  const auto& d = detail_of(work);
  const pg::Params names{d.schema, d.index};
  auto rows = co_await asker->ask(kFind, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at index " + d.index);
  co_return rows;
}

// Invalid copies that were not there when the change began.
net::TaskResult<RowSet> find_leftovers(Asker* asker, Work work) {
  const auto& d = detail_of(work);
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  const auto known = before.is_object() ? before.value("leftovers", std::string("{}")) : std::string("{}");
  const pg::Params params{d.schema, d.index, d.table, known};
  auto rows = co_await asker->ask(kFindLeftovers, params);
  if (!rows) co_return fail(std::move(rows.error()), "look for copies of index " + d.index);
  co_return rows;
}

net::TaskResult<RowSet> drop_leftovers(Asker* asker, Work work) {
  auto leftovers = co_await find_leftovers(asker, work);
  if (!leftovers) co_return leftovers;
  for (std::size_t i = 0; i < leftovers->size(); ++i) {
    const std::string sql =
        "DROP INDEX CONCURRENTLY IF EXISTS " + quote_qualified(detail_of(work).schema, leftovers->text(i, "relname"));
    const pg::Params none;
    auto dropped = co_await asker->ask(sql, none);
    if (!dropped) co_return dropped;
  }
  co_return RowSet();
}

}  // namespace

Result<void> ReindexKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<IndexChange>(&plan.detail);
  if (plan.kind != ChangeKind::index || d == nullptr || d->schema.empty() || d->index.empty() || d->table.empty())
    return fail(Errc::invalid_argument, "a reindex is a change of kind index and names its schema, table and index");
  if (d->is_drop) return fail(Errc::invalid_argument, "a reindex drops nothing");
  if (plan.sql_up.size() != 1 || !plan.sql_down.empty())
    return fail(Errc::invalid_argument, "a reindex is one statement and has no way back");
  StatementReader reader(plan.sql_up.front());
  reader.word("reindex").word("index").word("concurrently").qualified(d->schema, d->index);
  if (!reader.ended())
    return fail(Errc::invalid_argument,
                "the statement is not what the plan describes, " + statement_of(*d) + ": " + plan.sql_up.front());
  return {};
}

std::string ReindexKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<IndexChange>(plan.detail);
  return d.schema + "." + d.table;
}

std::optional<Relation> ReindexKind::grows(const ProposedChange& plan) const {
  const auto& d = std::get<IndexChange>(plan.detail);
  return Relation{d.schema, d.table};
}

net::TaskResult<std::vector<std::string>> ReindexKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = false;
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
  co_return missing;
}

net::TaskResult<std::string> ReindexKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto rows = co_await find(asker, work);
  if (!rows) co_return fail(std::move(rows.error()));
  const auto name = d.schema + "." + d.index;
  if (rows->size() == 0 || rows->text(0, "table_name") != d.table)
    co_return fail(Errc::not_found, "there is no index " + name + " on " + d.schema + "." + d.table);
  if (rows->text(0, "relkind") != "i")
    co_return fail(Errc::unsupported, name + " is the index of a partitioned table: reindex those of its partitions");
  if (rows->boolean(0, "indisexclusion"))
    co_return fail(Errc::unsupported, name + " backs an exclusion constraint, which is not rebuilt CONCURRENTLY");
  if (rows->boolean(0, "is_system"))
    co_return fail(Errc::unsupported, name + " is a system index, which is not rebuilt CONCURRENTLY");
  // A rebuilt index is another one: a plan that somebody else has carried out meanwhile is not carried out again.
  co_return rows->text(0, "oid") + " " + rows->text(0, "filenode") + " " + rows->text(0, "definition");
}

net::TaskResult<std::string> ReindexKind::snapshot(Asker* asker, Work work) const {
  auto index = co_await find(asker, work);
  if (!index) co_return fail(std::move(index.error()));
  work.catalog = "{}";
  auto leftovers = co_await find_leftovers(asker, work);
  if (!leftovers) co_return fail(std::move(leftovers.error()));
  std::string known;
  for (std::size_t i = 0; i < leftovers->size(); ++i) known += (i > 0 ? "," : "") + leftovers->text(i, "oid");
  nlohmann::json out;
  out["oid"] = index->text(0, "oid");
  out["leftovers"] = "{" + known + "}";
  co_return out.dump();
}

net::TaskResult<Standing> ReindexKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const auto name = d.schema + "." + d.index;
  auto index = co_await find(asker, work);
  if (!index) co_return fail(std::move(index.error()));
  if (index->size() == 0 || index->text(0, "table_name") != d.table)
    co_return Standing{Presence::foreign, "there is no index " + name + " on its table any more"};
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  const auto was = before.is_object() ? before.value("oid", std::string()) : std::string();
  // Without an intent nothing was begun: what an earlier attempt noted does not count.
  if (was.empty() || !work.ours) co_return Standing{Presence::not_begun, "index " + name + " is there"};
  // The name goes over to the copy when that one is valid.
  if (index->text(0, "oid") != was && index->boolean(0, "usable"))
    co_return Standing{Presence::done, "index " + name + " is a new one, valid and ready"};
  auto leftovers = co_await find_leftovers(asker, work);
  if (!leftovers) co_return fail(std::move(leftovers.error()));
  if (leftovers->size() > 0)
    co_return Standing{Presence::partial, "index " + d.schema + "." + leftovers->text(0, "relname") + " is INVALID"};
  co_return Standing{Presence::not_begun, "index " + name + " is the one it was"};
}

net::TaskResult<RowSet> ReindexKind::clean(Asker* asker, Work work) const {
  return drop_leftovers(asker, std::move(work));
}

net::TaskResult<RowSet> ReindexKind::finish(Asker* asker, Work work) const {
  return drop_leftovers(asker, std::move(work));
}

}  // namespace pgtend::change
