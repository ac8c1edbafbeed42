#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/policy.hpp"

namespace pgtend::advisors {

// A change that makes an index and has not ended: an index that begins with the same column waits for it.
struct OpenIndex {
  std::string change_id, state;  // of the change
  std::string schema, table;
  std::vector<std::string> columns;
};

// The limits of all advisors. Sources: reference rules R7 and R8 and the anchors' own defaults, named at each line.
struct AdvisorOptions {
  // Index advisor. Tables below either are left alone (R8; pganalyze ignores tables below 10 MB).
  std::int64_t min_table_bytes = 10LL << 20;
  double min_table_rows = 10'000;
  double min_statement_share = 0.01;    // ratio of the window's execution time (R8)
  double min_saving = 0.2;              // ratio, on at least one statement (R8, Azure's pair)
  double min_workload_saving = 0.05;    // ratio of the priced statements' cost (R8)
  double max_statement_loss = 0.1;      // ratio; no statement may get worse by more (R8)
  std::int64_t index_budget_bytes = 0;  // of all proposed indexes together; 0: no limit of the advisor's own
  int max_new_indexes_per_table = 3;    // R4
  int max_statements = 40;              // priced per run, heaviest first
  int max_hypothetical = 32;            // candidates per statement
  bool hypopg = true;                   // false: statistics only, even when the extension is there

  Millis unused_index_window{std::chrono::hours(24 * 35)};  // R7: covers a month's end
  std::int64_t min_unused_index_bytes = 1LL << 20;
  std::int64_t min_duplicate_index_bytes = 0;

  Millis matview_max_age{0};              // 0: no age is too old, only the changed fraction counts
  double matview_changed_fraction = 0.1;  // ratio of the base tables' rows
  double matview_duty_cap = 0.05;         // ratio: refresh time / time since the last refresh

  std::int64_t min_dead_tuples = 1'000;
  double vacuum_trigger_rows = 50'000;  // a repeatedly late table gets a scale factor that triggers at about this many
  double min_scale_factor = 0.005;

  std::int64_t max_work_mem_kb = 256 * 1024;
  double work_mem_ram_share = 0.25;  // of RAM, divided by the active backends
  int spill_statements = 3;          // "few queryids": so many make up spill_share of a role's spilling
  double spill_share = 0.8;
  double min_spill_blocks_per_call = 128;  // 1 MB

  int partitions_ahead = 4;  // periods after the current one; 0: none are made. Source: pg_partman's premake
  std::vector<PolicyRetention> retention;  // policy's; a table that none matches is left as it is

  // Recommendation ids that were undone a short time ago (policy's cool-down): not offered again.
  std::set<std::string> cooling_down;
  std::vector<OpenIndex> open_indexes;  // of this database
};

}  // namespace pgtend::advisors
