#include <unistd.h>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/change/kinds/kind.hpp"
#include "agent/policy/policy.hpp"

// ALTER SYSTEM, ALTER ROLE … SET and storage parameters of a table. The value to go back to, and whether there was one at
// that scope at all, is read just before: undo is SET or RESET.
namespace pgtend::change {

namespace {

// PostgreSQL accepts a shared_buffers that breaks the next start: a memory setting above this share of RAM is refused.
constexpr double kMemoryShare = 0.5;

std::string scope_prefix(const SettingChange& s) {
  if (!s.table.empty()) return "alter table " + quote_qualified(s.schema, s.table) + " ";
  return s.role.empty() ? "alter system " : "alter role " + quote_identifier(s.role) + " ";
}

std::string set_sql(const SettingChange& s, const std::string& value) {
  if (!s.table.empty()) return scope_prefix(s) + "set (" + quote_identifier(s.name) + " = " + quote_literal(value) + ")";
  return scope_prefix(s) + "set " + quote_identifier(s.name) + " to " + quote_literal(value);
}

std::string reset_sql(const SettingChange& s) {
  if (!s.table.empty()) return scope_prefix(s) + "reset (" + quote_identifier(s.name) + ")";
  return scope_prefix(s) + "reset " + quote_identifier(s.name);
}

// The value at this scope, no row when none is set there.
std::string current_sql(const SettingChange& s) {
  if (!s.table.empty())
    return "select o.option_value as value from pg_catalog.pg_class c "
           "join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
           "cross join lateral pg_catalog.pg_options_to_table(c.reloptions) o "
           "where n.nspname = $2 and c.relname = $3 and o.option_name = $1";
  if (!s.role.empty())
    return "select pg_catalog.substr(u, pg_catalog.strpos(u, '=') + 1) as value from pg_catalog.pg_db_role_setting s "
           "join pg_catalog.pg_roles r on r.oid = s.setrole cross join lateral pg_catalog.unnest(s.setconfig) u "
           "where s.setdatabase = 0 and r.rolname = $2 and pg_catalog.split_part(u, '=', 1) = $1 and $3::text is not null";
  return "select setting as value, error from pg_catalog.pg_file_settings "
         "where name = $1 and sourcefile like '%postgresql.auto.conf' and $2::text is not null and $3::text is not null "
         "order by seqno desc limit 1";
}

pg::Params current_params(const SettingChange& s) {
  if (!s.table.empty()) return {s.name, s.schema, s.table};
  return {s.name, s.role, std::string()};
}

class SettingKind final : public Kind {
 public:
  Regime regime() const override { return Regime::strong_lock; }
  Millis timeout(const PipelineOptions& options) const override { return options.setting_timeout; }
  bool observed() const override { return true; }

  net::TaskResult<ProposedChange> prepare(pg::Connection& connection, ProposedChange plan,
                                          Deadline deadline) const override {
    auto detail = std::get<SettingChange>(plan.detail);
    if (policy::is_denied_setting(detail.name))
      co_return fail(Errc::refused, detail.name + " is on the list of settings that pgtend never changes");
    if (detail.table.empty()) {
      auto known = co_await check_setting(connection, detail, deadline);
      if (!known) co_return fail(std::move(known.error()));
    }
    auto right = co_await check_right(connection, detail, deadline);
    if (!right) co_return fail(std::move(right.error()));
    plan.run_as_role = *right;
    auto current = co_await connection.query(current_sql(detail), current_params(detail), deadline);
    if (!current) {
      if (current.error().code == Errc::permission)
        co_return fail(missing_right("the present value of " + detail.name + " cannot be read",
                                     "GRANT SELECT ON pg_file_settings TO <role>; GRANT EXECUTE ON FUNCTION "
                                     "pg_show_all_file_settings() TO <role>"));
      co_return fail(std::move(current.error()));
    }
    detail.previous.reset();
    if (current->size() != 0) detail.previous = current->text(0, "value");
    plan.sql_down = {detail.previous ? set_sql(detail, *detail.previous) : reset_sql(detail)};
    plan.detail = detail;
    co_return plan;
  }

  net::TaskResult<bool> finish(pg::Connection& connection, Change change, bool undo, Deadline deadline) const override {
    const auto detail = std::get<SettingChange>(change.plan.detail);
    if (!detail.role.empty() || !detail.table.empty()) co_return true;
    auto bad = co_await connection.query(
        "select error from pg_catalog.pg_file_settings where name = $1 and error is not null and error not like "
        "'%could not be applied%'",
        pg::Params{detail.name}, deadline);
    if (bad && bad->size() != 0 && !undo)
      co_return fail(Errc::invalid_argument, "the server does not accept it: " + bad->text(0, "error"));
    auto reloaded = co_await connection.execute("select pg_catalog.pg_reload_conf()", deadline);
    if (!reloaded) co_return fail(std::move(reloaded.error()), "reload the configuration");
    co_return true;
  }

  net::TaskResult<Sight> look(pg::Connection& connection, Change change, Deadline deadline) const override {
    const auto detail = std::get<SettingChange>(change.plan.detail);
    auto current = co_await connection.query(current_sql(detail), current_params(detail), deadline);
    if (!current) co_return fail(std::move(current.error()));
    co_return current->size() != 0 && current->text(0, "value") == detail.value ? Sight::present : Sight::absent;
  }

  net::TaskResult<bool> clean(pg::Connection&, Change, Deadline) const override { co_return true; }

  net::TaskResult<bool> may_undo(pg::Connection& connection, Change change, Deadline deadline) const override {
    auto seen = co_await look(connection, change, deadline);
    if (!seen) co_return fail(std::move(seen.error()));
    if (*seen != Sight::present)
      co_return fail(Errc::conflict, "the setting is not what pgtend set: somebody changed it since");
    co_return true;
  }

 private:
  static net::TaskResult<bool> check_setting(pg::Connection& connection, SettingChange detail, Deadline deadline) {
    auto rows = co_await connection.query(
        "select context, unit, vartype, sourcefile from pg_catalog.pg_settings where name = $1",
        pg::Params{detail.name}, deadline);
    if (!rows) co_return fail(std::move(rows.error()));
    if (rows->size() == 0) co_return fail(Errc::invalid_argument, "there is no setting " + detail.name);
    const auto context = rows->text(0, "context");
    if (context == "internal") co_return fail(Errc::refused, detail.name + " cannot be set at all");
    if (!detail.role.empty() && context != "user" && context != "superuser")
      co_return fail(Errc::refused, detail.name + " cannot be set for a role (context " + context + ")");
    const auto file = rows->text(0, "sourcefile");
    if (detail.role.empty() && !file.empty() && !file.ends_with("postgresql.auto.conf"))
      co_return fail(Errc::refused, detail.name + " is managed in " + file + ": change it there");
    const auto unit = rows->text(0, "unit");
    if (unit == "kB" || unit == "8kB" || unit == "MB" || unit == "B") {
      const auto bytes = parse_bytes(detail.value);
      const double ram = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
      if (connection.is_local() && bytes && static_cast<double>(*bytes) > ram * kMemoryShare &&
          detail.name.find("wal") == std::string::npos)
        co_return fail(Errc::refused, detail.name + " = " + detail.value + " is more than half of this host's memory");
    }
    co_return true;
  }

  // Result: the role to act as, empty for the session's own.
  static net::TaskResult<std::string> check_right(pg::Connection& connection, SettingChange detail, Deadline deadline) {
    if (!detail.table.empty()) {
      auto owner = co_await ownership(connection, detail.schema, detail.table, deadline);
      if (!owner) co_return fail(std::move(owner.error()));
      if (!owner->may_act)
        co_return fail(missing_right("role " + owner->session_user + " may not alter " +
                                         quote_qualified(detail.schema, detail.table),
                                     "GRANT " + quote_identifier(owner->owner) + " TO " +
                                         quote_identifier(owner->session_user)));
      co_return owner->owner;
    }
    static const std::string sql = R"(
      select session_user as me, r.rolsuper, r.rolcreaterole, session_user::text = $1 as own,
             pg_catalog.current_setting('server_version_num')::int as version
      from pg_catalog.pg_roles r where r.rolname = session_user)";
    auto rows = co_await connection.query(sql, pg::Params{detail.role}, deadline);
    if (!rows) co_return fail(std::move(rows.error()));
    const std::string me = rows->text(0, "me");
    if (rows->boolean(0, "rolsuper")) co_return std::string();
    const auto version = rows->integer(0, "version").value_or(0);
    if (!detail.role.empty()) {
      if (rows->boolean(0, "own") || rows->boolean(0, "rolcreaterole")) co_return std::string();
      co_return fail(missing_right("role " + me + " may not alter role " + detail.role,
                                   "ALTER ROLE " + quote_identifier(me) + " CREATEROLE"));
    }
    if (version < 150000)
      co_return fail(missing_right("before PostgreSQL 15 only a superuser may ALTER SYSTEM", "apply it as a superuser"));
    auto granted = co_await connection.query(
        "select pg_catalog.has_parameter_privilege($1, 'ALTER SYSTEM') as may, "
        "pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') as reload",
        pg::Params{detail.name}, deadline);
    if (!granted) co_return fail(std::move(granted.error()));
    if (!granted->boolean(0, "may"))
      co_return fail(missing_right("role " + me + " may not ALTER SYSTEM SET " + detail.name,
                                   "GRANT ALTER SYSTEM ON PARAMETER " + detail.name + " TO " + quote_identifier(me)));
    if (!granted->boolean(0, "reload"))
      co_return fail(missing_right("role " + me + " may not reload the configuration",
                                   "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO " + quote_identifier(me)));
    co_return std::string();
  }
};

}  // namespace

const Kind& setting_kind() {
  static const SettingKind kind;
  return kind;
}

}  // namespace pgtend::change
