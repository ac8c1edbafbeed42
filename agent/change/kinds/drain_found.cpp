#include "agent/change/kinds/drain_found.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::change {
namespace {

// A foreign key that points here would act on a moved row as on a deleted one, a trigger would run for it, a rule
// would rewrite it, row security hide some, and a subscriber see a partition that it does not have.
const std::string kFind =
    "SELECT t.oid AS parent_oid, coalesce(d.oid::text, '') AS oid, coalesce(d.relname, '') AS name, "
    "coalesce(dn.nspname, '') AS schema, pg_get_partkeydef(t.oid) AS strategy_key, "
    "CASE WHEN p.partnatts = 1 THEN coalesce((SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND "
    "a.attnum "
    "= p.partattrs[0] AND a.attnum > 0), '') ELSE '' END AS key, "
    "coalesce(pg_relation_size(d.oid), 0) AS bytes, coalesce(d.relkind <> 'r', false) AS no_table, "
    "EXISTS (SELECT FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid IN (t.oid, d.oid)) AS referenced, "
    "EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = d.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND "
    "g.tgtype & 8 <> 0) AS triggers, EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = d.oid AND NOT g.tgisinternal "
    "AND "
    "g.tgenabled <> 'D' AND g.tgtype & 4 <> 0) AS triggers_back, coalesce(d.relhasrules, false) AS rules, "
    "coalesce(d.relforcerowsecurity, false) AS hides, "
    "EXISTS (SELECT FROM pg_publication_tables b WHERE b.schemaname = dn.nspname AND b.tablename = d.relname) AS "
    "published, EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = d.oid) AS parted "
    "FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_partitioned_table p ON p.partrelid = t.oid "
    "LEFT JOIN pg_class d ON d.oid = nullif(p.partdefid, 0) LEFT JOIN pg_namespace dn ON dn.oid = d.relnamespace "
    "WHERE n.nspname = $1 AND t.relname = $2 AND t.relkind = 'p'";

void note_obstacles(const RowSet& rows, FoundDefault& out) {
  const auto add = [&](const char* column, const char* why) {
    if (rows.boolean(0, column)) out.obstacles.emplace_back(why);
  };
  add("no_table", "it is no plain table");
  add("parted", "it has partitions of its own");
  add("referenced", "a foreign key points to the table, and would take a moved row for a deleted one");
  add("triggers", "it has a trigger on DELETE, which would run for each moved row");
  add("triggers_back", "it has a trigger on INSERT, which the way back would run for each row");
  add("rules", "it has a rule");
  add("hides", "its row-level security is forced, so that rows may be hidden from the owner");
  add("published", "it is published, and a subscriber would get rows of a partition that it does not have");
}

}  // namespace

net::TaskResult<FoundDefault> find_default(Asker* asker, PartitionChange d) {
  const pg::Params names{d.schema, d.table};
  const auto table = d.schema + "." + d.table;
  auto rows = co_await asker->ask(kFind, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at the DEFAULT partition of " + table);
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no partitioned table " + table);
  FoundDefault out;
  out.parent_oid = rows->text(0, "parent_oid");
  out.name = rows->text(0, "name");
  out.schema = rows->text(0, "schema");
  out.oid = rows->text(0, "oid");
  out.strategy_key = rows->text(0, "strategy_key");
  out.key = rows->text(0, "key");
  out.bytes = rows->integer(0, "bytes").value_or(0);
  note_obstacles(*rows, out);
  const std::string columns =
      "SELECT a.attname AS name FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped "
      "AND a.attgenerated = '' ORDER BY a.attnum";
  const pg::Params parent{out.parent_oid};
  auto names_of = co_await asker->ask(columns, parent);
  if (!names_of) co_return fail(std::move(names_of.error()), "look at the columns of " + table);
  for (std::size_t row = 0; row < names_of->size(); ++row) out.columns.push_back(names_of->text(row, "name"));
  co_return out;
}

net::TaskResult<FoundRange> find_range(Asker* asker, PartitionChange d, PartitionRange range) {
  const std::string sql =
      "SELECT c.oid IS NOT NULL AS found, EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid AND h.inhparent = "
      "t.oid) AS attached, coalesce(obj_description(c.oid, 'pg_class'), '') AS comment, "
      "coalesce(substring(pg_get_expr(c.relpartbound, c.oid) from '^FOR VALUES FROM \\((.*)\\) TO '), '') AS lower, "
      "coalesce(substring(pg_get_expr(c.relpartbound, c.oid) from ' TO \\((.*)\\)$'), '') AS upper, "
      "(SELECT format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = "
      "p.partattrs[0]) AS type "
      "FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_partitioned_table p ON p.partrelid = "
      "t.oid "
      "LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $3 "
      "WHERE n.nspname = $1 AND t.relname = $2 AND t.relkind = 'p'";
  const pg::Params names{d.schema, d.table, range.partition};
  const auto name = d.schema + "." + range.partition;
  auto rows = co_await asker->ask(sql, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at " + name);
  FoundRange out;
  if (rows->size() == 0) co_return out;
  out.exists = rows->boolean(0, "found");
  out.attached = rows->boolean(0, "attached");
  out.comment = rows->text(0, "comment");
  const auto lower = rows->text(0, "lower"), upper = rows->text(0, "upper"), type = rows->text(0, "type");
  const auto is_value = [](const std::string& bound) { return !bound.empty() && !bound.starts_with('M'); };
  if (!out.attached || type.empty() || !is_value(lower) || !is_value(upper)) co_return out;
  // The server spells bounds its own way; only it can say whether two are equal.
  const std::string compare = "SELECT (" + upper + ")::" + type + "::text AS upper, (" + lower + ")::" + type + " = " +
                              quote_literal(range.from) + "::" + type + " AND (" + upper + ")::" + type + " = " +
                              quote_literal(range.to) + "::" + type + " AS whole";
  const pg::Params none;
  auto bounds = co_await asker->ask(compare, none);
  if (!bounds) co_return fail(std::move(bounds.error()), "compare the bounds of " + name);
  out.upper = bounds->text(0, "upper");
  out.whole = bounds->boolean(0, "whole");
  co_return out;
}

net::TaskResult<std::string> next_bound(Asker* asker, PartitionChange d, std::string lower, std::string to,
                                        std::int64_t rows) {
  const auto key = quote_identifier(d.key);
  const std::string left = "FROM ONLY " + quote_qualified(d.schema, d.default_partition) + " WHERE " + key +
                           " >= " + quote_literal(lower) + " AND " + key + " < " + quote_literal(to);
  const std::string at =
      "(SELECT " + key + " AS k " + left + " ORDER BY 1 OFFSET " + std::to_string(rows) + " LIMIT 1)";
  const std::string first = "(SELECT " + key + " " + left + " ORDER BY 1 LIMIT 1)";
  const std::string sql = "SELECT coalesce((SELECT k::text FROM " + at + " AS at WHERE k > " + first + "), (SELECT " +
                          key + "::text " + left + " AND " + key + " > " + at + " ORDER BY " + key +
                          " LIMIT 1), '') AS bound";
  const pg::Params none;
  auto found = co_await asker->ask(sql, none);
  if (!found) co_return fail(std::move(found.error()), "look for the next rows of " + d.default_partition);
  co_return found->text(0, "bound");
}

net::TaskResult<std::string> last_bound(Asker* asker, PartitionChange d, std::string partition, std::int64_t rows) {
  const auto key = quote_identifier(d.key), from = " FROM ONLY " + quote_qualified(d.schema, partition);
  const std::string sql = "SELECT coalesce((SELECT k::text FROM (SELECT " + key + " AS k" + from +
                          " ORDER BY 1 DESC OFFSET " + std::to_string(rows - 1) + " LIMIT 1) AS at WHERE k > (SELECT " +
                          key + from + " ORDER BY 1 LIMIT 1)), '') AS bound";
  const pg::Params none;
  auto found = co_await asker->ask(sql, none);
  if (!found) co_return fail(std::move(found.error()), "look for the last rows of " + partition);
  co_return found->text(0, "bound");
}

net::TaskResult<std::int64_t> count_rows(Asker* asker, std::string table, std::string condition, std::int64_t most) {
  const std::string sql = "SELECT count(*) AS n FROM (SELECT FROM " + table +
                          (condition.empty() ? "" : " WHERE " + condition) + " LIMIT " + std::to_string(most + 1) +
                          ") AS counted";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()), "count the rows of " + table);
  co_return rows->integer(0, "n").value_or(0);
}

std::string range_condition(const PartitionChange& d, const PartitionRange& range) {
  const auto key = quote_identifier(d.key);
  return key + " >= " + quote_literal(range.from) + " AND " + key + " < " + quote_literal(range.to);
}

}  // namespace pgtend::change
