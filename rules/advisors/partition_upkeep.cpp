#include "rules/advisors/partition_upkeep.hpp"

#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/partition_grid.hpp"
#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

constexpr auto kName = "partition_upkeep";
// Of one table in one run: more is looked at by a person first.
constexpr std::size_t kMostMade = 30, kMostDetached = 3;
// Source: kinds/drain of the pipeline.
constexpr std::size_t kMostRanges = 100;
constexpr double kMostDrained = 1'000'000;
constexpr int kFewestDrained = 20'000;
// Rows that come between the estimate and the drain.
constexpr double kHeadroom = 1.5;

// One table as its advice is made.
struct Sight {
  const DatabaseFacts& now;
  const PartitionedTableFact& table;
  std::vector<const PartitionFact*> parts;  // with two bounds, oldest first
  const PartitionFact* rest = nullptr;      // DEFAULT
  double written = 0;                       // rows inserted in the window
  double minutes = 0;                       // of the window
  const AdvisorOptions& options;
  Advice& out;

  void refuse(const std::string& what, std::string why) const {
    out.refused.push_back({what + " " + table.qualified(), std::move(why)});
  }
};

std::size_t ahead_of(const Sight& sight) {
  return static_cast<std::size_t>(std::count_if(sight.parts.begin(), sight.parts.end(),
                                                [&](const auto* part) { return *part->from_at > sight.now.taken_at; }));
}

bool overlaps(const Sight& sight, const Cell& cell) {
  return std::any_of(sight.parts.begin(), sight.parts.end(),
                     [&](const auto* part) { return *part->from_at < cell.to && cell.from < *part->to_at; });
}

PartitionChange detail_of(const Sight& sight, const std::string& partition) {
  PartitionChange out;
  out.schema = sight.table.schema;
  out.table = sight.table.name;
  out.partition = partition;
  return out;
}

Recommendation start(const Sight& sight, ActionClass action, Finding finding, PartitionChange detail,
                     const std::string& intent) {
  auto out = start_recommendation(kName, sight.now, std::move(finding), sight.table.qualified(), intent);
  out.change.action = action;
  out.change.kind = ChangeKind::partition;
  out.change.run_as_role = sight.table.owner;
  out.change.target_tables = {sight.table.qualified()};
  // Catalog work; what a drain costs is filled in with its statements.
  out.change.cost.seconds = 1;
  out.change.detail = std::move(detail);
  out.risk = Risk::low;
  return out;
}

// The cells that are wanting ahead of now, the nearest first.
std::vector<Cell> wanting(const Sight& sight, const Period& period) {
  std::vector<Cell> out;
  const auto wanted = static_cast<std::size_t>(sight.options.partitions_ahead);
  auto ahead = ahead_of(sight);
  UtcTime at = *sight.parts.back()->to_at;
  while (ahead < wanted && out.size() < kMostMade) {
    const Cell cell{at, moved(at, period, 1)};
    ahead += cell.from > sight.now.taken_at;
    out.push_back(cell);
    at = cell.to;
  }
  return out;
}

void sort_cells(std::vector<Cell>& cells) {
  std::sort(cells.begin(), cells.end(), [](const Cell& a, const Cell& b) { return a.from < b.from; });
  cells.erase(std::unique(cells.begin(), cells.end(), [](const Cell& a, const Cell& b) { return a.from == b.from; }),
              cells.end());
}

std::vector<Evidence> evidence_of(const Sight& sight) {
  return {{"partitions ahead", static_cast<double>(ahead_of(sight)), "partitions", "bounds in pg_class.relpartbound"},
          {"partitions wanted ahead", static_cast<double>(sight.options.partitions_ahead), "partitions",
           "advisors.partitions_ahead"},
          {"rows inserted", sight.minutes > 0 ? sight.written / sight.minutes : 0, "1/min", "pg_stat_user_tables"}};
}

void make_ahead(const Sight& sight, const Period& period, const std::vector<Cell>& cells) {
  if (cells.empty()) return;
  const auto ahead = ahead_of(sight);
  auto finding = make_finding("partitions_ahead", sight.now, sight.table.qualified(), Severity::warning,
                              "Table " + sight.table.qualified() + " has " + std::to_string(ahead) + " of " +
                                  std::to_string(sight.options.partitions_ahead) + " partitions ahead (one is " +
                                  describe(period) + "); the last one ends at " + sight.parts.back()->to +
                                  ", and rows behind that " +
                                  (sight.rest != nullptr ? "go to the DEFAULT partition." : "are refused."),
                              evidence_of(sight));
  sight.out.findings.push_back(finding);
  for (const auto& cell : cells) {
    const auto name = partition_name(sight.table, sight.parts, cell.from);
    if (name.empty()) {
      sight.refuse("a partition of",
                   "no name for the one from " + bound_text(cell.from, sight.table.key_type) + " is free");
      return;
    }
    auto detail = detail_of(sight, name);
    detail.from = bound_text(cell.from, sight.table.key_type);
    detail.to = bound_text(cell.to, sight.table.key_type);
    auto made = start(sight, ActionClass::create_partition, finding, std::move(detail), "create " + name);
    const double wanted = sight.options.partitions_ahead;
    made.effect = {"partitions ahead", static_cast<double>(ahead), wanted, wanted, wanted, "partitions", "rule"};
    made.refused.push_back(
        {"CREATE TABLE … PARTITION OF", "it would hold ACCESS EXCLUSIVE on the table; this attaches"});
    offer(sight.out, std::move(made), sight.options);
  }
}

void drain(const Sight& sight, std::vector<Cell> cells, const TableFact* rest) {
  const std::string name = sight.rest->schema + "." + sight.rest->name;
  const double rows = rest == nullptr ? 0 : table_rows(*rest);
  auto finding = make_finding("default_partition_rows", sight.now, sight.table.qualified(), Severity::warning,
                              "The DEFAULT partition " + name + " of " + sight.table.qualified() +
                                  " holds rows: no partition can be made for them without a scan under a strong lock.",
                              {{"rows in the DEFAULT partition", rows, "rows", "pg_stat_user_tables"}});
  sight.out.findings.push_back(finding);
  const std::string what = "drain the DEFAULT partition of";
  if (sight.table.stray.empty())
    return sight.refuse(what, "no statistics tell which periods its rows are of: ANALYZE " +
                                  quote_qualified(sight.rest->schema, sight.rest->name));
  if (rows * kHeadroom > kMostDrained)
    return sight.refuse(what, "it has " + count(rows) + " rows; so many are moved by hand in a time without load");
  const auto period = period_of(sight.parts);
  std::size_t odd = 0;
  for (const auto& at : sight.table.stray) {
    const auto cell = cell_of(at, *sight.parts.back()->to_at, *period);
    if (cell && !overlaps(sight, *cell))
      cells.push_back(*cell);
    else
      ++odd;
  }
  sort_cells(cells);
  if (odd > 0)
    sight.refuse(what,
                 count(static_cast<double>(odd)) + " of the sampled keys fit no free period of " + describe(*period));
  if (cells.empty()) return;
  if (cells.size() > kMostRanges)
    return sight.refuse(
        what, "its rows are of " + std::to_string(cells.size()) + " periods, more than " + std::to_string(kMostRanges));
  auto detail = detail_of(sight, {});
  for (const auto& cell : cells) {
    const auto partition = partition_name(sight.table, sight.parts, cell.from);
    if (partition.empty())
      return sight.refuse(what,
                          "no name for the partition from " + bound_text(cell.from, sight.table.key_type) + " is free");
    detail.ranges.push_back(
        {partition, bound_text(cell.from, sight.table.key_type), bound_text(cell.to, sight.table.key_type)});
  }
  detail.most_rows = std::max(kFewestDrained, static_cast<int>(rows * kHeadroom));
  auto out = start(sight, ActionClass::drain_default, std::move(finding), std::move(detail), "drain");
  out.effect = {"rows in the DEFAULT partition", rows, 0, 0, rows, "rows", "statistics"};
  out.risk = Risk::medium;
  out.refused.push_back({"CREATE TABLE … PARTITION OF", "the rows in the DEFAULT partition stand in its way"});
  offer(sight.out, std::move(out), sight.options);
}

void retire(const Sight& sight) {
  const auto rule = std::find_if(sight.options.retention.begin(), sight.options.retention.end(),
                                 [&](const auto& one) { return glob_match(one.table, sight.table.qualified()); });
  if (rule == sight.options.retention.end()) return;
  std::vector<const PartitionFact*> old;
  // The last one stays, whatever its age: new rows have their grid from it.
  for (std::size_t i = 0; i + 1 < sight.parts.size(); ++i)
    if (*sight.parts[i]->to_at + rule->keep <= sight.now.taken_at) old.push_back(sight.parts[i]);
  if (old.empty()) return;
  auto finding = make_finding(
      "partitions_past_retention", sight.now, sight.table.qualified(), Severity::info,
      std::to_string(old.size()) + (old.size() == 1 ? " partition of " : " partitions of ") + sight.table.qualified() +
          " ended more than " + format_duration(rule->keep) + " ago, which policy.retention gives them.",
      {{"partitions past their time", static_cast<double>(old.size()), "partitions", "bounds in pg_class.relpartbound"},
       {"time they are kept", std::chrono::duration<double>(rule->keep).count(), "seconds", "policy.retention"}});
  sight.out.findings.push_back(finding);
  if (old.size() > kMostDetached) old.resize(kMostDetached);
  for (const auto* part : old) {
    if (part->schema != sight.table.schema) {
      sight.refuse("detach " + part->name + " from", "it is in another schema, " + part->schema);
      continue;
    }
    auto out =
        start(sight, ActionClass::detach_partition, finding, detail_of(sight, part->name), "detach " + part->name);
    out.effect = {"partitions past their time", 1, 0, 0, 0, "partitions", "rule"};
    out.risk = Risk::medium;
    out.refused.push_back({"DROP TABLE " + quote_qualified(part->schema, part->name),
                           "a detached table can be attached again; it is dropped by a person, after days of grace"});
    offer(sight.out, std::move(out), sight.options);
  }
}

void look_at(const Sight& sight) {
  retire(sight);
  const auto period = period_of(sight.parts);
  if (!period)
    return sight.refuse("make partitions of", "its last partitions are fewer than two, or not of one length");
  if (sight.parts.back()->schema != sight.table.schema)
    return sight.refuse("make partitions of", "they are in another schema, " + sight.parts.back()->schema);
  std::vector<Cell> cells = wanting(sight, *period);
  // Whatever was written between two readings: a plan that somebody looks at must not be another one at each of them.
  if (sight.rest != nullptr && sight.rest->holds_rows) return drain(sight, cells, sight.now.table(sight.rest->oid));
  if (!cells.empty() && sight.written <= 0) {
    sight.refuse("make partitions of", "no row was written to it between the two readings");
    cells.clear();
  }
  make_ahead(sight, *period, cells);
}

}  // namespace

Advice partition_upkeep(const DatabaseFacts& before, const DatabaseFacts& now, const AdvisorOptions& options) {
  Advice out;
  for (const auto& table : now.partitioned_tables) {
    const TableFact* parent = now.table(table.oid);
    if (parent == nullptr || parent->extension_owned) continue;
    const bool comparable = tables_incomparable(before, now).empty();
    const double written = comparable ? table_delta(before, now, *parent).inserted : 0;
    Sight sight{now, table, bounded(table), nullptr, written, window_seconds(before, now) / 60, options, out};
    for (const auto& part : table.partitions)
      if (part.is_default) sight.rest = &part;
    if (sight.parts.empty()) continue;
    look_at(sight);
  }
  return out;
}

}  // namespace pgtend::advisors
