#include "agent/change/kinds/column_setting.hpp"

#include <charconv>

#include "agent/base/strings.hpp"
#include "agent/change/kinds/maintenance.hpp"
#include "agent/change/kinds/statement_text.hpp"

namespace pgtend::change {
namespace {

// The only setting of a column that is changed, as PostgreSQL's own grammar calls it.
constexpr std::string_view kName = "statistics";
// Source: PostgreSQL, ALTER TABLE … SET STATISTICS, versions 13 to 18.
constexpr int kMaxTarget = 10'000;

const SettingChange& detail_of(const Work& work) {
  return std::get<SettingChange>(work.plan.detail);
}

std::optional<int> target_in(const std::string& text) {
  int value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value < 0 || value > kMaxTarget) return std::nullopt;
  return value;
}

std::string set_statement(const SettingChange& d, const std::optional<std::string>& value) {
  // -1 is the server's word for a target that is not set.
  return "ALTER TABLE " + quote_qualified(d.schema, d.table) + " ALTER COLUMN " + quote_identifier(d.column) +
         " SET STATISTICS " + value.value_or("-1");
}

std::vector<std::string> statements(const SettingChange& d, const std::optional<std::string>& value) {
  return {set_statement(d, value),
          "ANALYZE " + quote_qualified(d.schema, d.table) + " (" + quote_identifier(d.column) + ")"};
}

struct Column {
  std::string table_oid, number;
  std::optional<std::string> target;  // nullopt: not set
};

net::TaskResult<Column> find(Asker* asker, SettingChange d) {
  const std::string sql =
      "SELECT c.oid, a.attnum, a.attstattarget AS target FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid WHERE n.nspname = $1 AND c.relname = $2 AND a.attname "
      "= $3 AND c.relkind IN ('r', 'm', 'p') AND a.attnum > 0 AND NOT a.attisdropped";
  const pg::Params names{d.schema, d.table, d.column};
  auto rows = co_await asker->ask(sql, names);
  if (!rows) co_return fail(std::move(rows.error()), "look at " + d.schema + "." + d.table);
  if (rows->size() == 0)
    co_return fail(Errc::not_found, "there is no table " + d.schema + "." + d.table + " with a column " + d.column);
  Column out{rows->text(0, "oid"), rows->text(0, "attnum"), std::nullopt};
  // -1 before PostgreSQL 17, NULL from then on.
  if (const auto target = rows->integer(0, "target"); target && *target >= 0) out.target = std::to_string(*target);
  co_return out;
}

std::string found_text(const SettingChange& d, const std::optional<std::string>& target) {
  return "the statistics target of " + d.schema + "." + d.table + "." + d.column + " is " +
         (target ? *target : "not set");
}

}  // namespace

void ColumnSettingKind::compose(ProposedChange& plan) const {
  auto* d = std::get_if<SettingChange>(&plan.detail);
  if (d == nullptr) return;
  if (d->name.empty()) d->name = kName;
  if (plan.sql_up.empty() && target_in(d->value)) plan.sql_up = statements(*d, d->value);
}

Result<void> ColumnSettingKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<SettingChange>(&plan.detail);
  if (d == nullptr || d->name != kName || d->schema.empty() || d->table.empty() || d->column.empty() ||
      !d->role.empty() || !d->database.empty())
    return fail(Errc::invalid_argument, "a column setting is \"statistics\" and names its schema, table and column");
  if (!target_in(d->value) || (d->previous && !target_in(*d->previous)))
    return fail(Errc::invalid_argument,
                "a statistics target is a whole number from 0 to " + std::to_string(kMaxTarget));
  if (plan.kind != ChangeKind::setting) return fail(Errc::invalid_argument, "a column setting is of kind setting");
  const auto check = [](const std::vector<std::string>& given, const std::vector<std::string>& wanted) -> Result<void> {
    if (same_statements(given, wanted)) return {};
    return fail(Errc::invalid_argument,
                "the statements are not what the plan describes, " + join(wanted, "; ") + ": " + join(given, "; "));
  };
  if (auto up = check(plan.sql_up, statements(*d, d->value)); !up) return up;
  return plan.sql_down.empty() ? Result<void>() : check(plan.sql_down, statements(*d, d->previous));
}

std::string ColumnSettingKind::object_of(const ProposedChange& plan) const {
  const auto& d = std::get<SettingChange>(plan.detail);
  return d.schema + "." + d.table;
}

net::TaskResult<ProposedChange> ColumnSettingKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  auto& d = std::get<SettingChange>(plan.detail);
  if (plan.target_tables.empty()) plan.target_tables = {d.schema + "." + d.table};
  plan.lock = LockLevel::share_update_exclusive;
  if (!plan.sql_down.empty()) co_return plan;
  auto column = co_await find(asker, d);
  if (!column) co_return fail(std::move(column.error()));
  d.previous = column->target;
  plan.sql_down = statements(d, d.previous);
  co_return plan;
}

net::TaskResult<std::vector<std::string>> ColumnSettingKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = false;
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
  co_return missing;
}

net::TaskResult<std::string> ColumnSettingKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto column = co_await find(asker, d);
  if (!column) co_return fail(std::move(column.error()));
  if (!work.ours && column->target != d.previous)
    co_return fail(Errc::conflict, found_text(d, column->target) + "; the plan was made for " +
                                       d.previous.value_or("one that is not set"));
  co_return column->table_oid + " " + column->number;
}

net::TaskResult<std::string> ColumnSettingKind::snapshot(Asker* asker, Work) const {
  return time_snapshot(asker);
}

net::TaskResult<Standing> ColumnSettingKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto column = co_await find(asker, d);
  if (!column) co_return fail(std::move(column.error()));
  const std::optional<std::string> value = d.value;
  const auto found = found_text(d, column->target);
  const auto& wanted = work.reverse ? d.previous : value;
  const auto& before = work.reverse ? value : d.previous;
  if (column->target != wanted && column->target != before)
    co_return Standing{Presence::foreign, found + ", by somebody else"};
  if (column->target != wanted) co_return Standing{Presence::not_begun, found};
  if (work.returned) co_return Standing{Presence::done, found};
  // The same number both times leaves nothing to tell by, and the way back may be gone twice.
  if (work.reverse) co_return Standing{Presence::not_begun, found + ", and it is not known whether it was analyzed"};
  const auto since = time_of(work.catalog);
  if (since.empty()) co_return Standing{Presence::done, found};
  auto runs = co_await runs_since(asker, d.schema, d.table, since);
  if (!runs) co_return fail(std::move(runs.error()));
  if (runs->analyzed) co_return Standing{Presence::done, found + " and the table was analyzed"};
  co_return Standing{Presence::partial, found + ", and the table was not analyzed since"};
}

net::TaskResult<RowSet> ColumnSettingKind::clean(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const auto sql = set_statement(d, work.reverse ? std::optional<std::string>(d.value) : d.previous);
  const pg::Params none;
  auto reset = co_await asker->ask(sql, none);
  co_return reset;
}

}  // namespace pgtend::change
