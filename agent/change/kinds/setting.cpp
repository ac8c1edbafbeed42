#include "agent/change/kinds/setting.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/setting_rights.hpp"
#include "agent/change/kinds/setting_value.hpp"
#include "agent/change/kinds/statement_text.hpp"
#include "agent/policy/policy.hpp"

namespace pgtend::change {
namespace {

enum class Scope { system, role, database, table };

Scope scope_of(const SettingChange& d) {
  if (!d.table.empty()) return Scope::table;
  if (!d.database.empty()) return Scope::database;
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
    case Scope::database:
      return "ALTER DATABASE " + quote_identifier(d.database);
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
    case Scope::database:
      return "SELECT substr(c, length($1) + 2) AS value FROM pg_db_role_setting s JOIN pg_database d ON d.oid = "
             "s.setdatabase, "
             "unnest(s.setconfig) AS c WHERE s.setrole = 0 AND d.datname = $2 AND c LIKE replace($1, '_', '\\_') "
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
  if (scope_of(d) == Scope::database) params.emplace_back(d.database);
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

bool is_class_of(Scope scope, ActionClass action) {
  switch (scope) {
    case Scope::system:
      return action == ActionClass::system_setting || action == ActionClass::restart_setting;
    case Scope::role:
      return action == ActionClass::role_setting;
    case Scope::database:
      return action == ActionClass::database_setting;
    case Scope::table:
      return action == ActionClass::table_setting;
  }
  return false;
}

Result<void> check_scope(const ProposedChange& plan, const SettingBounds& bounds) {
  const bool needs_restart = bounds.context == "postmaster";
  const auto scope = scope_of(std::get<SettingChange>(plan.detail));
  const bool for_sessions = scope == Scope::role || scope == Scope::database;
  if (for_sessions && bounds.context != "user" && bounds.context != "superuser")
    return fail(Errc::invalid_argument,
                bounds.name + " cannot be set for a role or a database (context " + bounds.context + ")");
  if (scope == Scope::system && needs_restart != (plan.action == ActionClass::restart_setting))
    return fail(Errc::invalid_argument,
                bounds.name + (needs_restart ? " needs a restart: its action class is restart_setting"
                                             : " needs no restart: its action class is system_setting"));
  return {};
}

}  // namespace

void SettingKind::compose(ProposedChange& plan) const {
  const auto* d = std::get_if<SettingChange>(&plan.detail);
  if (d != nullptr && is_name(d->name) && plan.sql_up.empty()) plan.sql_up = {set_statement(*d, d->value)};
}

Result<void> SettingKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<SettingChange>(&plan.detail);
  if (d == nullptr || !is_name(d->name)) return fail(Errc::invalid_argument, "a setting change names its setting");
  const auto scope = scope_of(*d);
  if (scope != Scope::table && policy::is_denied_setting(d->name))
    return fail(Errc::refused, "pgtend never changes " + d->name + ", granted or not");
  if (!is_class_of(scope, plan.action))
    return fail(Errc::invalid_argument, "the action class and the scope of the setting disagree");
  if (!d->column.empty() || (scope == Scope::database && (!d->role.empty() || d->database != plan.database)))
    return fail(Errc::invalid_argument, "a setting is changed at one scope, a database's in that very database");
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
    case Scope::database:
      return "database " + d.database;
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

net::TaskResult<ProposedChange> SettingKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  auto& d = std::get<SettingChange>(plan.detail);
  const auto scope = scope_of(d);
  if ((scope == Scope::role || scope == Scope::database) && plan.run_as_role.empty()) {
    auto who = scope == Scope::role ? co_await who_sets_for_role(asker, d) : co_await who_sets_for_database(asker, d);
    if (!who) co_return fail(std::move(who.error()));
    plan.run_as_role = *who;
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
  if (scope_of(d) == Scope::database) co_return co_await missing_for_database(asker, d, work.plan.run_as_role);
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

bool SettingKind::needs_new_session(const ProposedChange& plan) const {
  const auto* d = std::get_if<SettingChange>(&plan.detail);
  return d != nullptr && scope_of(*d) == Scope::system;
}

net::TaskResult<bool> SettingKind::takes_effect(Asker* fresh, Work work) const {
  const auto& d = detail_of(work);
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
