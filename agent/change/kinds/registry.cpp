#include "agent/base/strings.hpp"
#include "agent/change/kinds/kind.hpp"

namespace pgtend::change {

const Kind& kind_of(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::index: return index_kind();
    case ChangeKind::refresh: return refresh_kind();
    case ChangeKind::maintenance: return maintenance_kind();
    case ChangeKind::setting: return setting_kind();
  }
  return index_kind();
}

Error missing_right(const std::string& what, const std::string& grant) {
  Error error;
  error.code = Errc::permission;
  error.message = what + "; cure: " + grant;
  return error;
}

net::TaskResult<Ownership> ownership(pg::Connection& connection, std::string schema, std::string name,
                                     Deadline deadline) {
  static const std::string sql = R"(
    select c.relkind, pg_catalog.pg_get_userbyid(c.relowner) as owner, session_user as me,
           pg_catalog.pg_has_role(session_user, c.relowner, 'MEMBER') as may_act
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = $2)";
  pg::Params params{schema, name};
  auto rows = co_await connection.query(sql, params, deadline);
  if (!rows) co_return fail(std::move(rows.error()));
  if (rows->size() == 0) co_return fail(Errc::not_found, "there is no relation " + quote_qualified(schema, name));
  Ownership out;
  out.owner = rows->text(0, "owner");
  out.session_user = rows->text(0, "me");
  out.may_act = rows->boolean(0, "may_act");
  out.relkind = rows->text(0, "relkind").empty() ? '\0' : rows->text(0, "relkind").front();
  co_return out;
}

}  // namespace pgtend::change
