#pragma once

#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/model/alert.hpp"
#include "rules/promql/evaluator.hpp"

// The corpus: files of series, expressions and expected results, one evaluation per block.
//
//   load 1m                      a fresh set of series, one value a minute
//     up{job="a"} 1x10           a series, and its values in promtool's notation
//   eval 5m sum(up)              an expression at 5 minutes
//     {} 1                       one expected sample a line, ordered by labels; none: the result is empty
//   eval_fail 5m up + on() up    the evaluation fails with this message (compared up to its end)
//     found duplicate series
namespace pgtend::test {

struct CorpusSample {
  Labels labels;
  double value = 0;
};

struct CorpusCase {
  std::string file;
  int line = 0;
  std::size_t dataset = 0;  // index into Corpus::datasets
  Millis at{0};
  std::string expr;
  bool fails = false;
  std::string message;
  std::vector<CorpusSample> expected;
};

struct CorpusDataset {
  Millis interval{60'000};
  std::vector<RuleTestSeries> series;
};

struct Corpus {
  std::vector<CorpusDataset> datasets;
  std::vector<CorpusCase> cases;
};

// Reads every file of tests/unit/promql/corpus in name order; throws on a malformed one.
Corpus read_corpus();

// What our engine gives for a case: samples ordered by labels, or the error's message.
struct CorpusAnswer {
  std::vector<CorpusSample> samples;
  std::string error;
};
CorpusAnswer answer(const Corpus& corpus, const CorpusCase& one, const promql::EvalOptions& options);

// Equal up to rounding in the last digits; NaN equals NaN.
bool same_value(double a, double b);
bool same_samples(const std::vector<CorpusSample>& a, const std::vector<CorpusSample>& b);
std::string describe(const std::vector<CorpusSample>& samples);

}  // namespace pgtend::test
