#include "agent/pg/capabilities.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/pg/capability_table.hpp"

namespace pgtend::pg {
namespace {

constexpr Millis kQuestionTimeout{5'000};
// So many tables of a superuser, or roles, are named in one cure.
constexpr std::size_t kNamed = 5;

std::string fill(std::string_view text, const std::string& role, const std::string& database) {
  std::string out(text);
  const auto replace = [&](std::string_view what, const std::string& by) {
    for (auto at = out.find(what); at != std::string::npos; at = out.find(what, at + by.size()))
      out.replace(at, what.size(), by);
  };
  replace("{role}", quote_identifier(role));
  replace("{database}", quote_identifier(database));
  return out;
}

Capability capability(std::string name, Purpose purpose, bool present, std::string effect, std::string cure) {
  Capability out;
  out.name = std::move(name);
  out.present = present;
  out.effect = std::move(effect);
  if (!present) out.cure = std::move(cure);
  out.purpose = purpose;
  return out;
}

// Answers that could not be had are empty rows: the capability counts as missing. Only a lost session is an error.
net::TaskResult<RowSet> ask(Connection* connection, std::string sql, Params params) {
  const auto deadline = std::chrono::steady_clock::now() + kQuestionTimeout;
  auto answer = co_await connection->query(sql, params, deadline);
  if (!answer && !connection->healthy()) co_return answer;
  co_return answer ? std::move(*answer) : RowSet();
}

std::string libraries_cure(const RowSet& row) {
  auto libraries = row.text(0, "libraries");
  libraries += libraries.empty() ? "pg_stat_statements" : ", pg_stat_statements";
  // ALTER SYSTEM takes the list unquoted: one quoted literal would be one library's name.
  return "ALTER SYSTEM SET shared_preload_libraries = " + libraries + ";  -- then restart the server";
}

// pg_settings hides a parameter whose library is not loaded, even when postgresql.conf names it.
constexpr std::string_view kExtensionsQuestion =
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'pg_stat_statements.max') AS loaded,"
    " (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'shared_preload_libraries') AS libraries,"
    " EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'hypopg') AS hypopg,"
    " EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'hypopg') AS hypopg_there,"
    " (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user) AS superuser";

void judge_extensions(const RowSet& row, int version_num, const std::string& database, std::vector<Capability>& out) {
  out.push_back(capability("statements_loaded", Purpose::observe, row.boolean(0, "loaded"),
                           "no statement is measured: no statement metrics, no index advice", libraries_cure(row)));
  std::string hypopg = "CREATE EXTENSION hypopg;  -- in database " + quote_identifier(database);
  if (!row.boolean(0, "hypopg_there"))
    hypopg += ", after: apt-get install postgresql-" + std::to_string(version_num / 10000) + "-hypopg";
  out.push_back(capability("hypopg", Purpose::observe, row.boolean(0, "hypopg"),
                           "index advice rests on statistics alone, without the planner's own price", hypopg));
  out.back().database = database;
  auto not_superuser = capability(
      "not_superuser", Purpose::observe, !row.boolean(0, "superuser"),
      "this role may do everything, and so might whoever takes over the agent",
      "-- make roles for it: pgtend setup --apply; name them in postgresql.user and postgresql.operator.user");
  not_superuser.advice = true;
  out.push_back(std::move(not_superuser));
}

constexpr std::string_view kDatabasesQuestion =
    "SELECT datname, pg_catalog.has_database_privilege(oid, 'CONNECT') AS may FROM pg_catalog.pg_database"
    " WHERE datallowconn AND NOT datistemplate ORDER BY datname";

void judge_databases(const RowSet& rows, const std::string& role, std::vector<Capability>& out) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto database = rows.text(i, "datname");
    out.push_back(
        capability("connect:" + database, Purpose::observe, rows.boolean(i, "may"),
                   "tables, indexes and statements of " + database + " are not sampled",
                   "GRANT CONNECT ON DATABASE " + quote_identifier(database) + " TO " + quote_identifier(role) + ";"));
  }
}

// Who owns what may be changed here. Membership in a superuser is never asked for.
constexpr std::string_view kOwnersQuestion =
    "SELECT o.rolname AS owner, o.rolsuper AS superuser, count(*) AS tables,"
    " pg_catalog.pg_has_role(session_user, o.oid, 'MEMBER') AS member,"
    " (pg_catalog.array_agg(pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)"
    "   ORDER BY c.relpages DESC, c.oid))[1:5] AS names"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_roles o ON o.oid = c.relowner"
    " WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgtend')"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    "   AND d.objid = c.oid AND d.deptype = 'e')"
    " GROUP BY o.oid, o.rolname, o.rolsuper ORDER BY o.rolname";

// CREATE INDEX asks the table's owner for USAGE and CREATE on the schema, which PostgreSQL 15 took from PUBLIC in
// `public`.
constexpr std::string_view kSchemasQuestion =
    "SELECT DISTINCT o.rolname AS owner, n.nspname AS schema,"
    " pg_catalog.has_schema_privilege(o.oid, n.oid, 'CREATE')"
    " AND pg_catalog.has_schema_privilege(o.oid, n.oid, 'USAGE') AS may"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_catalog.pg_roles o ON o.oid = c.relowner"
    " WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgtend')"
    " ORDER BY n.nspname, o.rolname";

void judge_schemas(const RowSet& rows, std::vector<Capability>& out) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto owner = rows.text(i, "owner"), schema = rows.text(i, "schema");
    out.push_back(capability(
        "create_in:" + schema + ":" + owner, Purpose::act, rows.boolean(i, "may"),
        "no index can be created in " + schema + " for tables of " + owner,
        "GRANT USAGE, CREATE ON SCHEMA " + quote_identifier(schema) + " TO " + quote_identifier(owner) + ";"));
  }
}

std::string owner_cure(const RowSet& rows, std::size_t at, const std::string& role, int version_num) {
  const auto owner = quote_identifier(rows.text(at, "owner"));
  if (!rows.boolean(at, "superuser"))
    return "GRANT " + owner + " TO " + quote_identifier(role) +
           (version_num >= 160000 ? " WITH INHERIT FALSE, SET TRUE;" : ";");
  // Membership in a superuser would give the agent everything; the tables get an owner of their own instead.
  std::string cure = "CREATE ROLE app_owner; GRANT app_owner TO " + quote_identifier(role) + ";";
  const auto names = parse_array(rows.text(at, "names"));
  for (const auto& name : names) cure += " ALTER TABLE " + name + " OWNER TO app_owner;";
  const auto tables = static_cast<std::size_t>(rows.integer(at, "tables").value_or(0));
  if (tables > kNamed) cure += "  -- and " + std::to_string(tables - kNamed) + " more";
  return cure;
}

void judge_owners(const RowSet& rows, const std::string& role, int version_num, std::vector<Capability>& out) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto owner = rows.text(i, "owner");
    out.push_back(capability("act_as:" + owner, Purpose::act, rows.boolean(i, "member"),
                             "indexes, vacuum and refresh on the " + rows.text(i, "tables") + " tables of " + owner +
                                 " stay recommendations",
                             owner_cure(rows, i, role, version_num)));
  }
}

// PostgreSQL lets a role change its own settings, on every version: membership is all that ALTER ROLE … SET needs.
std::string roles_question(int version_num) {
  return std::string("SELECT r.rolname AS name, pg_catalog.pg_has_role(session_user, r.oid, ") +
         (version_num >= 160000 ? "'SET'" : "'MEMBER'") +
         ") AS may FROM pg_catalog.pg_roles r"
         " WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> session_user AND r.rolname NOT LIKE 'pgtend\\_%'"
         // Monitoring tools, the agent's own role of another name among them, are nobody's to tune.
         " AND NOT pg_catalog.pg_has_role(r.oid, 'pg_monitor', 'MEMBER')"
         " AND pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CONNECT') ORDER BY r.rolname";
}

// Advice: whose settings are tuned is for the administrator to say, and no server must let all of them be.
void judge_roles(const RowSet& rows, const std::string& role, int version_num, std::vector<Capability>& out) {
  std::vector<std::string> plain, quoted;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.boolean(i, "may")) continue;
    plain.push_back(rows.text(i, "name"));
    quoted.push_back(quote_identifier(plain.back()));
  }
  // The statement names them all; the sentence stays a sentence.
  const std::size_t unnamed = plain.size() > kNamed ? plain.size() - kNamed : 0;
  plain.resize(plain.size() - unnamed);
  const std::string names = join(plain, ", ") + (unnamed > 0 ? " and " + std::to_string(unnamed) + " more" : "");
  std::string cure = "GRANT " + join(quoted, ", ") + " TO " + quote_identifier(role);
  if (version_num >= 160000) cure += " WITH INHERIT FALSE, SET TRUE";
  cure += ";  -- of these only the roles to be tuned: the agent could then act as them. Never CREATEROLE instead: ";
  cure += version_num >= 160000 ? "it needs ADMIN OPTION besides, and may make roles"
                                : "before PostgreSQL 16 it may change and join every role that is no superuser";
  auto made =
      capability("alter_role", Purpose::act, quoted.empty(),
                 "work_mem of " + names + " stays a recommendation to apply by hand (ALTER ROLE ... SET)", cure);
  made.advice = true;
  out.push_back(std::move(made));
}

void judge_parameters(const RowSet& rows, const std::string& role, int version_num, std::vector<Capability>& out) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!rows.boolean(i, "may")) missing.push_back(rows.text(i, "name"));
  const bool unknown = rows.size() == 0;
  if (unknown) missing = alterable_parameters();
  const std::string cure =
      version_num >= 150000
          ? "GRANT ALTER SYSTEM ON PARAMETER " + join(missing, ", ") + " TO " + quote_identifier(role) + ";"
          : "-- PostgreSQL before 15 lets only superusers do it: apply the recommended ALTER SYSTEM yourself";
  out.push_back(capability("alter_system", Purpose::act, missing.empty(),
                           "settings stay recommendations (" + join(missing, ", ") + ")", cure));
}

std::string parameters_question(int version_num) {
  std::string list;
  for (const auto& name : alterable_parameters()) list += (list.empty() ? "" : ",") + quote_literal(name);
  const std::string may = version_num >= 150000
                              ? "pg_catalog.has_parameter_privilege(session_user, p, 'ALTER SYSTEM')"
                              : "(SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user)";
  return "SELECT p AS name, " + may + " AS may FROM pg_catalog.unnest(ARRAY[" + list + "]::text[]) p";
}

}  // namespace

std::string_view to_string(Purpose purpose) {
  return purpose == Purpose::observe ? "observe" : "act";
}

const std::vector<std::string>& alterable_parameters() {
  static const std::vector<std::string> names{"work_mem",
                                              "maintenance_work_mem",
                                              "random_page_cost",
                                              "effective_io_concurrency",
                                              "checkpoint_timeout",
                                              "max_wal_size",
                                              "autovacuum_vacuum_scale_factor",
                                              "autovacuum_analyze_scale_factor",
                                              "autovacuum_vacuum_cost_limit"};
  return names;
}

Capability direct_connection(bool present) {
  return capability(
      "direct_connection", Purpose::act, present,
      "the connection goes through a pooler: the agent neither advises nor acts, and sets no session settings",
      "-- name PostgreSQL's own host and port in the configuration, not the pooler's");
}

std::optional<Capability> missing_for_session(const Error& refusal, const std::string& role,
                                              const std::string& database, Purpose purpose) {
  const auto quoted = quote_identifier(role);
  if (refusal.sqlstate == "42501") {
    auto out = capability("connect", purpose, false, "nothing is known of this database, and nothing is done in it",
                          "GRANT CONNECT ON DATABASE " + quote_identifier(database) + " TO " + quoted + ";");
    out.database = database;
    return out;
  }
  if (refusal.sqlstate == "28000")
    return capability("login", purpose, false, "no session can be had at all: " + refusal.message,
                      "ALTER ROLE " + quoted +
                          " LOGIN;  -- a role that is not there is made by pgtend setup --apply; a line in pg_hba.conf "
                          "must admit it, too");
  return std::nullopt;
}

// `connection` outlives the probe: its caller awaits it.
net::TaskResult<std::vector<Capability>> probe_capabilities(Connection* connection, std::optional<Purpose> only) {
  std::vector<Capability> out;
  const int version = connection->identity().version_num;
  const std::string role = connection->user(), database = connection->database();
  const Params none;
  for (const auto& row : kCapabilityRows) {
    if (version < row.since || (only && row.purpose != *only)) continue;
    const std::string question = "SELECT (" + std::string(row.question) + ") AS yes";
    auto answer = co_await ask(connection, question, none);
    if (!answer) co_return fail(std::move(answer.error()), "capabilities");
    out.push_back(capability(std::string(row.name), row.purpose, answer->boolean(0, "yes"), std::string(row.effect),
                             fill(row.cure, role, database)));
  }
  const std::string questions[] = {std::string(kExtensionsQuestion), std::string(kDatabasesQuestion),
                                   parameters_question(version),     std::string(kOwnersQuestion),
                                   std::string(kSchemasQuestion),    roles_question(version)};
  std::vector<RowSet> answers;
  for (const auto& question : questions) {
    auto answer = co_await ask(connection, question, none);
    if (!answer) co_return fail(std::move(answer.error()), "capabilities");
    answers.push_back(std::move(*answer));
  }
  judge_extensions(answers[0], version, database, out);
  judge_databases(answers[1], role, out);
  judge_parameters(answers[2], role, version, out);
  const auto owned = out.size();
  judge_owners(answers[3], role, version, out);
  judge_schemas(answers[4], out);
  for (auto i = owned; i < out.size(); ++i) out[i].database = database;
  judge_roles(answers[5], role, version, out);
  out.push_back(direct_connection(connection->is_direct()));
  if (only) std::erase_if(out, [&](const Capability& item) { return item.purpose != *only; });
  co_return out;
}

net::TaskResult<std::vector<Capability>> probe_capabilities(Connection* connection) {
  return probe_capabilities(connection, std::nullopt);
}

}  // namespace pgtend::pg
