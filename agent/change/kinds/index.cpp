#include "agent/change/kinds/index.hpp"

#include <cctype>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/partitioned_index.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

const IndexChange& detail_of(const Work& work) {
  return std::get<IndexChange>(work.plan.detail);
}
// True when this direction ends with the index being there.
bool builds(const Work& work) {
  return detail_of(work).is_drop == work.reverse;
}
std::string comment_of(const Work& work) {
  return "pgtend:" + work.change_id;
}

bool is_create(const std::string& sql, const IndexChange& d) {
  StatementReader reader(sql);
  reader.word("create").maybe({"unique"}).word("index").word("concurrently").word(d.index).word("on").maybe({"only"});
  return reader.qualified(d.schema, d.table).more();
}

bool is_drop(const std::string& sql, const IndexChange& d) {
  StatementReader reader(sql);
  reader.word("drop").word("index").word("concurrently").maybe({"if", "exists"});
  return reader.qualified(d.schema, d.index).maybe({"restrict"}).ended();
}

std::string drop_statement(const IndexChange& d) {
  return "DROP INDEX CONCURRENTLY " + quote_qualified(d.schema, d.index);
}

// pg_get_indexdef's text as a statement that holds up nobody.
std::string concurrently(std::string definition) {
  const auto at = definition.find(" INDEX ");
  return at == std::string::npos ? definition : definition.insert(at + 7, "CONCURRENTLY ");
}

// "btree(a,bdesc)": what follows USING without spaces and the quotes of names, so that our text and pg_get_indexdef's
// compare. What stands in quotes keeps its case.
std::string shape_of(const std::string& sql) {
  const auto at = to_lower(sql).find(" using ");
  if (at == std::string::npos) return {};
  std::string out;
  char quote = 0;
  for (const char c : sql.substr(at + 7)) {
    const bool closes = quote != 0 && c == quote;
    const bool inside = quote != 0 && !closes;
    if (quote == 0 && (c == '"' || c == '\'')) quote = c;
    if (closes) quote = 0;
    if (!inside && (c == '"' || c == ';' || std::isspace(static_cast<unsigned char>(c)) != 0)) continue;
    out += inside ? c : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// The server writes an expression with casts and parentheses of its own: without them both texts are one, though two
// that differ in nothing else are one too.
std::string loose_shape_of(const std::string& sql) {
  static constexpr std::string_view kDropped = "()'";
  const auto shape = shape_of(sql);
  std::string out;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape.compare(i, 2, "::") == 0) {
      i += 2;
      while (i < shape.size() && (std::isalnum(static_cast<unsigned char>(shape[i])) != 0 ||
                                  std::string_view("_.[]").find(shape[i]) != std::string_view::npos))
        ++i;
      --i;
    } else if (kDropped.find(shape[i]) == std::string_view::npos) {
      out += shape[i];
    }
  }
  return out;
}

const std::string kFindIndex =
    "SELECT i.indisvalid AND i.indisready AS usable, t.relname AS table_name, pg_get_indexdef(i.indexrelid) AS "
    "definition, "
    "  coalesce(obj_description(i.indexrelid, 'pg_class'), '') AS comment, "
    "  i.indisprimary OR i.indisexclusion OR i.indisreplident OR EXISTS "
    "    (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AS backs_constraint "
    "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";

// The relation an index would be built on, its columns, and what is there under any name.
const std::string kFindTable =
    "SELECT c.oid, c.relkind, (SELECT md5(string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid, ',' ORDER BY "
    "a.attnum)) "
    "  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns, "
    "  ARRAY(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid) AS "
    "definitions "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 "
    "AND c.relkind IN ('r', 'm', 'p')";

net::TaskResult<std::string> table_fingerprint(Asker* asker, Work work) {
  const auto& d = detail_of(work);
  const pg::Params names{d.schema, d.table};
  auto rows = co_await asker->ask(kFindTable, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at " + work.plan.object);
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no table " + d.schema + "." + d.table);
  if (rows->text(0, "relkind") == "p")
    co_return fail(Errc::unsupported, "an index on a partitioned table is built on each partition: propose it anew");
  const auto wanted = shape_of(work.plan.sql_up.front());
  if (!d.is_drop && !wanted.empty())
    for (const auto& definition : parse_array(rows->text(0, "definitions")))
      if (shape_of(definition) == wanted) co_return fail(Errc::conflict, "an equal index exists: " + definition);
  co_return rows->text(0, "oid") + " " + rows->text(0, "columns");
}

// Of a dropped index; empty: it had none.
std::string comment_before(const Work& work) {
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  return before.is_object() ? before.value("comment", std::string()) : std::string();
}

}  // namespace

Result<void> IndexKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<IndexChange>(&plan.detail);
  if (d == nullptr || d->schema.empty() || d->index.empty() || d->table.empty())
    return fail(Errc::invalid_argument, "an index change names its schema, table and index");
  if (plan.action != ActionClass::create_index && plan.action != ActionClass::drop_index)
    return fail(Errc::invalid_argument,
                "an index is changed by create_index or drop_index, not by " + std::string(to_string(plan.action)));
  if (d->is_drop != (plan.action == ActionClass::drop_index))
    return fail(Errc::invalid_argument, "the action and the detail disagree on whether the index is dropped");
  if (plan.sql_up.size() != 1 || plan.sql_down.size() > 1)
    return fail(
        Errc::invalid_argument,
        "an index change is one statement in sql_up, CREATE or DROP INDEX CONCURRENTLY of the index it names, and "
        "at most one in sql_down");
  const auto check = [&](const std::string& sql, bool drop) -> Result<void> {
    if (drop ? is_drop(sql, *d) : is_create(sql, *d)) return {};
    if (to_lower(sql).find(" if not exists ") != std::string::npos)
      return fail(Errc::invalid_argument, "IF NOT EXISTS would take an INVALID index for success");
    return fail(Errc::invalid_argument, "the statement is not what the plan describes, " +
                                            (drop ? drop_statement(*d)
                                                  : "CREATE INDEX CONCURRENTLY " + quote_identifier(d->index) + " ON " +
                                                        quote_qualified(d->schema, d->table) + " …") +
                                            ": " + sql);
  };
  if (auto up = check(plan.sql_up.front(), d->is_drop); !up) return up;
  if (!plan.sql_down.empty()) return check(plan.sql_down.front(), !d->is_drop);
  return {};
}

std::string IndexKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<IndexChange>(plan.detail);
  return d.schema + "." + d.table;
}

std::optional<Relation> IndexKind::grows(const ProposedChange& plan) const {
  const auto& d = std::get<IndexChange>(plan.detail);
  return Relation{d.schema, d.table};
}

net::TaskResult<ProposedChange> IndexKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  auto& d = std::get<IndexChange>(plan.detail);
  if (!d.is_drop) {
    auto spread = co_await spread_over_partitions(asker, plan);
    if (!spread || spread->sql_up.size() > 1) co_return spread;
    if (plan.sql_down.empty()) plan.sql_down = {drop_statement(d)};
    co_return plan;
  }
  const pg::Params names{d.schema, d.index};
  auto index = co_await asker->ask(kFindIndex, names);
  if (!index) co_return fail(std::move(index.error()), "look at index " + d.index);
  if (index->size() == 0 || index->text(0, "table_name") != d.table)
    co_return fail(Errc::not_found, "there is no index " + d.index + " on " + d.schema + "." + d.table);
  d.definition = index->text(0, "definition");
  // The only way back is the index as it is.
  const auto back = concurrently(d.definition);
  if (!plan.sql_down.empty() && !same_statement(plan.sql_down.front(), back))
    co_return fail(Errc::invalid_argument, "the way back is not the index as it is: " + back);
  plan.sql_down = {back};
  co_return plan;
}

net::TaskResult<std::vector<std::string>> IndexKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = builds(work);
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
  co_return missing;
}

net::TaskResult<std::string> IndexKind::fingerprint(Asker* asker, Work work) const {
  auto table = co_await table_fingerprint(asker, work);
  if (!table || !detail_of(work).is_drop || work.reverse) co_return table;
  const pg::Params names{detail_of(work).schema, detail_of(work).index};
  auto index = co_await asker->ask(kFindIndex, names);
  if (!index) co_return fail(std::move(index.error()), "look at index " + detail_of(work).index);
  if (index->size() == 0 && work.ours) co_return table;
  if (index->size() == 0) co_return fail(Errc::not_found, "there is no index " + detail_of(work).index);
  if (index->boolean(0, "backs_constraint"))
    co_return fail(Errc::refused, "index " + detail_of(work).index + " backs a constraint or the replica identity");
  auto server = co_await serving_index(asker, work);
  if (!server) co_return server;
  co_return *table + " " + index->text(0, "definition") + *server;
}

// Of two equal indexes each was once to go because the other stays: whichever goes first, the other then must not.
net::TaskResult<std::string> IndexKind::serving_index(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  if (d.served_by.empty()) co_return std::string();
  const pg::Params names{d.schema, d.served_by};
  auto rows = co_await asker->ask(kFindIndex, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at index " + d.served_by);
  if (rows->size() == 0 || rows->text(0, "table_name") != d.table || !rows->boolean(0, "usable"))
    co_return fail(Errc::refused, "index " + d.schema + "." + d.served_by + ", which was to serve instead of " +
                                      d.index + ", is not there or not valid");
  co_return " " + rows->text(0, "definition");
}

// The definition of a dropped index has no comment, and its way back gives that too.
net::TaskResult<std::string> IndexKind::snapshot(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  if (!d.is_drop) co_return std::string("{}");
  const pg::Params names{d.schema, d.index};
  auto rows = co_await asker->ask(kFindIndex, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at index " + d.index);
  nlohmann::json out;
  out["comment"] = rows->text(0, "comment");
  co_return out.dump();
}

net::TaskResult<Standing> IndexKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const pg::Params names{d.schema, d.index};
  auto rows = co_await asker->ask(kFindIndex, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at index " + d.index);
  const std::string name = d.schema + "." + d.index;
  if (rows->size() == 0)
    co_return Standing{builds(work) ? Presence::not_begun : Presence::done, "there is no index " + name};
  const auto comment = rows->text(0, "comment");
  const bool usable = rows->boolean(0, "usable"), same_table = rows->text(0, "table_name") == d.table;
  if (!same_table) co_return Standing{Presence::foreign, "index " + name + " is on another table"};
  if (!builds(work)) {
    if (!d.is_drop && comment != comment_of(work))
      co_return Standing{Presence::foreign,
                         "index " + name + " does not carry the comment of this change; somebody made it anew"};
    co_return Standing{Presence::not_begun, "index " + name + " is there" + (usable ? "" : ", INVALID")};
  }
  // A build by this change has no comment until it is finished, so the ledger's intent is what makes it ours.
  const bool claimed =
      comment == comment_of(work) ||
      (work.ours && (!comment.starts_with("pgtend:") || (work.reverse && comment == comment_before(work))));
  if (!claimed) co_return Standing{Presence::foreign, "an index " + name + " exists that this change did not make"};
  if (!usable) co_return Standing{Presence::partial, "index " + name + " is INVALID"};
  // The comment is set after the change's own statement; before that the definition tells it from somebody else's.
  const auto wanted = loose_shape_of(work.reverse ? work.plan.sql_down.front() : work.plan.sql_up.front());
  const bool marked = comment == comment_of(work);
  if (!marked && !wanted.empty() && loose_shape_of(rows->text(0, "definition")) != wanted)
    co_return Standing{Presence::foreign, "index " + name + " has another definition"};
  co_return Standing{Presence::done, "index " + name + " is valid and ready"};
}

net::TaskResult<RowSet> IndexKind::clean(Asker* asker, Work work) const {
  if (!builds(work)) co_return RowSet();
  const std::string sql =
      "DROP INDEX CONCURRENTLY IF EXISTS " + quote_qualified(detail_of(work).schema, detail_of(work).index);
  const pg::Params none;
  auto dropped = co_await asker->ask(sql, none);
  co_return dropped;
}

net::TaskResult<RowSet> IndexKind::finish(Asker* asker, Work work) const {
  const auto comment = work.reverse ? comment_before(work) : comment_of(work);
  if (!builds(work) || comment.empty()) co_return RowSet();
  const std::string sql = "COMMENT ON INDEX " + quote_qualified(detail_of(work).schema, detail_of(work).index) +
                          " IS " + quote_literal(comment);
  const pg::Params none;
  auto commented = co_await asker->ask(sql, none);
  co_return commented;
}

}  // namespace pgtend::change
