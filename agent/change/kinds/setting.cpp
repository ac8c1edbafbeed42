#include "agent/change/kinds/setting.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/setting_value.hpp"
#include "agent/change/kinds/statement_text.hpp"
#include "agent/policy/policy.hpp"

namespace pgtend::change {
namespace {

enum class Scope { system, role, table };

Scope scope_of(const SettingChange& d) {
  if (!d.table.empty()) return Scope::table;
  return d.role.empty() ? Scope::system : Scope::role;
}

const SettingChange& detail_of(const Work& work) {
  return std::get<SettingChange>(work.plan.detail);
}

std::string head_of(const SettingChange& d) {
  switch (scope_of(d)) {
    case Scope::system:
      return "ALTER SYSTEM";
    case Scope::role:
      return "ALTER ROLE " + quote_identifier(d.role);
    case Scope::table:
      return "ALTER TABLE " + quote_qualified(d.schema, d.table);
  }
  return {};
}

// The statement that gives `value` back at this scope; nullopt: that it is not set there.
std::string set_statement(const SettingChange& d, const std::optional<std::string>& value) {
  if (scope_of(d) == Scope::table)
    return head_of(d) + (value ? " SET (" + d.name + " = " + quote_literal(*value) + ")" : " RESET (" + d.name + ")");
  return head_of(d) + (value ? " SET " + d.name + " = " + quote_literal(*value) : " RESET " + d.name);
}

// A name that may stand in a statement as it is: settings cannot be parameters and are not quoted identifiers.
bool is_name(const std::string& name) {
  return !name.empty() && name.size() < 64 &&
         std::all_of(
             name.begin(), name.end(),
             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; });
}

// What is stored at the very scope of the change, one row with one column, or no row.
std::string stored_query(Scope scope) {
  switch (scope) {
    case Scope::system:
      return "SELECT f.setting AS value FROM pg_file_settings f WHERE f.name = $1 "
             "AND f.sourcefile LIKE '%postgresql.auto.conf' ORDER BY f.seqno DESC LIMIT 1";
    case Scope::role:
      return "SELECT substr(c, length($1) + 2) AS value FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = "
             "s.setrole, "
             "unnest(s.setconfig) AS c WHERE s.setdatabase = 0 AND r.rolname = $2 AND c LIKE replace($1, '_', '\\_') "
             "|| '=%'";
    case Scope::table:
      return "SELECT substr(o, length($1) + 2) AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
             "unnest(c.reloptions) AS o WHERE n.nspname = $2 AND c.relname = $3 AND o LIKE replace($1, '_', '\\_') || "
             "'=%'";
  }
  return {};
}

struct Stored {
  std::optional<std::string> value;  // nullopt: not set at this scope
};

net::TaskResult<Stored> read_stored(Asker* asker, SettingChange d) {
  pg::Params params{d.name};
  if (scope_of(d) == Scope::role) params.emplace_back(d.role);
  if (scope_of(d) == Scope::table) {
    params.emplace_back(d.schema);
    params.emplace_back(d.table);
  }
  const auto sql = stored_query(scope_of(d));
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "read " + d.name);
  Stored out;
  if (rows->size() > 0) out.value = rows->text(0, "value");
  co_return out;
}

bool same_stored(const std::optional<std::string>& a, const std::optional<std::string>& b, const std::string& unit) {
  return a.has_value() == b.has_value() && (!a || same_value(*a, *b, unit));
}

net::TaskResult<SettingBounds> read_bounds(Asker* asker, std::string name) {
  const std::string sql =
      "SELECT vartype, coalesce(unit, '') AS unit, context, coalesce(min_val, '') AS min_val, "
      "coalesce(max_val, '') AS max_val, enumvals, source FROM pg_settings WHERE name = $1";
  const pg::Params params{name};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "read pg_settings");
  if (rows->size() == 0) co_return fail(Errc::not_found, "this server has no setting " + name);
  SettingBounds out{name,
                    rows->text(0, "vartype"),
                    rows->text(0, "unit"),
                    rows->text(0, "context"),
                    rows->text(0, "min_val"),
                    rows->text(0, "max_val"),
                    parse_array(rows->text(0, "enumvals"))};
  if (out.context == "internal")
    co_return fail(Errc::refused, name + " is fixed when the server is built or initialised");
  if (rows->text(0, "source") == "command line")
    co_return fail(Errc::refused, name + " is given on the server's command line, which ALTER SYSTEM cannot change");
  co_return out;
}

Result<void> check_scope(const ProposedChange& plan, const SettingBounds& bounds) {
  const bool needs_restart = bounds.context == "postmaster";
  const auto scope = scope_of(std::get<SettingChange>(plan.detail));
  if (scope == Scope::role && bounds.context != "user" && bounds.context != "superuser")
    return fail(Errc::invalid_argument, bounds.name + " cannot be set for a role (context " + bounds.context + ")");
  if (scope == Scope::system && needs_restart != (plan.action == ActionClass::restart_setting))
    return fail(Errc::invalid_argument,
                bounds.name + (needs_restart ? " needs a restart: its action class is restart_setting"
                                             : " needs no restart: its action class is system_setting"));
  return {};
}

net::TaskResult<std::vector<std::string>> missing_for_system(Asker* asker, std::string name) {
  const std::string who =
      "SELECT r.rolsuper, session_user AS me, current_setting('server_version_num')::int >= 150000 AS can_grant "
      "FROM pg_roles r WHERE r.rolname = session_user";
  const pg::Params none;
  auto me = co_await asker->ask(who, none);
  if (!me) co_return fail(std::move(me.error()), "look at the acting role");
  std::vector<std::string> out;
  if (me->boolean(0, "rolsuper")) co_return out;
  const auto role = quote_identifier(me->text(0, "me"));
  if (!me->boolean(0, "can_grant")) {
    out.push_back("ALTER SYSTEM needs a superuser before PostgreSQL 15: ALTER ROLE " + role + " SUPERUSER");
    co_return out;
  }
  const std::string rights =
      "SELECT has_parameter_privilege($1, 'ALTER SYSTEM') AS alters, "
      "has_table_privilege('pg_catalog.pg_file_settings', 'SELECT') AND "
      "has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE') AS reads, "
      "has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') AS reloads";
  const pg::Params params{name};
  auto have = co_await asker->ask(rights, params);
  if (!have) co_return fail(std::move(have.error()), "look at the rights on " + name);
  if (!have->boolean(0, "alters"))
    out.push_back("changing the setting: GRANT ALTER SYSTEM ON PARAMETER " + name + " TO " + role);
  if (!have->boolean(0, "reads"))
    out.push_back("reading it back: GRANT SELECT ON pg_file_settings TO " + role +
                  "; GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO " + role);
  if (!have->boolean(0, "reloads"))
    out.push_back("taking it into use: GRANT EXECUTE ON FUNCTION pg_reload_conf() TO " + role);
  co_return out;
}

// A setting that only superusers set needs a right of its own, which can be granted since PostgreSQL 15.
net::TaskResult<bool> may_set(Asker* asker, std::string actor, std::string name) {
  const std::string sql =
      "SELECT s.context = 'user' OR r.rolsuper AS may, current_setting('server_version_num')::int >= 150000 AS "
      "can_grant "
      "FROM pg_settings s, pg_roles r WHERE s.name = $1 AND r.rolname = $2";
  const pg::Params params{name, actor};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at setting " + name);
  if (rows->boolean(0, "may") || !rows->boolean(0, "can_grant")) co_return rows->boolean(0, "may");
  const std::string granted = "SELECT has_parameter_privilege($2::name, $1, 'SET') AS may";
  auto may = co_await asker->ask(granted, params);
  if (!may) co_return fail(std::move(may.error()), "look at the rights on " + name);
  co_return may->boolean(0, "may");
}

// PostgreSQL lets a role change its own settings on every version, so membership in it (SET ROLE) is the narrowest way.
// CREATEROLE, from 16 on with ADMIN OPTION, does it too and is never asked for: before 16 it joins any role.
net::TaskResult<std::vector<std::string>> missing_for_role(Asker* asker, SettingChange d, std::string run_as_role) {
  const std::string sql =
      "SELECT me.rolname AS me, actor.rolname AS actor, them.rolsuper AND NOT actor.rolsuper AS above, v >= 160000 AS "
      "is_16, "
      "me.oid = actor.oid OR pg_has_role(me.oid, actor.oid, CASE WHEN v >= 160000 THEN 'SET' ELSE 'MEMBER' END) "
      "AS may_become, "
      "actor.rolsuper OR actor.oid = them.oid OR (actor.rolcreaterole AND "
      "(v < 160000 OR pg_has_role(actor.oid, them.oid, 'USAGE WITH ADMIN OPTION'))) AS may "
      "FROM pg_roles me, pg_roles them, pg_roles actor, (SELECT current_setting('server_version_num')::int AS v) "
      "server "
      "WHERE me.rolname = session_user AND them.rolname = $1 AND actor.rolname = coalesce(nullif($2, ''), "
      "session_user)";
  const pg::Params params{d.role, run_as_role};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at role " + d.role);
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no role " + d.role);
  std::vector<std::string> out;
  const auto me = quote_identifier(rows->text(0, "me")), actor = rows->text(0, "actor");
  if (rows->boolean(0, "above")) {
    out.push_back("only a superuser may change the settings of the superuser " + d.role +
                  ": run the shown SQL by hand");
    co_return out;
  }
  const auto join = [&](const std::string& role) {
    return "GRANT " + quote_identifier(role) + " TO " + me +
           (rows->boolean(0, "is_16") ? " WITH INHERIT FALSE, SET TRUE" : "");
  };
  if (!rows->boolean(0, "may_become"))
    out.push_back("changing the settings of " + actor + " as that role: " + join(actor));
  if (!rows->boolean(0, "may"))
    out.push_back("changing the settings of another role: propose it with run_as_role " + d.role + ", after " +
                  join(d.role));
  auto set = co_await may_set(asker, actor, d.name);
  if (!set) co_return fail(std::move(set.error()));
  if (!*set)
    out.push_back("setting " + d.name + ", which is a superuser's: GRANT SET ON PARAMETER " + d.name + " TO " +
                  quote_identifier(actor) + " (PostgreSQL 15 and newer; run the shown SQL by hand before)");
  co_return out;
}

// Whether the role itself may do it: it is no superuser, whose rights the acting role should not have, and the setting
// is for everybody.
net::TaskResult<bool> may_itself(Asker* asker, SettingChange d) {
  const std::string sql =
      "SELECT NOT r.rolsuper AND s.context = 'user' AS may FROM pg_roles r, pg_settings s WHERE r.rolname = $1 AND "
      "s.name "
      "= $2";
  const pg::Params params{d.role, d.name};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at role " + d.role);
  co_return rows->size() > 0 && rows->boolean(0, "may");
}

}  // namespace

Result<void> SettingKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<SettingChange>(&plan.detail);
  if (d == nullptr || !is_name(d->name)) return fail(Errc::invalid_argument, "a setting change names its setting");
  const auto scope = scope_of(*d);
  if (scope != Scope::table && policy::is_denied_setting(d->name))
    return fail(Errc::refused, "pgtend never changes " + d->name + ", granted or not");
  const bool class_fits = scope == Scope::table  ? plan.action == ActionClass::table_setting
                          : scope == Scope::role ? plan.action == ActionClass::role_setting
                                                 : plan.action == ActionClass::system_setting ||
                                                       plan.action == ActionClass::restart_setting;
  if (!class_fits) return fail(Errc::invalid_argument, "the action class and the scope of the setting disagree");
  if (plan.sql_up.size() != 1 || plan.sql_down.size() > 1)
    return fail(Errc::invalid_argument, "a setting change is one statement each way");
  // What is checked against policy and bounds must be what is sent.
  const auto check = [&](const std::string& sql, const std::optional<std::string>& value) -> Result<void> {
    const auto expected = set_statement(*d, value);
    if (same_statement(sql, expected)) return {};
    return fail(Errc::invalid_argument, "the statement is not what the plan describes, " + expected + ": " + sql);
  };
  if (auto up = check(plan.sql_up.front(), d->value); !up) return up;
  return plan.sql_down.empty() ? Result<void>() : check(plan.sql_down.front(), d->previous);
}

std::string SettingKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<SettingChange>(plan.detail);
  switch (scope_of(d)) {
    case Scope::system:
      return "setting " + d.name;
    case Scope::role:
      return "role " + d.role;
    case Scope::table:
      return d.schema + "." + d.table;
  }
  return {};
}

Regime SettingKind::regime(const ProposedChange& plan) const {
  return scope_of(std::get<SettingChange>(plan.detail)) == Scope::table ? Regime::strong_lock : Regime::plain;
}

bool SettingKind::is_measured(const ProposedChange& plan) const {
  return scope_of(std::get<SettingChange>(plan.detail)) != Scope::table;
}

net::TaskResult<ProposedChange> SettingKind::complete(Asker* asker, ProposedChange plan) const {
  auto& d = std::get<SettingChange>(plan.detail);
  if (scope_of(d) == Scope::role && plan.run_as_role.empty()) {
    auto itself = co_await may_itself(asker, d);
    if (!itself) co_return fail(std::move(itself.error()));
    if (*itself) plan.run_as_role = d.role;
  }
  if (!plan.sql_down.empty()) co_return plan;
  auto stored = co_await read_stored(asker, d);
  if (!stored) co_return fail(std::move(stored.error()));
  d.previous = stored->value;
  plan.sql_down = {set_statement(d, d.previous)};
  co_return plan;
}

net::TaskResult<std::vector<std::string>> SettingKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = false;
  if (scope_of(d) == Scope::system) co_return co_await missing_for_system(asker, d.name);
  if (scope_of(d) == Scope::role) co_return co_await missing_for_role(asker, d, work.plan.run_as_role);
  co_return co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
}

net::TaskResult<std::string> SettingKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  std::string unit = d.unit;
  if (scope_of(d) != Scope::table) {
    auto bounds = co_await read_bounds(asker, d.name);
    if (!bounds) co_return fail(std::move(bounds.error()));
    unit = bounds->unit;
    if (auto fits = check_scope(work.plan, *bounds); !fits) co_return fail(std::move(fits.error()));
    if (auto fits = check_value(*bounds, d.value, work.ram_bytes); !fits) co_return fail(std::move(fits.error()));
  }
  auto stored = co_await read_stored(asker, d);
  if (!stored) co_return fail(std::move(stored.error()));
  if (!work.ours && !same_stored(stored->value, d.previous, unit))
    co_return fail(Errc::conflict, d.name + " is now " + (stored->value ? "set to " + *stored->value : "not set") +
                                       " at this scope; the plan was made for " + d.previous.value_or("not set"));
  co_return unit;
}

net::TaskResult<std::string> SettingKind::snapshot(Asker* asker, Work work) const {
  nlohmann::json out;
  const std::string sql =
      "SELECT pg_postmaster_start_time()::text AS started, "
      "(SELECT coalesce(unit, '') FROM pg_settings WHERE name = $1) AS unit";
  const pg::Params params{detail_of(work).name};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "read the server's start time");
  out["started"] = rows->text(0, "started");
  out["unit"] = rows->text(0, "unit");
  co_return out.dump();
}

net::TaskResult<Standing> SettingKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto stored = co_await read_stored(asker, d);
  if (!stored) co_return fail(std::move(stored.error()));
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  const auto unit = before.is_object() ? before.value("unit", d.unit) : d.unit;
  const std::optional<std::string> wanted = work.reverse ? d.previous : std::optional<std::string>(d.value);
  const std::optional<std::string> was = work.reverse ? std::optional<std::string>(d.value) : d.previous;
  const std::string found =
      d.name + " is " + (stored->value ? "set to " + *stored->value : "not set") + " at this scope";
  if (same_stored(stored->value, wanted, unit)) co_return Standing{Presence::done, found};
  if (same_stored(stored->value, was, unit)) co_return Standing{Presence::not_begun, found};
  co_return Standing{Presence::foreign, found + ", by somebody else"};
}

net::TaskResult<RowSet> SettingKind::finish(Asker* asker, Work work) const {
  if (scope_of(detail_of(work)) != Scope::system) co_return RowSet();
  const std::string sql = "SELECT pg_reload_conf()";
  const pg::Params none;
  auto reloaded = co_await asker->ask(sql, none);
  co_return reloaded;
}

net::TaskResult<bool> SettingKind::takes_effect(Asker* fresh, Work work) const {
  const auto& d = detail_of(work);
  if (scope_of(d) != Scope::system) co_return false;
  const std::string sql =
      // What the session set for itself is not what the server has.
      "SELECT s.pending_restart, s.context = 'postmaster' AS at_start, s.reset_val AS setting, coalesce(s.unit, '') AS "
      "unit, "
      "  (SELECT coalesce(f.error, '') FROM pg_file_settings f WHERE f.name = s.name "
      "   AND f.sourcefile LIKE '%postgresql.auto.conf' ORDER BY f.seqno DESC LIMIT 1) AS error "
      "FROM pg_settings s WHERE s.name = $1";
  const pg::Params params{d.name};
  auto rows = co_await fresh->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "verify " + d.name);
  const bool as_wanted = same_value(rows->text(0, "setting"), d.value, rows->text(0, "unit"));
  const bool pending = rows->boolean(0, "pending_restart");
  // A restart setting always shows "could not be applied" in pg_file_settings until the restart.
  if (rows->boolean(0, "at_start")) {
    if (work.reverse || as_wanted || pending) co_return pending;
    co_return fail(Errc::conflict, d.name + " is not pending yet", true);
  }
  if (const auto error = rows->text(0, "error"); !error.empty())
    co_return fail(Errc::conflict, "pg_file_settings says of " + d.name + ": " + error);
  // With RESET the value falls back to the file or the default, whichever that is.
  if (!work.reverse && !as_wanted)
    co_return fail(Errc::conflict, d.name + " is " + rows->text(0, "setting") + " in a new session, not " + d.value,
                   true);
  co_return false;
}

}  // namespace pgtend::change
