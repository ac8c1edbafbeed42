#include "agent/api/sample_texts.hpp"

#include <limits>

#include "agent/base/units.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using api::prometheus::SampleTexts;

namespace {

std::string written(SampleTexts& texts, const std::vector<Sample>& samples) {
  std::string out;
  texts.append(out, samples);
  return out;
}

}  // namespace

TEST_CASE("the text of a sample is the same whether it was made or copied from the step or the series before") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::vector<Sample>> series = {
      {{from_ms(0), 1}, {from_ms(1'500), 1}, {from_ms(3'000), 0.0}, {from_ms(4'500), -0.0}},
      {{from_ms(0), nan}, {from_ms(1'500), nan}, {from_ms(3'000), 1}},
      {{from_ms(1'500), 0.0}, {from_ms(-1'007), 0.0}},
      {},
      {{from_ms(0), 1e-7}, {from_ms(1'500), -1.0000012345678901e-6}, {from_ms(3'000), 123456789012345678901.0}},
      {{from_ms(253'402'300'799'001), 1e21}, {from_ms(1'500), std::numeric_limits<double>::infinity()}},
  };
  SampleTexts texts;
  for (const auto& samples : series) {
    std::string alone;
    for (const auto& sample : samples) {
      SampleTexts fresh;
      alone += (alone.empty() ? "" : ",") + written(fresh, {sample});
    }
    CHECK(written(texts, samples) == alone);
  }
  CHECK(written(texts, series[0]) == R"([0,"1"],[1.500,"1"],[3,"0"],[4.500,"-0"])");
  CHECK(written(texts, {{from_ms(0), 9223372036854775808.0}, {from_ms(0), -123456789012345678901.0}}) ==
        R"([0,"9223372036854776000"],[0,"-123456789012345680000"])");
  CHECK(written(texts, series[2]) == R"([1.500,"0"],[-1.007,"0"])");
}

TEST_CASE("more samples than a query has steps are written all the same") {
  std::vector<Sample> samples;
  for (int i = 0; i < 11'005; ++i) samples.push_back({from_ms(1'000 * i), 2});
  SampleTexts texts;
  const auto first = written(texts, samples);
  CHECK(first.ends_with(R"(,[11003,"2"],[11004,"2"])"));
  CHECK(written(texts, samples) == first);
}
