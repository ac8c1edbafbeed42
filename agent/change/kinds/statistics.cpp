#include "agent/change/kinds/statistics.hpp"

#include <algorithm>
#include <array>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/maintenance.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

constexpr std::array<std::string_view, 3> kKinds{"ndistinct", "dependencies", "mcv"};

const StatisticsChange& detail_of(const Work& work) {
  return std::get<StatisticsChange>(work.plan.detail);
}
// True when this direction ends with the statistics being there.
bool builds(const Work& work) {
  return detail_of(work).is_drop == work.reverse;
}
std::string comment_of(const Work& work) {
  return "pgtend:" + work.change_id;
}

std::string create_statement(const StatisticsChange& d) {
  std::vector<std::string> over;
  for (const auto& column : d.columns) over.push_back(quote_identifier(column));
  for (const auto& expression : d.expressions) over.push_back("(" + expression + ")");
  return "CREATE STATISTICS " + quote_qualified(d.schema, d.name) +
         (d.kinds.empty() ? "" : " (" + join(d.kinds, ", ") + ")") + " ON " + join(over, ", ") + " FROM " +
         quote_qualified(d.schema, d.table);
}
std::string drop_statement(const StatisticsChange& d) {
  return "DROP STATISTICS " + quote_qualified(d.schema, d.name);
}

// `create` is the text of the one that makes them.
std::vector<std::string> statements(const StatisticsChange& d, bool build, const std::string& create) {
  if (!build) return {drop_statement(d)};
  return {create, "ANALYZE " + quote_qualified(d.schema, d.table)};
}

// Parentheses that close and nothing behind them: what stands in the list can be no more than one expression.
bool is_one_expression(const std::string& text) {
  const auto parts = parts_of(text);
  if (!parts || parts->empty()) return false;
  int depth = 0;
  for (const auto& part : *parts) {
    if (part == "(" || part == "[") ++depth;
    if ((part == ")" || part == "]") && --depth < 0) return false;
    if (part == "," && depth == 0) return false;
  }
  return depth == 0;
}

Result<void> check_detail(const StatisticsChange& d) {
  if (d.schema.empty() || d.name.empty() || d.table.empty())
    return fail(Errc::invalid_argument, "a statistics change names its schema, table and statistics");
  if (d.is_drop) return {};
  // Source: PostgreSQL, CREATE STATISTICS: two columns or more, or one expression; eight at most.
  const auto count = d.columns.size() + d.expressions.size();
  if (count > 8 || (d.columns.size() < 2 && d.expressions.empty()))
    return fail(Errc::invalid_argument, "statistics are over two to eight columns, or one expression and more");
  for (const auto& kind : d.kinds)
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end())
      return fail(Errc::invalid_argument, "statistics are of kind ndistinct, dependencies or mcv, not " + kind);
  for (const auto& expression : d.expressions)
    if (!is_one_expression(expression))
      return fail(Errc::invalid_argument, "an expression is one, without comments and escapes: " + expression);
  return {};
}

const std::string kFind =
    "SELECT t.relname AS table_name, tn.nspname AS table_schema, pg_get_statisticsobjdef(e.oid) AS definition, "
    "coalesce(obj_description(e.oid, 'pg_statistic_ext'), '') AS comment FROM pg_statistic_ext e JOIN pg_namespace n "
    "ON n.oid = e.stxnamespace JOIN pg_class t ON t.oid = e.stxrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace "
    "WHERE n.nspname = $1 AND e.stxname = $2";

net::TaskResult<RowSet> find(Asker* asker, StatisticsChange d) {
  const pg::Params names{d.schema, d.name};
  auto rows = co_await asker->ask(kFind, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at statistics " + d.name);
  co_return rows;
}

bool is_on_table(const RowSet& rows, const StatisticsChange& d) {
  return rows.text(0, "table_name") == d.table && rows.text(0, "table_schema") == d.schema;
}

}  // namespace

void StatisticsKind::compose(ProposedChange& plan) const {
  const auto* d = std::get_if<StatisticsChange>(&plan.detail);
  if (d != nullptr && plan.sql_up.empty() && check_detail(*d))
    plan.sql_up = statements(*d, !d->is_drop, create_statement(*d));
}

Result<void> StatisticsKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<StatisticsChange>(&plan.detail);
  if (d == nullptr || plan.kind != ChangeKind::statistics)
    return fail(Errc::invalid_argument, "a statistics change names its schema, table and statistics");
  if (auto fits = check_detail(*d); !fits) return fits;
  if (plan.action != (d->is_drop ? ActionClass::drop_statistics : ActionClass::create_statistics))
    return fail(Errc::invalid_argument, "the action and the detail disagree on whether the statistics are dropped");
  const auto create = d->is_drop ? d->definition : create_statement(*d);
  const auto check = [&](const std::vector<std::string>& given, bool build) -> Result<void> {
    if (same_statements(given, statements(*d, build, create))) return {};
    return fail(Errc::invalid_argument, "the statements are not what the plan describes, " +
                                            join(statements(*d, build, create), "; ") + ": " + join(given, "; "));
  };
  if (auto up = check(plan.sql_up, !d->is_drop); !up) return up;
  return plan.sql_down.empty() ? Result<void>() : check(plan.sql_down, d->is_drop);
}

std::string StatisticsKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<StatisticsChange>(plan.detail);
  return d.schema + "." + d.table;
}

net::TaskResult<ProposedChange> StatisticsKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  auto& d = std::get<StatisticsChange>(plan.detail);
  if (plan.target_tables.empty()) plan.target_tables = {d.schema + "." + d.table};
  plan.lock = LockLevel::share_update_exclusive;
  if (!d.is_drop) {
    if (plan.sql_down.empty()) plan.sql_down = {drop_statement(d)};
    co_return plan;
  }
  auto rows = co_await find(asker, d);
  if (!rows) co_return fail(std::move(rows.error()));
  if (rows->size() == 0 || !is_on_table(*rows, d))
    co_return fail(Errc::not_found, "there are no statistics " + d.name + " on " + d.schema + "." + d.table);
  // The only way back is the statistics as they are.
  d.definition = rows->text(0, "definition");
  const auto back = statements(d, true, d.definition);
  if (!plan.sql_down.empty() && !same_statements(plan.sql_down, back))
    co_return fail(Errc::invalid_argument, "the way back is not the statistics as they are: " + join(back, "; "));
  plan.sql_down = back;
  co_return plan;
}

net::TaskResult<std::vector<std::string>> StatisticsKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = builds(work);
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
  co_return missing;
}

net::TaskResult<std::string> StatisticsKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const std::string sql =
      "SELECT c.oid, current_setting('server_version_num')::int >= 140000 AS has_expressions, "
      "(SELECT md5(string_agg(a.attnum || ' ' || a.attname || ' ' || a.atttypid, ',' ORDER BY a.attnum)) "
      "FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND "
      "c.relkind IN ('r', 'm', 'p')";
  const pg::Params names{d.schema, d.table};
  auto table = co_await asker->ask(sql, names);
  if (!table) co_return fail(std::move(table.error()), "look at " + work.plan.object);
  if (table->size() == 0) co_return fail(Errc::not_found, "there is no table " + work.plan.object);
  if (!d.expressions.empty() && !table->boolean(0, "has_expressions"))
    co_return fail(Errc::unsupported, "statistics on expressions need PostgreSQL 14");
  const auto print = table->text(0, "oid") + " " + table->text(0, "columns");
  if (!d.is_drop || work.reverse) co_return print;
  auto rows = co_await find(asker, d);
  if (!rows) co_return fail(std::move(rows.error()));
  if (rows->size() == 0 && work.ours) co_return print;
  if (rows->size() == 0) co_return fail(Errc::not_found, "there are no statistics " + d.schema + "." + d.name);
  co_return print + " " + rows->text(0, "definition");
}

net::TaskResult<std::string> StatisticsKind::snapshot(Asker* asker, Work) const {
  return time_snapshot(asker);
}

net::TaskResult<Standing> StatisticsKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto rows = co_await find(asker, d);
  if (!rows) co_return fail(std::move(rows.error()));
  const std::string name = d.schema + "." + d.name;
  if (rows->size() == 0)
    co_return Standing{builds(work) ? Presence::not_begun : Presence::done, "there are no statistics " + name};
  if (!is_on_table(*rows, d)) co_return Standing{Presence::foreign, "statistics " + name + " are on another table"};
  const auto comment = rows->text(0, "comment");
  const bool marked = comment == comment_of(work);
  if (!builds(work)) {
    if (!d.is_drop && !marked)
      co_return Standing{Presence::foreign, "statistics " + name + " do not carry the comment of this change"};
    co_return Standing{Presence::not_begun, "statistics " + name + " are there"};
  }
  if (!marked && (!work.ours || comment.starts_with("pgtend:")))
    co_return Standing{Presence::foreign, "statistics " + name + " exist that this change did not make"};
  if (marked || work.returned) co_return Standing{Presence::done, "statistics " + name + " are there and filled"};
  const auto since = time_of(work.catalog);
  auto runs = since.empty() ? Result<Runs>(Runs{}) : co_await runs_since(asker, d.schema, d.table, since);
  if (!runs) co_return fail(std::move(runs.error()));
  if (runs->analyzed)
    co_return Standing{Presence::done, "statistics " + name + " are there, and the table was analyzed"};
  co_return Standing{Presence::partial, "statistics " + name + " are there, and the table was not analyzed since"};
}

net::TaskResult<RowSet> StatisticsKind::clean(Asker* asker, Work work) const {
  if (!builds(work)) co_return RowSet();
  const std::string sql = "DROP STATISTICS IF EXISTS " + quote_qualified(detail_of(work).schema, detail_of(work).name);
  const pg::Params none;
  auto dropped = co_await asker->ask(sql, none);
  co_return dropped;
}

net::TaskResult<RowSet> StatisticsKind::finish(Asker* asker, Work work) const {
  if (!builds(work) || work.reverse) co_return RowSet();
  const std::string sql = "COMMENT ON STATISTICS " + quote_qualified(detail_of(work).schema, detail_of(work).name) +
                          " IS " + quote_literal(comment_of(work));
  const pg::Params none;
  auto commented = co_await asker->ask(sql, none);
  co_return commented;
}

}  // namespace pgtend::change
