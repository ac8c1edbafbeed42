#include "agent/change/progress.hpp"

#include <algorithm>
#include <array>

namespace pgtend::change {
namespace {

struct Phase {
  std::string_view name;
  double start, end;  // share of the whole statement
};

// The order in which PostgreSQL 13 to 18 goes through them; the shares follow a B-tree build with CONCURRENTLY, where
// the two table scans (build and validation) dominate. Longer names come before their prefixes.
constexpr std::array<Phase, 12> kPhases{{{"initializing", 0.00, 0.01},
                                         {"waiting for writers before build", 0.01, 0.03},
                                         {"building index: scanning table", 0.03, 0.40},
                                         {"building index: sorting live tuples", 0.40, 0.48},
                                         {"building index: sorting dead tuples", 0.48, 0.49},
                                         {"building index: loading tuples in tree", 0.49, 0.60},
                                         {"building index", 0.03, 0.60},
                                         {"waiting for writers before validation", 0.60, 0.62},
                                         {"index validation: scanning index", 0.62, 0.72},
                                         {"index validation: sorting tuples", 0.72, 0.76},
                                         {"index validation: scanning table", 0.76, 0.97},
                                         {"waiting for old snapshots", 0.97, 0.99}}};
// DROP and REINDEX CONCURRENTLY end with these.
constexpr std::array<Phase, 2> kEndings{
    {{"waiting for readers before marking dead", 0.97, 0.98}, {"waiting for readers before dropping", 0.98, 0.99}}};

const Phase* find_phase(std::string_view name) {
  const auto named = [&](const Phase& phase) { return name == phase.name; };
  if (const auto it = std::find_if(kPhases.begin(), kPhases.end(), named); it != kPhases.end()) return &*it;
  if (const auto it = std::find_if(kEndings.begin(), kEndings.end(), named); it != kEndings.end()) return &*it;
  // Access methods may add their own sub-phases.
  if (name.starts_with("building index")) return find_phase("building index");
  return nullptr;
}

}  // namespace

bool is_waiting_phase(std::string_view phase) {
  return phase.starts_with("waiting for ");
}

Progress next_progress(const std::optional<Progress>& previous, const CreateIndexRow& row) {
  Progress out;
  out.phase = row.phase;
  if (is_waiting_phase(row.phase)) {
    out.done = row.lockers_done;
    out.total = row.lockers_total;
    out.unit = "lockers";
    out.waiting_for_pid = row.current_locker_pid;
  } else if (row.tuples_total > 0) {
    out.done = row.tuples_done;
    out.total = row.tuples_total;
    out.unit = "tuples";
  } else if (row.blocks_total > 0) {
    out.done = row.blocks_done;
    out.total = row.blocks_total;
    out.unit = "blocks";
  }
  const double floor = previous ? previous->ratio : 0;
  double ratio = floor;
  if (const auto* phase = find_phase(row.phase)) {
    // The view's counters of the last phase linger for a moment in the next one, so they are never trusted beyond 1.
    const double inside =
        out.total > 0 ? std::clamp(static_cast<double>(out.done) / static_cast<double>(out.total), 0.0, 1.0) : 0;
    ratio = phase->start + (phase->end - phase->start) * inside;
  }
  out.ratio = std::clamp(std::max(floor, ratio), 0.0, 1.0);
  return out;
}

}  // namespace pgtend::change
