#include "agent/change/kinds/row_security.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

enum class Act { create, alter, drop, enable, disable, force, no_force };

const RowSecurityChange& detail_of(const Work& work) {
  return std::get<RowSecurityChange>(work.plan.detail);
}

std::string switch_statement(const RowSecurityChange& d, std::string_view word) {
  return "ALTER TABLE " + quote_qualified(d.schema, d.table) + " " + std::string(word) + " ROW LEVEL SECURITY";
}
std::string drop_statement(const RowSecurityChange& d) {
  return "DROP POLICY " + quote_identifier(d.policy) + " ON " + quote_qualified(d.schema, d.table);
}
bool is_create(const std::string& sql, const RowSecurityChange& d) {
  StatementReader reader(sql);
  reader.word("create").word("policy").word(d.policy).word("on").qualified(d.schema, d.table);
  return reader.ok();
}

// Its roles and conditions; not another name, under which it would not be found.
bool is_alter(const std::string& sql, const RowSecurityChange& d) {
  StatementReader reader(sql);
  reader.word("alter").word("policy").word(d.policy).word("on").qualified(d.schema, d.table);
  return reader.more() && !names_word(sql, "rename");
}

// What a statement does to the table that the detail names; nullopt: something else.
std::optional<Act> read_act(const std::string& sql, const RowSecurityChange& d) {
  if (!d.policy.empty()) {
    if (is_create(sql, d)) return Act::create;
    if (is_alter(sql, d)) return Act::alter;
    if (same_statement(sql, drop_statement(d))) return Act::drop;
    return std::nullopt;
  }
  if (same_statement(sql, switch_statement(d, "ENABLE"))) return Act::enable;
  if (same_statement(sql, switch_statement(d, "DISABLE"))) return Act::disable;
  if (same_statement(sql, switch_statement(d, "FORCE"))) return Act::force;
  if (same_statement(sql, switch_statement(d, "NO FORCE"))) return Act::no_force;
  return std::nullopt;
}

// REQUIRES: the plan is validated.
Act act_of(const Work& work) {
  const auto& sql = work.reverse ? work.plan.sql_down.front() : work.plan.sql_up.front();
  return read_act(sql, detail_of(work)).value_or(Act::enable);
}

struct Table {
  std::string oid;
  bool enabled = false, forced = false;
  bool has_policy = false;
  std::string definition, digest, comment;  // of the policy; definition: a CREATE POLICY
  std::string roles_and_conditions;         // of its definition: what ALTER POLICY sets
  bool has_using = false, has_check = false;
};

net::TaskResult<Table> find(Asker* asker, RowSecurityChange d) {
  const std::string sql =
      "SELECT c.oid, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced, p.polname IS NOT NULL AS "
      "has_policy, "
      "p.polqual IS NOT NULL AS has_using, p.polwithcheck IS NOT NULL AS has_check, "
      "'CREATE POLICY ' || quote_ident(p.polname) || ' ON ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) "
      "|| ' AS ' || CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END || ' FOR ' || "
      "CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE "
      "'ALL' END AS head, ' TO ' || "
      "(SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ') FROM "
      "unnest(p.polroles) AS role) "
      "|| coalesce(' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', '') "
      "|| coalesce(' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '') AS tail, "
      "coalesce(obj_description(p.oid, 'pg_policy'), '') AS comment "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_policy p ON p.polrelid = c.oid AND "
      "p.polname = $3 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')";
  const pg::Params names{d.schema, d.table, d.policy};
  auto rows = co_await asker->ask(sql, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at " + d.schema + "." + d.table);
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no table " + d.schema + "." + d.table);
  Table out;
  out.oid = rows->text(0, "oid");
  out.enabled = rows->boolean(0, "enabled");
  out.forced = rows->boolean(0, "forced");
  out.has_policy = rows->boolean(0, "has_policy");
  out.roles_and_conditions = rows->text(0, "tail");
  out.definition = rows->text(0, "head") + out.roles_and_conditions;
  out.comment = rows->text(0, "comment");
  out.has_using = rows->boolean(0, "has_using");
  out.has_check = rows->boolean(0, "has_check");
  if (!out.has_policy) co_return out;
  const std::string hash = "SELECT md5($1) AS digest";
  const pg::Params text{out.definition};
  auto digest = co_await asker->ask(hash, text);
  if (!digest) co_return fail(std::move(digest.error()), "look at policy " + d.policy);
  out.digest = digest->text(0, "digest");
  co_return out;
}

std::string comment_of(const Work& work, const Table& table) {
  return "pgtend:" + work.change_id + " " + table.digest;
}

// Behind the comment that an altered policy had.
std::string mark_start(const Work& work) {
  return "pgtend:" + work.change_id + " ";
}
std::string without_mark(const Work& work, const Table& table) {
  auto out = table.comment.substr(0, std::min(table.comment.find(mark_start(work)), table.comment.size()));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// ALTER POLICY sets conditions and takes none away.
Result<void> can_be_set_back(const std::string& sql, const RowSecurityChange& d, const Table& table) {
  const bool adds_using = !table.has_using && names_word(sql, "using");
  if (!adds_using && (table.has_check || !names_word(sql, "check"))) return {};
  return fail(Errc::unsupported, "policy " + d.policy + " has no " + (adds_using ? "USING" : "WITH CHECK") +
                                     " now, and ALTER POLICY could not take the new one away again; create a policy "
                                     "under another name and drop this one");
}

// Whether the table is as the act leaves it.
bool is_done(Act act, const Table& table) {
  switch (act) {
    case Act::create:
      return table.has_policy;
    case Act::alter:  // the digests tell; probe() compares them
      return false;
    case Act::drop:
      return !table.has_policy;
    case Act::enable:
      return table.enabled;
    case Act::disable:
      return !table.enabled;
    case Act::force:
      return table.forced;
    case Act::no_force:
      return !table.forced;
  }
  return false;
}

std::string way_back(Act act, const RowSecurityChange& d, const Table& table) {
  switch (act) {
    case Act::create:
      return drop_statement(d);
    case Act::alter:
      return "ALTER POLICY " + quote_identifier(d.policy) + " ON " + quote_qualified(d.schema, d.table) +
             table.roles_and_conditions;
    case Act::drop:
      return table.definition;
    case Act::enable:
      return switch_statement(d, "DISABLE");
    case Act::disable:
      return switch_statement(d, "ENABLE");
    case Act::force:
      return switch_statement(d, "NO FORCE");
    case Act::no_force:
      return switch_statement(d, "FORCE");
  }
  return {};
}

std::string found_text(const RowSecurityChange& d, const Table& table) {
  const std::string name = d.schema + "." + d.table;
  if (!d.policy.empty())
    return (table.has_policy ? "there is a policy " : "there is no policy ") + d.policy + " on " + name;
  return "row-level security of " + name + " is " + (table.enabled ? "enabled" : "disabled") +
         (table.forced ? " and forced" : " and not forced");
}

// One statement, whose result the server spells in its own way: what is not as before is what this change made of it,
// and from then on the digest in the comment says so.
Standing standing_of_altered(const Work& work, const Table& table, const std::string& found) {
  if (!table.has_policy) return {Presence::foreign, found};
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  const auto old = before.is_object() ? before.value("digest", std::string()) : std::string();
  const bool as_before = old.empty() ? !work.reverse : table.digest == old;
  if (as_before) return {work.reverse ? Presence::done : Presence::not_begun, found + " as it was before"};
  const bool marked = table.comment.find(mark_start(work)) != std::string::npos;
  const bool mine = marked ? table.comment.ends_with(comment_of(work, table)) : work.ours && !work.reverse;
  if (!mine) return {Presence::foreign, found + " that is not as this change made it"};
  return {work.reverse ? Presence::not_begun : Presence::done, found + " as this change made it"};
}

}  // namespace

Result<void> RowSecurityKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<RowSecurityChange>(&plan.detail);
  if (d == nullptr || d->schema.empty() || d->table.empty() || plan.kind != ChangeKind::row_security ||
      plan.action != ActionClass::row_security)
    return fail(Errc::invalid_argument,
                "a change of row security names its schema and table, and the policy if it is one's");
  if (plan.sql_up.size() != 1 || plan.sql_down.size() > 1)
    return fail(Errc::invalid_argument, "a change of row security is one statement each way");
  const auto wanted = d->policy.empty()
                          ? switch_statement(*d, "ENABLE (or DISABLE, FORCE, NO FORCE)")
                          : "CREATE POLICY " + quote_identifier(d->policy) + " ON " +
                                quote_qualified(d->schema, d->table) + " …, ALTER POLICY …, or " + drop_statement(*d);
  for (const auto& sql : {plan.sql_up, plan.sql_down})
    if (!sql.empty() && !read_act(sql.front(), *d))
      return fail(Errc::invalid_argument,
                  "the statement is not what the plan describes, " + wanted + ": " + sql.front());
  return {};
}

std::string RowSecurityKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<RowSecurityChange>(plan.detail);
  return d.schema + "." + d.table;
}

net::TaskResult<ProposedChange> RowSecurityKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  const auto& d = std::get<RowSecurityChange>(plan.detail);
  plan.lock = LockLevel::access_exclusive;
  auto table = co_await find(asker, d);
  if (!table) co_return fail(std::move(table.error()));
  const auto act = read_act(plan.sql_up.front(), d).value_or(Act::enable);
  if ((act == Act::drop || act == Act::alter) && !table->has_policy)
    co_return fail(Errc::not_found, found_text(d, *table));
  if (act == Act::alter)
    if (auto back = can_be_set_back(plan.sql_up.front(), d, *table); !back) co_return fail(std::move(back.error()));
  // The only way back is what is there now.
  const auto back = way_back(act, d, *table);
  if (!plan.sql_down.empty() && !same_statement(plan.sql_down.front(), back))
    co_return fail(Errc::invalid_argument, "the way back is not how it is now: " + back);
  plan.sql_down = {back};
  co_return plan;
}

net::TaskResult<std::vector<std::string>> RowSecurityKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = false;
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
  co_return missing;
}

net::TaskResult<std::string> RowSecurityKind::fingerprint(Asker* asker, Work work) const {
  auto table = co_await find(asker, detail_of(work));
  if (!table) co_return fail(std::move(table.error()));
  const auto act = act_of(work);
  if (act == Act::alter && !table->has_policy) co_return fail(Errc::not_found, found_text(detail_of(work), *table));
  const bool of_policy = act == Act::drop || act == Act::alter;
  co_return table->oid + (of_policy && !work.ours ? " " + table->digest : "");
}

net::TaskResult<std::string> RowSecurityKind::snapshot(Asker* asker, Work work) const {
  auto table = co_await find(asker, detail_of(work));
  if (!table) co_return fail(std::move(table.error()));
  nlohmann::json out;
  out["digest"] = table->digest;
  co_return out.dump();
}

net::TaskResult<Standing> RowSecurityKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto table = co_await find(asker, d);
  if (!table) co_return fail(std::move(table.error()));
  const auto act = act_of(work);
  const auto found = found_text(d, *table);
  if (act == Act::alter) co_return standing_of_altered(work, *table, found);
  const bool mine = table->comment == comment_of(work, *table);
  // One transaction each: there is nothing half done.
  if (act == Act::create && table->has_policy && !mine && (!work.ours || table->comment.starts_with("pgtend:")))
    co_return Standing{Presence::foreign, found + " that this change did not make"};
  if (work.reverse && act == Act::drop && table->has_policy && !mine)
    co_return Standing{Presence::foreign, found + " that is not, or not as, this change made it"};
  co_return Standing{is_done(act, *table) ? Presence::done : Presence::not_begun, found};
}

net::TaskResult<RowSet> RowSecurityKind::finish(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const auto act = act_of(work);
  if (act != Act::alter && (work.reverse || act != Act::create)) co_return RowSet();
  auto table = co_await find(asker, d);
  if (!table) co_return fail(std::move(table.error()));
  const auto standing = standing_of_altered(work, *table, "");
  if (act == Act::alter && standing.presence != Presence::done) co_return RowSet();
  const auto kept = act == Act::alter ? without_mark(work, *table) : std::string();
  const auto mark = work.reverse ? std::string() : comment_of(work, *table);
  const auto text = kept + (kept.empty() || mark.empty() ? "" : " ") + mark;
  if (text == table->comment) co_return RowSet();
  const std::string sql = "COMMENT ON POLICY " + quote_identifier(d.policy) + " ON " +
                          quote_qualified(d.schema, d.table) + " IS " + (text.empty() ? "NULL" : quote_literal(text));
  const pg::Params none;
  auto commented = co_await asker->ask(sql, none);
  co_return commented;
}

}  // namespace pgtend::change
