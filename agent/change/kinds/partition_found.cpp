#include "agent/change/kinds/partition_found.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::change {
namespace {

constexpr std::string_view kMark = "pgtend:";
constexpr std::string_view kDetached = " detached ";

}  // namespace

net::TaskResult<FoundPartition> find_partition(Asker* asker, PartitionChange d) {
  const std::string sql =
      "SELECT t.oid AS parent_oid, pg_get_partkeydef(t.oid) AS key, c.oid, c.relkind = 'r' AS is_table, "
      "h.inhrelid IS NOT NULL AS attached, coalesce((to_jsonb(h) ->> 'inhdetachpending')::bool, false) AS pending, "
      "EXISTS (SELECT FROM pg_inherits o WHERE o.inhrelid = c.oid AND o.inhparent <> t.oid) AS elsewhere, "
      "pg_relation_size(c.oid) > 0 AS has_pages, p.partdefid <> 0 AS has_default, "
      "coalesce(pg_relation_size(nullif(p.partdefid, 0)), 0) > 0 AS default_has_pages, "
      "current_setting('server_version_num')::int >= 140000 AND p.partdefid = 0 AS concurrently, "
      "coalesce(pg_get_expr(c.relpartbound, c.oid), '') AS bound, coalesce(obj_description(c.oid, 'pg_class'), '') AS "
      "comment, coalesce(extract(epoch FROM clock_timestamp() - substring(obj_description(c.oid, 'pg_class') FROM "
      "'pgtend:[0-9a-f-]+ detached ([-0-9: .+]+)$')::timestamptz) / 86400, -1) AS days "
      "FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_partitioned_table p ON p.partrelid = "
      "t.oid "
      "LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $3 "
      "LEFT JOIN pg_inherits h ON h.inhrelid = c.oid AND h.inhparent = t.oid "
      "WHERE n.nspname = $1 AND t.relname = $2 AND t.relkind = 'p'";
  const pg::Params names{d.schema, d.table, d.partition};
  auto rows = co_await asker->ask(sql, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at the partitions of " + d.schema + "." + d.table);
  FoundPartition out;
  if (rows->size() == 0) co_return out;
  out.has_parent = true;
  out.exists = rows->get(0, "oid").has_value();
  out.is_table = rows->boolean(0, "is_table");
  out.attached = rows->boolean(0, "attached");
  out.pending = rows->boolean(0, "pending");
  out.elsewhere = rows->boolean(0, "elsewhere");
  out.has_pages = rows->boolean(0, "has_pages");
  out.has_default = rows->boolean(0, "has_default");
  out.default_has_pages = rows->boolean(0, "default_has_pages");
  out.detaches_concurrently = rows->boolean(0, "concurrently");
  out.key = rows->text(0, "key");
  out.oid = rows->text(0, "oid");
  out.parent_oid = rows->text(0, "parent_oid");
  out.bound = rows->text(0, "bound");
  out.comment = rows->text(0, "comment");
  out.days_since_detached = rows->number(0, "days").value_or(-1);
  co_return out;
}

net::TaskResult<std::string> checks_of(Asker* asker, PartitionChange d) {
  const std::string sql =
      "SELECT ARRAY(SELECT k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON "
      "n.oid = c.relnamespace WHERE k.contype = 'c' AND n.nspname = $1 AND c.relname = $2 ORDER BY 1)::text AS checks";
  const pg::Params names{d.schema, d.partition};
  auto rows = co_await asker->ask(sql, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at the constraints of " + d.schema + "." + d.partition);
  co_return rows->text(0, "checks");
}

net::TaskResult<RowSet> drop_check_of_bounds(Asker* asker, PartitionChange d, std::string before) {
  if (before.empty()) co_return RowSet();
  const std::string find =
      "SELECT k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = "
      "c.relnamespace WHERE k.contype = 'c' AND k.conislocal AND c.relispartition AND n.nspname = $1 AND c.relname = "
      "$2 AND k.conname <> ALL ($3::name[]) AND pg_get_constraintdef(k.oid) = 'CHECK (' || "
      "pg_get_partition_constraintdef(c.oid) || ')'";
  const pg::Params names{d.schema, d.partition, before}, none;
  auto rows = co_await asker->ask(find, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at the constraints of " + d.schema + "." + d.partition);
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const std::string drop = "ALTER TABLE " + quote_qualified(d.schema, d.partition) + " DROP CONSTRAINT " +
                             quote_identifier(rows->text(i, "conname"));
    auto dropped = co_await asker->ask(drop, none);
    if (!dropped) co_return dropped;
  }
  co_return RowSet();
}

std::string detached_mark(const std::string& change_id) {
  return std::string(kMark) + change_id + std::string(kDetached);
}

std::string without_mark(const std::string& comment) {
  const auto end = comment.rfind(kDetached);
  const auto start = end == std::string::npos ? end : comment.rfind(kMark, end);
  if (start == std::string::npos) return comment;
  auto kept = comment.substr(0, start);
  while (!kept.empty() && kept.back() == ' ') kept.pop_back();
  return kept;
}

}  // namespace pgtend::change
