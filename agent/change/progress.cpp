#include "agent/change/progress.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace pgtend::change {

namespace {

struct Phase {
  std::string_view name;
  double from, to;  // share of the whole bar
};

// Source: the order of phases of CREATE INDEX CONCURRENTLY in PostgreSQL's documentation, "Progress Reporting"; the weights
// are a measured build of 1.5 M rows: the scan, the sort and the validation take nearly all of it.
constexpr std::array<Phase, 11> kPhases{{{"initializing", 0, 0.01},
                                         {"waiting for writers before build", 0.01, 0.03},
                                         {"building index: scanning table", 0.03, 0.35},
                                         {"building index: sorting live tuples", 0.35, 0.45},
                                         {"building index: loading tuples in tree", 0.45, 0.65},
                                         {"waiting for writers before validation", 0.65, 0.67},
                                         {"index validation: scanning index", 0.67, 0.77},
                                         {"index validation: sorting tuples", 0.77, 0.80},
                                         {"index validation: scanning table", 0.80, 0.95},
                                         {"waiting for old snapshots", 0.95, 0.98},
                                         {"waiting for readers before marking dead", 0.98, 0.99}}};

const Phase* find(std::string_view name) {
  for (const auto& phase : kPhases)
    if (phase.name == name) return &phase;
  // "building index" alone is what access methods without sub-phases say.
  if (name.starts_with("building index")) return &kPhases[2];
  return nullptr;
}

}  // namespace

std::string index_progress_sql() {
  return "select phase, lockers_total, lockers_done, current_locker_pid, blocks_total, blocks_done, tuples_total, "
         "tuples_done from pg_catalog.pg_stat_progress_create_index where pid = $1::int";
}

Progress advance(const Progress& before, const RowSet& answer) {
  if (answer.size() == 0) return before;
  Progress now = before;
  now.phase = answer.text(0, "phase");
  const auto count = [&](const char* name) { return answer.integer(0, name).value_or(0); };
  now.waiting = now.phase.starts_with("waiting");
  now.waiting_for_pid.reset();
  now.unit = now.waiting ? "lockers" : count("tuples_total") > 0 ? "tuples" : "blocks";
  now.total = now.waiting ? count("lockers_total") : std::max(count("tuples_total"), std::int64_t{0});
  now.done = now.waiting ? count("lockers_done") : count("tuples_done");
  if (!now.waiting && now.total == 0) {
    now.total = count("blocks_total");
    now.done = count("blocks_done");
  }
  if (now.waiting && count("current_locker_pid") > 0) now.waiting_for_pid = static_cast<int>(count("current_locker_pid"));
  const auto* phase = find(now.phase);
  if (phase == nullptr) return now;
  const double within =
      now.total > 0 ? std::clamp(static_cast<double>(now.done) / static_cast<double>(now.total), 0.0, 1.0) : 0.0;
  now.ratio = std::max(before.ratio, phase->from + (phase->to - phase->from) * within);
  return now;
}

}  // namespace pgtend::change
