#include "agent/change/kinds/partitioned_index.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/statement_text.hpp"
#include "agent/store/sha256.hpp"

namespace pgtend::change {
namespace {

// Source: PostgreSQL cuts longer names, NAMEDATALEN less one.
constexpr std::size_t kLongestName = 63;
constexpr std::size_t kDigestDigits = 8;
// What waits for a lock on the table makes everybody wait who comes after it.
constexpr std::string_view kCleanLockTimeout = "SET lock_timeout TO '100ms'";

const IndexChange& detail_of(const Work& work) {
  return std::get<IndexChange>(work.plan.detail);
}
std::string comment_of(const Work& work) {
  return "pgtend:" + work.change_id;
}

struct Create {
  bool is_unique = false, concurrently = false, only = false;
  std::string index, schema, table;
  std::vector<std::string> shape;  // from USING on
};

std::optional<Create> read_create(const std::string& sql) {
  const auto parts = parts_of(sql);
  if (!parts) return std::nullopt;
  std::size_t at = 0;
  const auto next = [&](std::string_view word) { return at < parts->size() && (*parts)[at] == word && ++at > 0; };
  Create out;
  if (!next("create")) return std::nullopt;
  out.is_unique = next("unique");
  if (!next("index")) return std::nullopt;
  out.concurrently = next("concurrently");
  const auto name = [&](std::string& to) { return at < parts->size() && !(to = (*parts)[at++]).empty(); };
  if (!name(out.index) || !next("on")) return std::nullopt;
  out.only = next("only");
  if (!name(out.schema) || !next(".") || !name(out.table) || at >= parts->size() || (*parts)[at] != "using")
    return std::nullopt;
  out.shape.assign(parts->begin() + static_cast<std::ptrdiff_t>(at), parts->end());
  return out;
}

std::string attach_statement(const IndexChange& d, const Create& child) {
  return "ALTER INDEX " + quote_qualified(d.schema, d.index) + " ATTACH PARTITION " +
         quote_qualified(child.schema, child.index);
}
std::string drop_statement(const IndexChange& d) {
  return "DROP INDEX " + quote_qualified(d.schema, d.index);
}

// The builds on the partitions: what stands between the first statement and as many attachments.
std::vector<Create> children_of(const ProposedChange& plan) {
  std::vector<Create> out;
  for (std::size_t i = 1; i <= plan.sql_up.size() / 2; ++i)
    if (auto create = read_create(plan.sql_up[i])) out.push_back(std::move(*create));
  return out;
}

std::string child_index(const std::string& partition, const std::string& index) {
  const auto name = partition + "_" + index;
  if (name.size() <= kLongestName) return name;
  // Cut before a character that would be cut in the middle.
  auto end = kLongestName - kDigestDigits - 1;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end) + "_" + store::sha256_hex(name).substr(0, kDigestDigits);
}

struct Index {
  bool usable = false, attached = false;
  std::string table, comment;
};

net::TaskResult<std::optional<Index>> find_index(Asker* asker, std::string schema, std::string index) {
  const std::string sql =
      "SELECT i.indisvalid AND i.indisready AS usable, tn.nspname || '.' || t.relname AS on_table, "
      "coalesce(obj_description(c.oid, 'pg_class'), '') AS comment, "
      "EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid) AS attached "
      "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
      "JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace "
      "WHERE n.nspname = $1 AND c.relname = $2";
  const pg::Params names{schema, index};
  auto rows = co_await asker->ask(sql, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at index " + index);
  if (rows->size() == 0) co_return std::optional<Index>();
  co_return Index{rows->boolean(0, "usable"), rows->boolean(0, "attached"), rows->text(0, "on_table"),
                  rows->text(0, "comment")};
}

struct Partitions {
  bool is_partitioned = false;
  std::string oid_and_columns;
  std::vector<std::pair<std::string, std::string>> tables;  // schema, name
  std::string unfit;                                        // one on which no such index is built
};

net::TaskResult<Partitions> find_partitions(Asker* asker, IndexChange d) {
  const std::string parent_sql =
      "SELECT c.oid, c.relkind = 'p' AS partitioned, (SELECT md5(string_agg(a.attnum || ' ' || a.attname || ' ' || "
      "a.atttypid, ',' ORDER BY a.attnum)) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT "
      "a.attisdropped) AS columns FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 "
      "AND c.relname = $2 AND c.relkind IN ('r', 'm', 'p')";
  const pg::Params names{d.schema, d.table};
  auto parent = co_await asker->ask(parent_sql, names);
  if (!parent) co_return fail(std::move(parent.error()), "look at " + d.schema + "." + d.table);
  if (parent->size() == 0) co_return fail(Errc::not_found, "there is no table " + d.schema + "." + d.table);
  Partitions out;
  out.is_partitioned = parent->boolean(0, "partitioned");
  out.oid_and_columns = parent->text(0, "oid") + " " + parent->text(0, "columns");
  if (!out.is_partitioned) co_return out;
  const std::string children_sql =
      "SELECT n.nspname AS schema, c.relname AS name, c.relkind = 'r' AS fit FROM pg_inherits h JOIN pg_class c ON "
      "c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE h.inhparent = $1::oid ORDER BY 1, 2";
  const pg::Params oid{parent->text(0, "oid")};
  auto children = co_await asker->ask(children_sql, oid);
  if (!children) co_return fail(std::move(children.error()), "look at the partitions of " + d.schema + "." + d.table);
  for (std::size_t i = 0; i < children->size(); ++i) {
    out.tables.emplace_back(children->text(i, "schema"), children->text(i, "name"));
    if (!children->boolean(i, "fit")) out.unfit = children->text(i, "schema") + "." + children->text(i, "name");
  }
  co_return out;
}

Result<void> check_up(const ProposedChange& plan, const IndexChange& d) {
  const auto parent = read_create(plan.sql_up.front());
  if (!parent || !parent->only || parent->concurrently || parent->index != d.index || parent->schema != d.schema ||
      parent->table != d.table)
    return fail(Errc::invalid_argument, "the first statement is CREATE INDEX " + quote_identifier(d.index) +
                                            " ON ONLY " + quote_qualified(d.schema, d.table) + " USING …");
  const auto children = children_of(plan);
  if (plan.sql_up.size() != 1 + 2 * children.size())
    return fail(Errc::invalid_argument,
                "after it comes a CREATE INDEX CONCURRENTLY for each partition, then an ATTACH for each");
  for (std::size_t i = 0; i < children.size(); ++i) {
    const auto& child = children[i];
    const bool same =
        child.concurrently && !child.only && child.is_unique == parent->is_unique && child.shape == parent->shape;
    if (!same)
      return fail(Errc::invalid_argument,
                  "the index of a partition is not the one of its table: " + plan.sql_up[1 + i]);
    const auto attach = attach_statement(d, child);
    if (!same_statement(plan.sql_up[1 + children.size() + i], attach))
      return fail(Errc::invalid_argument, "the statement is not what the plan describes, " + attach + ": " +
                                              plan.sql_up[1 + children.size() + i]);
  }
  return {};
}

}  // namespace

net::TaskResult<ProposedChange> spread_over_partitions(Asker* asker, ProposedChange plan) {
  auto& d = std::get<IndexChange>(plan.detail);
  auto partitions = co_await find_partitions(asker, d);
  if (!partitions) co_return fail(std::move(partitions.error()));
  if (!partitions->is_partitioned) co_return plan;
  if (!partitions->unfit.empty())
    co_return fail(Errc::unsupported, "partition " + partitions->unfit +
                                          " is partitioned itself or a foreign table: no index is spread over it");
  const auto sql = plan.sql_up.front();
  const auto given = read_create(sql);
  const auto shape_at = to_lower(sql).find(" using ");
  if (!given || shape_at == std::string::npos)
    co_return fail(Errc::unsupported, "an index on a partitioned table is written with its method: … USING btree (…)");
  const auto shape = sql.substr(shape_at);
  const std::string head = given->is_unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ";
  d.on_partitions = true;
  plan.lock = LockLevel::share;
  plan.sql_up = {head + quote_identifier(d.index) + " ON ONLY " + quote_qualified(d.schema, d.table) + shape};
  plan.target_tables = {d.schema + "." + d.table};
  std::vector<std::string> attachments;
  for (const auto& [schema, name] : partitions->tables) {
    const Create child{given->is_unique, true, false, child_index(name, d.index), schema, name, {}};
    plan.sql_up.push_back(head + "CONCURRENTLY " + quote_identifier(child.index) + " ON " +
                          quote_qualified(schema, name) + shape);
    attachments.push_back(attach_statement(d, child));
    plan.target_tables.push_back(schema + "." + name);
  }
  plan.sql_up.insert(plan.sql_up.end(), attachments.begin(), attachments.end());
  plan.sql_down = {drop_statement(d)};
  co_return plan;
}

Result<void> PartitionedIndexKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<IndexChange>(&plan.detail);
  if (d == nullptr || plan.kind != ChangeKind::index || plan.action != ActionClass::create_index || d->is_drop)
    return fail(Errc::unsupported, "only the creation of an index is spread over partitions");
  if (plan.sql_up.empty() || plan.sql_down.size() > 1)
    return fail(Errc::invalid_argument,
                "an index on partitions is a statement for the table and two for each, and one back");
  if (auto up = check_up(plan, *d); !up) return up;
  if (plan.sql_down.empty() || same_statement(plan.sql_down.front(), drop_statement(*d))) return {};
  return fail(Errc::invalid_argument, "the way back is not " + drop_statement(*d) + ": " + plan.sql_down.front());
}

std::string PartitionedIndexKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<IndexChange>(plan.detail);
  return d.schema + "." + d.table;
}

std::optional<Relation> PartitionedIndexKind::grows(const ProposedChange& plan) const {
  const auto& d = std::get<IndexChange>(plan.detail);
  return Relation{d.schema, d.table};
}

net::TaskResult<std::vector<std::string>> PartitionedIndexKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = !work.reverse;
  std::vector<Relation> tables{{d.schema, d.table}};
  for (const auto& child : children_of(work.plan)) tables.push_back({child.schema, child.table});
  std::vector<std::string> out;
  for (const auto& [schema, name] : tables) {
    auto missing = co_await missing_ownership(asker, schema, name, work.plan.run_as_role, creates);
    // A partition that was dropped since then takes nothing away from the way back.
    if (!missing && work.reverse && missing.error().code == Errc::not_found && name != d.table) continue;
    if (!missing) co_return missing;
    for (auto& each : *missing)
      if (std::find(out.begin(), out.end(), each) == out.end()) out.push_back(std::move(each));
  }
  co_return out;
}

net::TaskResult<std::string> PartitionedIndexKind::fingerprint(Asker* asker, Work work) const {
  auto partitions = co_await find_partitions(asker, detail_of(work));
  if (!partitions) co_return fail(std::move(partitions.error()));
  std::vector<std::pair<std::string, std::string>> planned;
  for (const auto& child : children_of(work.plan)) planned.emplace_back(child.schema, child.table);
  std::sort(planned.begin(), planned.end());
  auto there = partitions->tables;
  std::sort(there.begin(), there.end());
  if (planned != there)
    co_return fail(Errc::conflict,
                   "the partitions of " + work.plan.object + " are not those of the plan; propose it anew");
  co_return partitions->oid_and_columns;
}

net::TaskResult<Standing> PartitionedIndexKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const std::string name = d.schema + "." + d.index;
  auto parent = co_await find_index(asker, d.schema, d.index);
  if (!parent) co_return fail(std::move(parent.error()));
  const auto& index = *parent;
  if (index && index->table != d.schema + "." + d.table)
    co_return Standing{Presence::foreign, "index " + name + " is on another table"};
  if (work.reverse) {
    if (!index) co_return Standing{Presence::done, "there is no index " + name};
    if (index->comment != comment_of(work))
      co_return Standing{Presence::foreign, "index " + name + " does not carry the comment of this change"};
    co_return Standing{Presence::not_begun, "index " + name + " is there"};
  }
  if (index && index->comment != comment_of(work) && (!work.ours || index->comment.starts_with("pgtend:")))
    co_return Standing{Presence::foreign, "an index " + name + " exists that this change did not make"};
  if (index && index->usable) co_return Standing{Presence::done, "index " + name + " is valid on all partitions"};
  if (index) co_return Standing{Presence::partial, "index " + name + " is not on all partitions yet"};
  for (const auto& child : children_of(work.plan)) {
    auto left = co_await find_index(asker, child.schema, child.index);
    if (!left) co_return fail(std::move(left.error()));
    if (*left)
      co_return Standing{work.ours ? Presence::partial : Presence::foreign,
                         "index " + child.schema + "." + child.index + " is there without " + name};
  }
  co_return Standing{Presence::not_begun, "there is no index " + name};
}

net::TaskResult<std::vector<Step>> PartitionedIndexKind::steps(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  std::vector<Step> out;
  if (work.reverse) {
    for (const auto& sql : work.plan.sql_down) out.push_back({sql, Regime::strong_lock});
    co_return out;
  }
  auto parent = co_await find_index(asker, d.schema, d.index);
  if (!parent) co_return fail(std::move(parent.error()));
  const auto& statements = work.plan.sql_up;
  if (!*parent) out.push_back({statements.front(), Regime::strong_lock});
  const auto children = children_of(work.plan);
  std::vector<Step> attachments;
  for (std::size_t i = 0; i < children.size(); ++i) {
    const auto& child = children[i];
    auto built = co_await find_index(asker, child.schema, child.index);
    if (!built) co_return fail(std::move(built.error()));
    const auto& index = *built;
    // What an interrupted build left under our name.
    if (index && !index->usable)
      out.push_back({"DROP INDEX CONCURRENTLY " + quote_qualified(child.schema, child.index), Regime::concurrent});
    if (!index || !index->usable) out.push_back({statements[1 + i], Regime::concurrent});
    if (!index || !index->attached) attachments.push_back({statements[1 + children.size() + i], Regime::strong_lock});
  }
  out.insert(out.end(), attachments.begin(), attachments.end());
  co_return out;
}

net::TaskResult<RowSet> PartitionedIndexKind::clean(Asker* asker, Work work) const {
  if (work.reverse) co_return RowSet();
  const auto& d = detail_of(work);
  const pg::Params none;
  std::vector<std::string> statements{std::string(kCleanLockTimeout),
                                      "DROP INDEX IF EXISTS " + quote_qualified(d.schema, d.index),
                                      "SET lock_timeout TO 0"};
  for (const auto& child : children_of(work.plan))
    statements.push_back("DROP INDEX CONCURRENTLY IF EXISTS " + quote_qualified(child.schema, child.index));
  for (const auto& sql : statements) {
    auto done = co_await asker->ask(sql, none);
    if (!done) co_return done;
  }
  co_return RowSet();
}

net::TaskResult<RowSet> PartitionedIndexKind::finish(Asker* asker, Work work) const {
  if (work.reverse) co_return RowSet();
  const std::string sql = "COMMENT ON INDEX " + quote_qualified(detail_of(work).schema, detail_of(work).index) +
                          " IS " + quote_literal(comment_of(work));
  const pg::Params none;
  auto commented = co_await asker->ask(sql, none);
  co_return commented;
}

}  // namespace pgtend::change
