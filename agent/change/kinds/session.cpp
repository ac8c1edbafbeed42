#include "agent/change/kinds/session.hpp"

#include <nlohmann/json.hpp>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/statement_text.hpp"
#include "agent/net/task.hpp"

namespace pgtend::change {
namespace {

// A session obeys at its next safe point, most within milliseconds.
constexpr Millis kObeyLimit{5'000};
constexpr Millis kObeyPoll{50};
// Made by packaging/sql/roles.sql: sees all sessions and signals those of other roles.
constexpr std::string_view kSignalRole = "pgtend_signal";

const SessionChange& detail_of(const Work& work) {
  return std::get<SessionChange>(work.plan.detail);
}

std::string name_of(const SessionChange& d) {
  return "session " + std::to_string(d.pid);
}

std::string statement_of(const SessionChange& d) {
  return std::string("SELECT ") + (d.terminate ? "pg_terminate_backend" : "pg_cancel_backend") +
         "(a.pid) FROM pg_stat_activity a WHERE a.pid = " + std::to_string(d.pid) +
         " AND a.backend_start = " + quote_literal(d.started);
}

// Digits and the signs of a moment only: it stands in a statement.
bool is_moment(const std::string& text) {
  return text.size() > 10 && text.size() < 40 && text.find_first_not_of("0123456789-: .+") == std::string::npos;
}

// Of the pid, whoever has it now. Without the right to look only the pid and the role are shown.
const std::string kFind =
    "SELECT a.pid, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00' AS started, "
    "coalesce(a.backend_type, '') AS backend_type, coalesce(a.application_name, '') AS application, coalesce(a.state, "
    "'') AS state, coalesce(a.query_start::text, '') AS query_start, coalesce(r.rolname, '') AS role, "
    "coalesce(r.rolsuper, false) AS super FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid "
    "WHERE a.pid = $1::int";

net::TaskResult<RowSet> find(Asker* asker, int pid) {
  const pg::Params params{std::to_string(pid)};
  auto rows = co_await asker->ask(kFind, params);
  if (!rows) co_return fail(std::move(rows.error()), "look for session " + std::to_string(pid));
  co_return rows;
}

bool is_there(const RowSet& rows, const SessionChange& d) {
  return rows.size() > 0 && rows.text(0, "started") == d.started;
}

Result<void> may_be_meant(const RowSet& rows, const SessionChange& d) {
  const auto type = rows.text(0, "backend_type");
  if (rows.text(0, "application").starts_with("pgtend"))
    return fail(Errc::refused, name_of(d) + " is one of pgtend's own");
  if (type == "walsender" && !d.of_replication)
    return fail(Errc::refused, name_of(d) + " feeds a standby or a subscriber; say of_replication to mean it");
  if (type != "walsender" && type != "client backend")
    return fail(Errc::refused, name_of(d) + " is not a client's but a " + (type.empty() ? "process not shown" : type));
  if (rows.boolean(0, "super") && !d.of_superuser)
    return fail(Errc::refused,
                name_of(d) + " is of the superuser " + rows.text(0, "role") + "; say of_superuser to mean it");
  return {};
}

}  // namespace

void SessionKind::compose(ProposedChange& plan) const {
  const auto* d = std::get_if<SessionChange>(&plan.detail);
  if (d != nullptr && plan.sql_up.empty() && is_moment(d->started)) plan.sql_up = {statement_of(*d)};
}

Result<void> SessionKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<SessionChange>(&plan.detail);
  // Which session has the pid now is looked up where only the pid was given.
  const bool to_be_found = d != nullptr && d->started.empty() && plan.sql_up.empty();
  if (d == nullptr || d->pid <= 0 || !(to_be_found || is_moment(d->started)))
    return fail(Errc::invalid_argument,
                "a session change names the pid and, as started, its backend_start in UTC with all six digits of the "
                "second: 2026-11-28 02:16:52.123456+00");
  if (plan.kind != ChangeKind::session ||
      plan.action != (d->terminate ? ActionClass::terminate_session : ActionClass::cancel_session))
    return fail(Errc::invalid_argument, "the action and the detail disagree on whether the session is terminated");
  if (to_be_found) return {};
  if (plan.sql_up.size() != 1 || !plan.sql_down.empty())
    return fail(Errc::invalid_argument, "a signal to a session is one statement and has no way back");
  if (!same_statement(plan.sql_up.front(), statement_of(*d)))
    return fail(Errc::invalid_argument,
                "the statement is not what the plan describes, " + statement_of(*d) + ": " + plan.sql_up.front());
  return {};
}

std::string SessionKind::object_of(const ProposedChange& plan) const {
  return name_of(std::get<SessionChange>(plan.detail));
}

net::TaskResult<ProposedChange> SessionKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  auto& d = std::get<SessionChange>(plan.detail);
  if (d.started.empty()) {
    auto found = co_await find(asker, d.pid);
    if (!found) co_return fail(std::move(found.error()));
    d.started = found->text(0, "started");
    if (d.started.empty())
      co_return fail(Errc::not_found, "there is no " + name_of(d) + ", or its start is not shown to this role");
    compose(plan);
  }
  if (!plan.run_as_role.empty()) co_return plan;
  const std::string sql = "SELECT r.rolname AS role FROM pg_roles r WHERE r.rolname = $1";
  const pg::Params params{std::string(kSignalRole)};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look for role " + std::string(kSignalRole));
  plan.run_as_role = rows->text(0, "role");
  co_return plan;
}

net::TaskResult<std::vector<std::string>> SessionKind::missing_rights(Asker* asker, Work work) const {
  const std::string sql =
      "SELECT me.rolname AS me, actor.rolname AS actor, v >= 160000 AS is_16, "
      "me.oid = actor.oid OR pg_has_role(me.oid, actor.oid, CASE WHEN v >= 160000 THEN 'SET' ELSE 'MEMBER' END) "
      "AS may_become, "
      "actor.rolsuper OR pg_has_role(actor.oid, 'pg_read_all_stats'::name, 'USAGE') AS sees, "
      "actor.rolsuper OR (NOT coalesce(them.rolsuper, false) AND (pg_has_role(actor.oid, 'pg_signal_backend'::name, "
      "'USAGE') "
      "OR coalesce(pg_has_role(actor.oid, them.oid, 'USAGE'), false))) AS signals, "
      "coalesce(them.rolsuper, false) AS of_superuser "
      "FROM pg_roles me JOIN pg_roles actor ON actor.rolname = coalesce(nullif($2, ''), session_user) "
      "LEFT JOIN pg_stat_activity a ON a.pid = $1::int LEFT JOIN pg_roles them ON them.oid = a.usesysid, "
      "(SELECT current_setting('server_version_num')::int AS v) server WHERE me.rolname = session_user";
  const pg::Params params{std::to_string(detail_of(work).pid), work.plan.run_as_role};
  auto rows = co_await asker->ask(sql, params);
  if (!rows) co_return fail(std::move(rows.error()), "look at the rights to signal a session");
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no role " + work.plan.run_as_role);
  std::vector<std::string> out;
  const auto actor = quote_identifier(rows->text(0, "actor"));
  if (!rows->boolean(0, "may_become"))
    out.push_back("signalling as " + actor + ": GRANT " + actor + " TO " + quote_identifier(rows->text(0, "me")) +
                  (rows->boolean(0, "is_16") ? " WITH INHERIT FALSE, SET TRUE" : ""));
  if (!rows->boolean(0, "sees"))
    out.push_back("telling the session from a later one of its pid: GRANT pg_read_all_stats TO " + actor);
  if (!rows->boolean(0, "signals"))
    out.push_back(rows->boolean(0, "of_superuser")
                      ? "only a superuser may signal a superuser's session: run the shown SQL by hand"
                      : "signalling another role's session: GRANT pg_signal_backend TO " + actor);
  co_return out;
}

net::TaskResult<std::string> SessionKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto rows = co_await find(asker, d.pid);
  if (!rows) co_return fail(std::move(rows.error()));
  if (rows->size() > 0 && rows->text(0, "started").empty())
    co_return fail(Errc::permission, "the start of " + name_of(d) + " is not shown to this role");
  if (!is_there(*rows, d))
    co_return fail(Errc::not_found, rows->size() == 0 ? "there is no " + name_of(d)
                                                      : name_of(d) + " started at " + rows->text(0, "started") +
                                                            "; it is not the one that is meant");
  if (auto meant = may_be_meant(*rows, d); !meant) co_return fail(std::move(meant.error()));
  // Another statement of the session is not the one that was to be cancelled.
  co_return d.started + " " + rows->text(0, "role") + (d.terminate ? "" : " " + rows->text(0, "query_start"));
}

net::TaskResult<std::string> SessionKind::snapshot(Asker* asker, Work work) const {
  auto rows = co_await find(asker, detail_of(work).pid);
  if (!rows) co_return fail(std::move(rows.error()));
  nlohmann::json out;
  out["query_start"] = rows->text(0, "query_start");
  co_return out.dump();
}

net::TaskResult<Standing> SessionKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto rows = co_await find(asker, d.pid);
  if (!rows) co_return fail(std::move(rows.error()));
  if (rows->size() > 0 && rows->text(0, "started").empty())
    co_return fail(Errc::permission, "the start of " + name_of(d) + " is not shown to this role");
  if (!is_there(*rows, d)) co_return Standing{Presence::done, name_of(d) + " has ended"};
  if (d.terminate) co_return Standing{Presence::not_begun, name_of(d) + " is there"};
  if (rows->text(0, "state") != "active") co_return Standing{Presence::done, name_of(d) + " runs no statement"};
  const auto before = nlohmann::json::parse(work.catalog, nullptr, false);
  const auto was = before.is_object() ? before.value("query_start", std::string()) : std::string();
  if (!was.empty() && was != rows->text(0, "query_start"))
    co_return Standing{Presence::done, name_of(d) + " runs another statement by now"};
  co_return Standing{Presence::not_begun, name_of(d) + " still runs its statement"};
}

net::TaskResult<RowSet> SessionKind::finish(Asker* asker, Work work) const {
  const auto give_up_at = std::chrono::steady_clock::now() + kObeyLimit;
  while (std::chrono::steady_clock::now() < give_up_at) {
    auto standing = co_await probe(asker, work);
    if (!standing) co_return fail(std::move(standing.error()));
    if (standing->presence == Presence::done) break;
    const auto next = std::chrono::steady_clock::now() + kObeyPoll;
    co_await net::sleep_until(next);
  }
  co_return RowSet();
}

}  // namespace pgtend::change
