#include "agent/change/kinds/setting_rights.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::change {
namespace {

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

std::string missing_set(const std::string& name, const std::string& actor) {
  return "setting " + name + ", which is a superuser's: GRANT SET ON PARAMETER " + name + " TO " +
         quote_identifier(actor) + " (PostgreSQL 15 and newer; run the shown SQL by hand before)";
}

}  // namespace

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
  if (!*set) out.push_back(missing_set(d.name, actor));
  co_return out;
}

net::TaskResult<std::string> who_sets_for_role(Asker* asker, SettingChange d) {
  const std::string sql =
      "SELECT CASE WHEN NOT r.rolsuper AND s.context = 'user' THEN r.rolname END AS who "
      "FROM pg_roles r, pg_settings s WHERE r.rolname = $1 AND s.name = $2";
  const pg::Params params{d.role, d.name};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at role " + d.role);
  co_return rows->text(0, "who");
}

net::TaskResult<std::string> who_sets_for_database(Asker* asker, SettingChange d) {
  const std::string sql =
      "SELECT CASE WHEN NOT r.rolsuper THEN r.rolname END AS who FROM pg_database b JOIN pg_roles r ON r.oid = "
      "b.datdba WHERE b.datname = $1";
  const pg::Params params{d.database};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at database " + d.database);
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no database " + d.database);
  co_return rows->text(0, "who");
}

// Only its owner and superusers change the settings of a database.
net::TaskResult<std::vector<std::string>> missing_for_database(Asker* asker, SettingChange d, std::string run_as_role) {
  const std::string sql =
      "SELECT me.rolname AS me, actor.rolname AS actor, owner.rolname AS owner, owner.rolsuper AND NOT actor.rolsuper "
      "AS above, v >= 160000 AS is_16, "
      "me.oid = actor.oid OR pg_has_role(me.oid, actor.oid, CASE WHEN v >= 160000 THEN 'SET' ELSE 'MEMBER' END) "
      "AS may_become, "
      "actor.rolsuper OR pg_has_role(actor.oid, owner.oid, 'USAGE') AS owns "
      "FROM pg_roles me, pg_roles actor, pg_database b JOIN pg_roles owner ON owner.oid = b.datdba, "
      "(SELECT current_setting('server_version_num')::int AS v) server "
      "WHERE me.rolname = session_user AND b.datname = $1 AND actor.rolname = coalesce(nullif($2, ''), session_user)";
  const pg::Params params{d.database, run_as_role};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at database " + d.database);
  if (rows->size() == 0)
    co_return fail(Errc::not_found, "there is no database " + d.database + ", or no role " + run_as_role);
  std::vector<std::string> out;
  const auto actor = rows->text(0, "actor"), owner = rows->text(0, "owner");
  if (rows->boolean(0, "above")) {
    out.push_back("the superuser " + owner +
                  " owns the database, and only a superuser may change its settings: ALTER DATABASE " +
                  quote_identifier(d.database) + " OWNER TO a role of its own, or run the shown SQL by hand");
    co_return out;
  }
  const auto join = [&](const std::string& role) {
    return "GRANT " + quote_identifier(role) + " TO " + quote_identifier(rows->text(0, "me")) +
           (rows->boolean(0, "is_16") ? " WITH INHERIT FALSE, SET TRUE" : "");
  };
  if (!rows->boolean(0, "may_become"))
    out.push_back("changing the settings of the database as " + actor + ": " + join(actor));
  if (!rows->boolean(0, "owns"))
    out.push_back("only the owner changes the settings of a database: propose it with run_as_role " + owner +
                  ", after " + join(owner));
  auto set = co_await may_set(asker, actor, d.name);
  if (!set) co_return fail(std::move(set.error()));
  if (!*set) out.push_back(missing_set(d.name, actor));
  co_return out;
}

}  // namespace pgtend::change
