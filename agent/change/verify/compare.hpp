#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/change/verify/index_number.hpp"
#include "agent/change/verify/judge.hpp"

// Inside change/verify: one comparison of some statements with the control group.
namespace pgtend::change {

struct Comparison {
  Metric metric = Metric::buffers;
  std::optional<std::int64_t> statement;  // nullopt: all of them together
  bool controlled = true;                 // false: no control statement has this metric
  double season = 0;                      // ratio, minus 1: what the same hours a week before did, taken off `effect`
  double effect = 0;                      // ratio after/before, minus 1
  double p_value = 1;
  std::string test;
  int blocks_before = 0, blocks_after = 0;
};

struct Sides {
  const std::vector<StatementWindow>& before;
  const std::vector<StatementWindow>& after;
  const std::vector<std::int64_t>& controls;
  const VerifyOptions& options;
  // The same windows added up over options.block.
  const std::vector<StatementWindow>& before_blocks;
  const std::vector<StatementWindow>& after_blocks;
  const Sides* season = nullptr;  // the same hours a week before
};

// Of log ratios of blocks: Welch or Mann-Whitney, whichever is surer, but never surer than the calls themselves allow.
// nullopt when either side has fewer than kMinBlocks blocks in which target and control were called.
[[nodiscard]] std::optional<Comparison> compare(const Sides& sides, const std::vector<std::int64_t>& ids,
                                                Metric metric);
// The fast path: a lasting rise by at least `least` (ratio) in the newest windows; nullopt when there is none.
[[nodiscard]] std::optional<Comparison> find_trip(const Sides& sides, const std::vector<std::int64_t>& ids,
                                                  Metric metric, double least);

// Fewer blocks cannot reach p < 0.01 in any test.
inline constexpr int kMinBlocks = 3;

}  // namespace pgtend::change
