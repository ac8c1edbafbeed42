#include "agent/change/verify/judge.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "agent/base/units.hpp"
#include "agent/change/verify/compare.hpp"
#include "agent/change/verify/statistics.hpp"

namespace pgtend::change {
namespace {

using Ids = std::vector<std::int64_t>;

int windows_with(const std::vector<StatementWindow>& windows, const Ids& ids) {
  return static_cast<int>(std::count_if(windows.begin(), windows.end(), [&](const StatementWindow& window) {
    return std::any_of(ids.begin(), ids.end(), [&](auto id) {
      const auto it = window.statements.find(id);
      return it != window.statements.end() && it->second.calls > 0;
    });
  }));
}

double calls_in(const std::vector<StatementWindow>& windows, const Ids& ids) {
  double out = 0;
  for (const auto& window : windows)
    for (const auto id : ids)
      if (const auto it = window.statements.find(id); it != window.statements.end()) out += it->second.calls;
  return out;
}

// Control statements that run on both sides in at least half of the windows: a visitor proves nothing.
Ids steady(const Ids& controls, const std::vector<StatementWindow>& before, const std::vector<StatementWindow>& after) {
  Ids out;
  for (const auto id : controls) {
    const Ids one{id};
    const auto half = [&](const auto& windows) {
      return windows_with(windows, one) * 2 >= static_cast<int>(windows.size());
    };
    if (half(before) && half(after)) out.push_back(id);
  }
  return out;
}

std::vector<StatementWindow> without_resets(std::vector<StatementWindow> windows) {
  std::erase_if(windows, [](const StatementWindow& window) { return window.reset; });
  return windows;
}

// One side of a comparison, ready to be compared.
struct Side {
  Side(const std::vector<StatementWindow>& all, Millis block)
      : windows(without_resets(all)), blocks(blocks_of(windows, block)), resets(all.size() - windows.size()) {}
  std::vector<StatementWindow> windows, blocks;
  std::size_t resets;
};

double load_share(const std::vector<StatementWindow>& before, std::int64_t id) {
  double mine = 0, all = 0;
  for (const auto& window : before)
    for (const auto& [each, counts] : window.statements) {
      all += counts.exec_ms;
      if (each == id) mine += counts.exec_ms;
    }
  return all > 0 ? mine / all : 0;
}

std::string percent(double effect) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", std::abs(effect) * 100);
  return text;
}

std::string sentence(const Comparison& seen, const Sides& sides) {
  const std::string who = seen.metric == Metric::exec_p95_ms ? "the statements that the change does not touch"
                          : seen.statement                   ? "statement " + std::to_string(*seen.statement)
                                                             : "the target statements";
  char p[32];
  std::snprintf(p, sizeof p, "%.2g", seen.p_value);
  return std::string(to_string(seen.metric)) + " of " + who + (seen.effect < 0 ? " fell by " : " rose by ") +
         percent(seen.effect) +
         (seen.controlled ? " against " + std::to_string(sides.controls.size()) + " control statements"
          : seen.metric == Metric::wal_bytes ? " (no control statement writes WAL)"
                                             : "") +
         (seen.season == 0 ? ""
                           : ", beyond the " + percent(seen.season) + (seen.season < 0 ? " fall" : " rise") +
                                 " of the same hours a week before") +
         " (" + seen.test + ", p = " + p + ", " + std::to_string(seen.blocks_before) + " and " +
         std::to_string(seen.blocks_after) + " values)";
}

Verdict conclude(Verdict verdict, VerdictKind kind, const Comparison& seen, const Sides& sides) {
  verdict.kind = kind;
  verdict.effect = seen.effect;
  verdict.p_value = seen.p_value;
  verdict.test = seen.test;
  verdict.metric = to_string(seen.metric);
  verdict.explanation = sentence(seen, sides);
  return verdict;
}

// How much worse WAL per call may get: an index entry more is the price of every index, a lost HOT path is not.
double wal_limit(const VerifyOptions& options, bool controlled) {
  const double limit = options.veto_ratio - 1;
  return controlled ? limit : (1 + limit) * (1 + options.effect_wal_alone) - 1;
}

std::optional<Comparison> fast_path(const Sides& sides, const StatementSets& sets) {
  const auto& options = sides.options;
  if (auto trip = find_trip(sides, sets.targets, Metric::buffers, options.cusum_effect)) return trip;
  auto wal = find_trip(sides, sets.writes, Metric::wal_bytes, options.veto_ratio - 1);
  if (!wal || wal->effect < wal_limit(options, wal->controlled)) return std::nullopt;
  // What the reads gained may be worth it; the full comparison weighs that.
  const auto whole = compare(sides, sets.targets, Metric::buffers);
  if (whole && whole->effect <= -options.outweighed) return std::nullopt;
  return wal;
}

// Statements that carry load and got much worse; Holm-corrected over everything that is looked at.
std::optional<Comparison> worst_veto(const Sides& sides, const StatementSets& sets, bool outweighed) {
  const auto& options = sides.options;
  const std::set<std::int64_t> writes(sets.writes.begin(), sets.writes.end());
  std::vector<Comparison> seen;
  std::vector<double> p_values;
  for (const auto id : sets.targets) {
    if (load_share(sides.before, id) < options.veto_share) continue;
    std::vector<Metric> metrics{Metric::exec_ms};
    const bool is_write = writes.contains(id);
    if (!is_write || !outweighed) metrics.push_back(Metric::buffers);
    if (is_write && !outweighed) metrics.push_back(Metric::wal_bytes);
    for (const auto metric : metrics) {
      auto found = compare(sides, {id}, metric);
      if (!found) continue;
      found->statement = id;
      p_values.push_back(found->p_value);
      seen.push_back(std::move(*found));
    }
  }
  const auto adjusted = holm(p_values);
  std::optional<Comparison> worst;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    seen[i].p_value = adjusted[i];
    const double limit =
        seen[i].metric == Metric::wal_bytes ? wal_limit(options, seen[i].controlled) : options.veto_ratio - 1;
    if (adjusted[i] >= options.p_value || seen[i].effect < limit) continue;
    if (!worst || seen[i].effect > worst->effect) worst = seen[i];
  }
  return worst;
}

// Whether what the change does not touch got slower, all of it together: the ratio cannot see what the whole server
// feels. Nothing is left to compare these with, so that only much counts.
std::optional<Comparison> guard(const Sides& sides) {
  const Ids none;
  const Sides alone{sides.before, sides.after, none, sides.options, sides.before_blocks, sides.after_blocks};
  auto seen = compare(alone, sides.controls, Metric::exec_p95_ms);
  const auto& options = sides.options;
  if (!seen || seen->p_value >= options.p_value || seen->effect < options.guard_ratio - 1) return std::nullopt;
  return seen;
}

Verdict full(Verdict verdict, const Sides& sides, const StatementSets& sets) {
  const auto& options = sides.options;
  const auto blocks = compare(sides, sets.targets, Metric::buffers);
  const auto time = compare(sides, sets.targets, Metric::exec_ms);
  if (!blocks && !time) {
    verdict.explanation =
        "fewer than " + std::to_string(kMinBlocks) + " blocks on a side in which target and control ran";
    return verdict;
  }
  std::vector<double> p_values;
  if (blocks) p_values.push_back(blocks->p_value);
  if (time) p_values.push_back(time->p_value);
  const auto adjusted = holm(p_values);
  const double p_blocks = blocks ? adjusted.front() : 1, p_time = time ? adjusted.back() : 1;
  const auto moved = [&](const std::optional<Comparison>& seen, double p, double least) {
    return seen && p < options.p_value && std::abs(seen->effect) >= least;
  };
  const bool blocks_moved = moved(blocks, p_blocks, options.effect_blocks);
  const bool time_moved = moved(time, p_time, options.effect_time);
  const bool outweighed = blocks_moved && blocks->effect <= -options.outweighed;
  if (blocks_moved && blocks->effect > 0) return conclude(std::move(verdict), VerdictKind::regressed, *blocks, sides);
  if (const auto veto = worst_veto(sides, sets, outweighed))
    return conclude(std::move(verdict), VerdictKind::regressed, *veto, sides);
  if (const auto slow = guard(sides)) return conclude(std::move(verdict), VerdictKind::regressed, *slow, sides);
  if (blocks_moved) return conclude(std::move(verdict), VerdictKind::improved, *blocks, sides);
  if (time_moved)
    return conclude(std::move(verdict), time->effect < 0 ? VerdictKind::improved : VerdictKind::regressed, *time,
                    sides);
  verdict = conclude(std::move(verdict), VerdictKind::no_effect, blocks ? *blocks : *time, sides);
  verdict.explanation = "no effect: " + verdict.explanation;
  return verdict;
}

// What is missing on a side; empty when nothing is.
std::string lacking(std::string_view side, const Side& seen, const StatementSets& sets, const VerifyOptions& options) {
  const auto all = seen.windows.size() + seen.resets;
  if (static_cast<double>(seen.resets) > options.max_reset_share * static_cast<double>(all))
    return std::to_string(seen.resets) + " of " + std::to_string(all) + " windows " + std::string(side) +
           " were lost: the counters were reset or the server was started anew in them";
  const int windows = windows_with(seen.windows, sets.targets);
  const std::string lost = seen.resets == 0 ? "" : ", " + std::to_string(seen.resets) + " more were lost to resets";
  if (windows < options.min_windows)
    return std::to_string(windows) + " of " + std::to_string(options.min_windows) + " windows " + std::string(side) +
           lost;
  const double calls = calls_in(seen.windows, sets.targets);
  if (calls < options.min_calls)
    return std::to_string(static_cast<long long>(calls)) + " of " + std::to_string(options.min_calls) + " calls " +
           std::string(side);
  return {};
}

}  // namespace

Millis observed_time(const std::vector<StatementWindow>& windows) {
  Millis out{0};
  for (const auto& window : windows)
    if (!window.reset) out += window.length;
  return out;
}

Verdict judge(const std::vector<StatementWindow>& all_before, const std::vector<StatementWindow>& all_after,
              const StatementSets& sets, const VerifyOptions& options, const Season& season) {
  const Side before(all_before, options.block), after(all_after, options.block);
  Verdict out;
  out.metric = to_string(Metric::buffers);
  if (!before.windows.empty()) {
    out.before_from = before.windows.front().start;
    out.before_to = before.windows.back().start + before.windows.back().length;
  }
  if (!after.windows.empty()) {
    out.after_from = after.windows.front().start;
    out.after_to = after.windows.back().start + after.windows.back().length;
  }
  out.windows_before = windows_with(before.windows, sets.targets);
  out.windows_after = windows_with(after.windows, sets.targets);
  const auto insufficient = [&](std::string why) {
    out.kind = VerdictKind::insufficient;
    out.explanation = std::move(why);
    return out;
  };
  if (sets.targets.empty()) return insufficient("no statement is known to use the changed object");
  const Ids controls = steady(sets.controls, before.windows, after.windows);
  const Side was(season.before, options.block), is(season.after, options.block);
  const Sides past{was.windows, is.windows, controls, options, was.blocks, is.blocks};
  const Sides sides{before.windows, after.windows, controls, options, before.blocks, after.blocks, &past};
  if (auto why = lacking("before the change", before, sets, options); !why.empty()) return insufficient(why);
  if (static_cast<int>(controls.size()) < options.min_control)
    return insufficient(std::to_string(controls.size()) + " of " + std::to_string(options.min_control) +
                        " control statements");
  if (const auto trip = fast_path(sides, sets)) return conclude(std::move(out), VerdictKind::regressed, *trip, sides);
  if (auto why = lacking("after the change", after, sets, options); !why.empty()) return insufficient(why);
  auto verdict = full(out, sides, sets);
  // Asked after every window, a test would find by chance what it looks for.
  if (verdict.kind == VerdictKind::regressed && observed_time(after.windows) < options.after)
    return insufficient("not all of the " + format_duration(options.after) + " after the change is observed; so far " +
                        verdict.explanation);
  return verdict;
}

}  // namespace pgtend::change
