#include "agent/change/kinds/kind.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::change {

std::optional<Relation> Kind::grows(const ProposedChange&) const {
  return std::nullopt;
}
void Kind::compose(ProposedChange&) const {}
net::TaskResult<std::vector<Step>> Kind::steps(Asker*, Work work) const {
  std::vector<Step> out;
  for (const auto& sql : work.reverse ? work.plan.sql_down : work.plan.sql_up) out.push_back({sql, regime(work.plan)});
  co_return out;
}
net::TaskResult<ProposedChange> Kind::complete(Asker*, Work work) const {
  co_return std::move(work.plan);
}
net::TaskResult<std::string> Kind::snapshot(Asker*, Work) const {
  co_return std::string("{}");
}
net::TaskResult<RowSet> Kind::carry_out(Step step, Work) const {
  co_return fail(Errc::internal, "nobody carries out " + step.sql);
}
net::TaskResult<RowSet> Kind::clean(Asker*, Work) const {
  co_return RowSet();
}
net::TaskResult<bool> Kind::next_part(Asker*, Step, Work, std::int64_t) const {
  co_return false;
}
net::TaskResult<RowSet> Kind::finish(Asker*, Work) const {
  co_return RowSet();
}
net::TaskResult<bool> Kind::takes_effect(Asker*, Work) const {
  co_return false;
}

net::TaskResult<std::vector<std::string>> missing_ownership(Asker* asker, std::string schema, std::string relation,
                                                            std::string run_as_role, bool creates) {
  const std::string find =
      "SELECT pg_get_userbyid(c.relowner) AS owner, session_user AS me, "
      "  (SELECT r.oid FROM pg_roles r WHERE r.rolname = coalesce(nullif($3, ''), session_user)) AS actor "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'm', 'p', 't')";
  const pg::Params names{schema, relation, run_as_role};
  auto found = co_await asker->ask(find, names);
  if (!found) co_return fail(std::move(found.error()), "look for " + schema + "." + relation);
  if (found->size() == 0) co_return fail(Errc::not_found, "there is no table or view " + schema + "." + relation);
  const auto owner = found->text(0, "owner"), me = found->text(0, "me");
  const auto actor = run_as_role.empty() ? me : run_as_role;
  if (!found->get(0, "actor")) co_return fail(Errc::not_found, "there is no role " + actor);
  const std::string rights =
      "SELECT pg_has_role(session_user, $1::name, 'MEMBER') AS may_become, pg_has_role($1::name, $2::name, 'USAGE') AS "
      "owns, "
      "  has_schema_privilege($1::name, $3, 'CREATE') AS creates, has_schema_privilege($1::name, $3, 'USAGE') AS uses";
  const pg::Params roles{actor, owner, schema};
  auto have = co_await asker->ask(rights, roles);
  if (!have) co_return fail(std::move(have.error()), "look at the rights of " + actor);
  std::vector<std::string> out;
  if (!have->boolean(0, "may_become"))
    out.push_back("SET ROLE " + actor + ": GRANT " + quote_identifier(actor) + " TO " + quote_identifier(me));
  if (!have->boolean(0, "owns"))
    out.push_back("only the owner may do this: GRANT " + quote_identifier(owner) + " TO " + quote_identifier(actor));
  if (!have->boolean(0, "uses") || (creates && !have->boolean(0, "creates")))
    out.push_back("working in the schema: GRANT USAGE" + std::string(creates ? ", CREATE" : "") + " ON SCHEMA " +
                  quote_identifier(schema) + " TO " + quote_identifier(actor));
  co_return out;
}

}  // namespace pgtend::change
