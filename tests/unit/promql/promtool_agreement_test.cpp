#include <filesystem>
#include <fstream>
#include <map>

#include "agent/base/strings.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/source_dir.hpp"
#include "tests/unit/promql/promtool.hpp"

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
