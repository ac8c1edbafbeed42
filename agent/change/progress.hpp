#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgtend::change {

// How far a running change is, as shown to a person.
struct Progress {
  std::string phase;  // as pg_stat_progress_create_index names it, or the step of the pipeline
  double ratio = 0;   // 0..1 of the whole statement; never decreases within one attempt
  std::int64_t done = 0, total = 0;
  std::string unit;  // blocks, tuples, lockers, partitions; empty when the phase counts nothing
  std::optional<int> waiting_for_pid;
};

// One row of pg_stat_progress_create_index.
struct CreateIndexRow {
  std::string command, phase;
  std::int64_t lockers_done = 0, lockers_total = 0;
  std::optional<int> current_locker_pid;
  std::int64_t blocks_done = 0, blocks_total = 0, tuples_done = 0, tuples_total = 0;
};

// The phase-weighted position of a build; a previous answer is a floor, so that a bar never runs backwards.
// Errors: none; an unknown phase keeps the previous ratio.
[[nodiscard]] Progress next_progress(const std::optional<Progress>& previous, const CreateIndexRow& row);

// Whether a phase only waits for other sessions: the wait budget runs in these.
[[nodiscard]] bool is_waiting_phase(std::string_view phase);

}  // namespace pgtend::change
