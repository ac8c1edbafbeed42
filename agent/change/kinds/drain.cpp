#include "agent/change/kinds/drain.hpp"

#include <algorithm>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/change/kinds/drain_found.hpp"
#include "agent/change/kinds/drain_text.hpp"

namespace pgtend::change {
namespace {

// Replicas and readers catch up between two parts.
constexpr Millis kPause{1'000};
constexpr std::size_t kMostRanges = 100;
constexpr int kMostRows = 1'000'000;
// What ATTACH scans of the DEFAULT partition under the lock. Source: 624 ms for 2 M rows of 90 MB,
// planned_systems.md 3.2.
constexpr std::int64_t kMostBytes = 64LL << 20;
// Of one range under the lock. Source: 100,000 rows of 90 bytes in two indexes, 1.6 s on PostgreSQL 15 and a machine
// with six times more work than cores.
constexpr double kSecondsPerRow = 16e-6;

const PartitionChange& detail_of(const Work& work) {
  return std::get<PartitionChange>(work.plan.detail);
}
std::string comment_of(const Work& work) {
  return "pgtend:" + work.change_id;
}
std::string table_of(const PartitionChange& d) {
  return d.schema + "." + d.table;
}
bool is_looked_up(const PartitionChange& d) {
  return !d.default_partition.empty() && !d.key.empty() && !d.columns.empty();
}

Result<void> check_ranges(const PartitionChange& d) {
  if (d.ranges.empty() || d.ranges.size() > kMostRanges)
    return fail(Errc::invalid_argument,
                "ranges has one to " + std::to_string(kMostRanges) + " items, each with partition, from and to");
  std::set<std::string> names{d.table};
  for (const auto& range : d.ranges) {
    if (range.partition.empty() || range.from.empty() || range.to.empty())
      return fail(Errc::invalid_argument, "each of ranges has partition, from and to");
    if (!names.insert(range.partition).second)
      return fail(Errc::invalid_argument, "ranges names " + range.partition + " twice, or the table itself");
  }
  if (d.most_rows < 1 || d.most_rows > kMostRows)
    return fail(Errc::invalid_argument, "most_rows is 1 to " + std::to_string(kMostRows));
  return {};
}

Result<void> may_drain(const FoundDefault& found, const PartitionChange& d) {
  const auto table = table_of(d);
  if (found.name.empty()) return fail(Errc::not_found, table + " has no DEFAULT partition");
  if (found.schema != d.schema)
    return fail(Errc::unsupported, "the DEFAULT partition of " + table + " is in another schema, " + found.schema);
  if (!found.strategy_key.starts_with("RANGE (") || found.key.empty())
    return fail(Errc::unsupported, "only tables by range of one column are drained; this is by " + found.strategy_key);
  if (!found.obstacles.empty())
    return fail(Errc::refused, found.schema + "." + found.name + " is not drained: " + join(found.obstacles, "; "));
  if (found.bytes > kMostBytes)
    return fail(Errc::refused, found.schema + "." + found.name + " has " +
                                   format_bytes(static_cast<double>(found.bytes)) + " and would be scanned under the " +
                                   "lock for each part; more than " + format_bytes(static_cast<double>(kMostBytes)) +
                                   " is moved by hand in a time without load");
  return {};
}

// The way back begins with the last one.
const PartitionRange& range_at(const Work& work, std::size_t step) {
  const auto& ranges = detail_of(work).ranges;
  return work.reverse ? ranges[ranges.size() - 1 - step] : ranges[step];
}

struct Ranges {
  std::size_t whole = 0, missing = 0;
  std::string part;     // of which only a part was moved
  std::string foreign;  // what is there and not of this change
};

net::TaskResult<Ranges> look_at_ranges(Asker* asker, Work work) {
  const auto& d = detail_of(work);
  Ranges out;
  for (const auto& range : d.ranges) {
    auto found = co_await find_range(asker, d, range);
    if (!found) co_return fail(std::move(found.error()));
    const auto name = d.schema + "." + range.partition;
    // Made and attached in one transaction; the comment follows when all are done.
    const bool mine = found->comment == comment_of(work) || (work.ours && found->comment.empty());
    if (!found->exists)
      ++out.missing;
    else if (!found->attached || !mine)
      out.foreign =
          name + (found->attached ? " does not carry the comment of this change" : " is there and not attached");
    else if (found->whole)
      ++out.whole;
    else if (found->upper.empty())
      out.foreign = name + " is attached with other bounds";
    else
      out.part = name;
  }
  co_return out;
}

}  // namespace

void DrainKind::compose(ProposedChange& plan) const {
  const auto* d = std::get_if<PartitionChange>(&plan.detail);
  if (d == nullptr || !is_looked_up(*d)) return;
  if (plan.sql_up.empty()) plan.sql_up = drain_statements(*d);
  if (plan.sql_down.empty()) plan.sql_down = refill_statements(*d);
}

Result<void> DrainKind::validate(const ProposedChange& plan) const {
  const auto* d = std::get_if<PartitionChange>(&plan.detail);
  if (d == nullptr || plan.kind != ChangeKind::partition || d->schema.empty() || d->table.empty())
    return fail(Errc::invalid_argument, "a partition change names its schema, table and, to drain, its ranges");
  if (auto ranges = check_ranges(*d); !ranges) return ranges;
  // The DEFAULT partition, the key and the columns are looked up where none were given.
  if (plan.sql_up.empty() && plan.sql_down.empty() && !is_looked_up(*d)) return {};
  if (plan.sql_up != drain_statements(*d) || (!plan.sql_down.empty() && plan.sql_down != refill_statements(*d)))
    return fail(Errc::invalid_argument, "the statements are not what the plan describes; leave them out");
  return {};
}

std::string DrainKind::object_of(const ProposedChange& plan) const {
  return table_of(std::get<PartitionChange>(plan.detail));
}

std::optional<Relation> DrainKind::grows(const ProposedChange& plan) const {
  const auto& d = std::get<PartitionChange>(plan.detail);
  return Relation{d.schema, d.table};
}

net::TaskResult<ProposedChange> DrainKind::complete(Asker* asker, Work work) const {
  auto plan = std::move(work.plan);
  auto& d = std::get<PartitionChange>(plan.detail);
  auto found = co_await find_default(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  if (auto may = may_drain(*found, d); !may) co_return fail(std::move(may.error()));
  d.default_partition = found->name;
  d.key = found->key;
  d.columns = found->columns;
  plan.sql_up.clear();
  plan.sql_down.clear();
  compose(plan);
  plan.lock = LockLevel::access_exclusive;
  plan.target_tables = {table_of(d)};
  plan.cost.bytes = found->bytes;
  plan.cost.seconds = kSecondsPerRow * d.most_rows * static_cast<double>(d.ranges.size());
  co_return plan;
}

net::TaskResult<std::vector<std::string>> DrainKind::missing_rights(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  const bool creates = true;
  auto missing = co_await missing_ownership(asker, d.schema, d.table, work.plan.run_as_role, creates);
  if (!missing) co_return missing;
  auto rest = co_await missing_ownership(asker, d.schema, d.default_partition, work.plan.run_as_role, creates);
  if (!rest) co_return rest;
  for (auto& each : *rest)
    if (std::find(missing->begin(), missing->end(), each) == missing->end()) missing->push_back(std::move(each));
  const std::string sql =
      "SELECT has_language_privilege(actor.oid, 'plpgsql', 'USAGE') AS may, quote_ident(actor.rolname) AS actor "
      "FROM pg_roles actor WHERE actor.rolname = coalesce(nullif($1, ''), session_user)";
  const pg::Params role{work.plan.run_as_role};
  auto rows = co_await asker->ask(sql, role);
  if (!rows) co_return fail(std::move(rows.error()), "look at the language plpgsql");
  if (rows->size() > 0 && !rows->boolean(0, "may"))
    missing->push_back("one transaction for each part: GRANT USAGE ON LANGUAGE plpgsql TO " + rows->text(0, "actor"));
  co_return missing;
}

net::TaskResult<std::string> DrainKind::fingerprint(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto found = co_await find_default(asker, d);
  if (!found) co_return fail(std::move(found.error()));
  if (auto may = may_drain(*found, d); !may) co_return fail(std::move(may.error()));
  const auto rest = quote_qualified(found->schema, found->name);
  for (const auto& range : d.ranges) {
    auto rows = co_await count_rows(asker, "ONLY " + rest, range_condition(d, range), d.most_rows);
    if (!rows) co_return fail(std::move(rows.error()));
    if (*rows > d.most_rows)
      co_return fail(Errc::refused, "more than " + std::to_string(d.most_rows) + " rows go to " + range.partition +
                                        "; choose narrower ranges, or a larger most_rows");
  }
  co_return found->parent_oid + " " + found->oid + " " + found->key + " " + join(found->columns, ",");
}

net::TaskResult<Standing> DrainKind::probe(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  auto ranges = co_await look_at_ranges(asker, work);
  if (!ranges) co_return fail(std::move(ranges.error()));
  if (!ranges->foreign.empty()) co_return Standing{Presence::foreign, ranges->foreign};
  const auto all_ranges = d.ranges.size();
  const auto found = std::to_string(ranges->whole) + " of " + std::to_string(all_ranges) +
                     " partitions are attached to " + table_of(d) +
                     (ranges->part.empty() ? "" : ", and " + ranges->part + " with a part of its rows");
  if ((work.reverse ? ranges->missing : ranges->whole) == all_ranges) co_return Standing{Presence::done, found};
  if (work.reverse) {
    for (const auto& range : d.ranges) {
      auto there = co_await find_range(asker, d, range);
      if (!there) co_return fail(std::move(there.error()));
      if (!there->exists) continue;
      const std::string all;
      auto rows = co_await count_rows(asker, quote_qualified(d.schema, range.partition), all, d.most_rows);
      if (!rows) co_return fail(std::move(rows.error()));
      if (*rows > d.most_rows)
        co_return Standing{Presence::foreign, d.schema + "." + range.partition + " has more than " +
                                                  std::to_string(d.most_rows) + " rows by now"};
    }
  }
  const bool begun = (work.reverse ? ranges->whole : ranges->missing) != all_ranges;
  co_return Standing{begun ? Presence::partial : Presence::not_begun, found};
}

net::TaskResult<std::vector<Step>> DrainKind::steps(Asker* asker, Work work) const {
  const auto& d = detail_of(work);
  std::vector<Step> out;
  for (std::size_t i = 0; i < d.ranges.size(); ++i) {
    auto found = co_await find_range(asker, d, range_at(work, i));
    if (!found) co_return fail(std::move(found.error()));
    if (work.reverse ? !found->exists : found->whole) continue;
    Step step{work.reverse ? work.plan.sql_down[i] : work.plan.sql_up[i], Regime::strong_lock, kPause};
    step.in_parts = true;
    out.push_back(std::move(step));
  }
  co_return out;
}

net::TaskResult<bool> DrainKind::next_part(Asker* asker, Step step, Work work, std::int64_t rows) const {
  const auto& d = detail_of(work);
  const auto& statements = work.reverse ? work.plan.sql_down : work.plan.sql_up;
  const auto at = std::find(statements.begin(), statements.end(), step.sql) - statements.begin();
  const auto range = range_at(work, static_cast<std::size_t>(at));
  auto found = co_await find_range(asker, d, range);
  if (!found) co_return fail(std::move(found.error()));
  if (work.reverse ? !found->exists : found->whole) co_return false;
  const auto lower = found->exists ? found->upper : range.from;
  Result<std::string> bound;
  if (work.reverse)
    bound = co_await last_bound(asker, d, range.partition, rows);
  else
    bound = co_await next_bound(asker, d, lower, range.to, rows);
  if (!bound) co_return fail(std::move(bound.error()));
  if (bound->empty() && !work.reverse) *bound = range.to;
  const std::string sql = "SELECT set_config('pgtend.bound', $1, false)";
  const pg::Params value{*bound};
  auto set = co_await asker->ask(sql, value);
  if (!set) co_return fail(std::move(set.error()));
  co_return true;
}

net::TaskResult<RowSet> DrainKind::finish(Asker* asker, Work work) const {
  if (work.reverse) co_return RowSet();
  const auto& d = detail_of(work);
  const pg::Params none;
  for (const auto& range : d.ranges) {
    auto found = co_await find_range(asker, d, range);
    if (!found) co_return fail(std::move(found.error()));
    if (!found->attached || found->comment == comment_of(work)) continue;
    const auto sql =
        "COMMENT ON TABLE " + quote_qualified(d.schema, range.partition) + " IS " + quote_literal(comment_of(work));
    auto done = co_await asker->ask(sql, none);
    if (!done) co_return done;
  }
  co_return RowSet();
}

}  // namespace pgtend::change
