#include "tests/unit/promql/corpus.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("every expression of the corpus gives its written result") {
  const Corpus corpus = read_corpus();
  REQUIRE(corpus.cases.size() >= 1000);
  promql::EvalOptions options;
  options.left_open = false;
  for (const auto& one : corpus.cases) {
    INFO(one.file << ":" << one.line << ": " << one.expr);
    const CorpusAnswer got = answer(corpus, one, options);
    if (one.fails) {
      CHECK_FALSE(one.message.empty());
      CHECK(got.error.substr(0, one.message.size()) == one.message);
      continue;
    }
    INFO("expected:\n" << describe(one.expected) << "got: " << got.error << "\n" << describe(got.samples));
    CHECK(got.error.empty());
    CHECK(same_samples(got.samples, one.expected));
  }
}
