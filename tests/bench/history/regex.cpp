#include "agent/model/matcher.hpp"
#include "tests/bench/history/commands.hpp"
#include "tests/bench/history/measure.hpp"

namespace pgtend::bench {

// Patterns that backtracking engines take seconds or a stack overflow for, on subjects far longer than a label.
nlohmann::json regex(const Options&) {
  const std::vector<std::string> patterns{"(a+)+b",
                                          "(a|aa)+c",
                                          "(.*a){12}",
                                          "(a*)*b",
                                          "([a-z]+)*[0-9]",
                                          ".*.*.*=.*",
                                          "(x+x+)+y",
                                          "a{500}a{400}",
                                          "((((((((a?){20}){20}))))))",
                                          "(?i)(ä|ö|ü|.)*ß",
                                          std::string(5'000, '(') + "a" + std::string(5'000, ')'),
                                          "[a-zA-Z0-9]{1000}{1000}"};
  const std::vector<std::string> subjects{std::string(24, 'a'), std::string(1'024, 'a'), std::string(200'000, 'a'),
                                          std::string(200'000, 'x') + "y"};
  double slowest = 0;
  std::size_t refused = 0;
  for (const auto& pattern : patterns) {
    const double began = wall();
    const auto matcher = Matcher::make("l", MatchOp::regex, pattern);
    slowest = std::max(slowest, wall() - began);
    if (!matcher) {
      ++refused;
      continue;
    }
    for (const auto& subject : subjects) {
      const double start = wall();
      (void)matcher->matches(subject);
      slowest = std::max(slowest, wall() - start);
    }
  }
  return {{"patterns", patterns.size()}, {"refused", refused}, {"slowest_ms", slowest * 1e3}};
}

}  // namespace pgtend::bench
