#include <filesystem>
#include <fstream>
#include <map>

#include "agent/base/strings.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"
#include "tests/unit/promql/promtool.hpp"
#include "tests/unit/promql/random_promql.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// A matching error ends with the series it met, whose order is not defined.
std::string comparable(const std::string& message) {
  return message.substr(0, message.find(": ["));
}

}  // namespace

TEST_CASE("the real promtool gives the same result for every expression of the corpus") {
  REQUIRE(has_promtool());
  const Corpus corpus = read_corpus();
  const auto theirs = ask_promtool(corpus);
  promql::EvalOptions options;
  options.left_open = false;  // Debian 12 ships Prometheus 2.42, whose ranges are closed
  for (std::size_t i = 0; i < corpus.cases.size(); ++i) {
    const auto& one = corpus.cases[i];
    INFO(one.file << ":" << one.line << ": " << one.expr);
    const CorpusAnswer ours = answer(corpus, one, options);
    INFO("promtool: " << theirs[i].error << "\n"
                      << describe(theirs[i].samples) << "ours: " << ours.error << "\n"
                      << describe(ours.samples));
    CHECK(comparable(ours.error) == comparable(theirs[i].error));
    CHECK(same_samples(ours.samples, theirs[i].samples));
  }
}

// Random expressions by the thousand; by hand, because sums of huge values may round apart: unit_promql
// "[promtool-fuzz]".
TEST_CASE("the real promtool gives the same result for random expressions", "[.][promtool-fuzz]") {
  const unsigned seed = seed_of_run();
  RandomPromql random(seed);
  Corpus corpus;
  corpus.datasets.push_back({Millis(60'000),
                             {{"c{a=\"1\",b=\"x\"}", "0+10x5 0+3x20", 1},
                              {"c{a=\"2\",b=\"x\"}", "5 _ 7 stale _x3 17 Inf NaN -Inf 4+0x10", 2},
                              {"g{a=\"1\"}", "1 NaN 3 -3x20", 3},
                              {"g{a=\"2\",b=\"y\"}", "9x9 stale 2x9", 4},
                              {"x{a=\"1\"}", "1+1x40", 5}}});
  // promtool loads samples up to the latest evaluation only; a negative offset must not look past that.
  CorpusCase latest;
  latest.at = Millis(6'000'000);
  latest.expr = "vector(1)";
  corpus.cases.push_back(std::move(latest));
  for (int i = 0; i < 3000; ++i) {
    CorpusCase one;
    one.file = "random";
    one.line = i;
    one.at = Millis(static_cast<std::int64_t>(random.below(100) * 15'000));
    one.expr = random.vector(3);
    corpus.cases.push_back(std::move(one));
  }
  const auto theirs = ask_promtool(corpus);
  promql::EvalOptions options;
  options.left_open = false;
  for (std::size_t i = 0; i < corpus.cases.size(); ++i) {
    const auto& one = corpus.cases[i];
    INFO("PGTEND_SEED=" << seed << " at " << one.at.count() / 1000 << "s: " << one.expr);
    const CorpusAnswer ours = answer(corpus, one, options);
    INFO("promtool: " << theirs[i].error << "\n"
                      << describe(theirs[i].samples) << "ours: " << ours.error << "\n"
                      << describe(ours.samples));
    CHECK(ours.error.empty() == theirs[i].error.empty());
    CHECK(same_samples(ours.samples, theirs[i].samples));
  }
}

// Writes promtool's answers into the corpus files; run by hand after adding cases: unit_promql "[write-corpus]".
TEST_CASE("write promtool's answers into the corpus", "[.][write-corpus]") {
  const Corpus corpus = read_corpus();
  const auto theirs = ask_promtool(corpus);
  std::map<std::string, std::map<int, std::size_t>> by_line;
  for (std::size_t i = 0; i < corpus.cases.size(); ++i) by_line[corpus.cases[i].file][corpus.cases[i].line] = i;
  for (const auto& [name, cases] : by_line) {
    const std::string path = std::string(pgtend::test::source_dir()) + "/tests/unit/promql/corpus/" + name;
    std::ifstream in(path);
    std::string out;
    int number = 0;
    bool skipping = false;
    for (std::string line; std::getline(in, line);) {
      ++number;
      const auto found = cases.find(number);
      if (found == cases.end()) {
        if (!line.starts_with("  ")) skipping = false;
        if (!skipping) out += line + "\n";
        continue;
      }
      const auto& one = corpus.cases[found->second];
      const auto& answer = theirs[found->second];
      const std::size_t expr = line.find(' ');
      out += (answer.error.empty() ? "eval" : "eval_fail") + line.substr(expr) + "\n";
      if (!answer.error.empty()) {
        out += "  " + comparable(answer.error) + "\n";
      }
      for (const auto& sample : answer.samples) {
        out += "  " + promql::metric_text(sample.labels) + " " + format_double(sample.value) + "\n";
      }
      skipping = true;
      REQUIRE(one.line == number);
    }
    in.close();
    std::ofstream(path) << out;
  }
}
