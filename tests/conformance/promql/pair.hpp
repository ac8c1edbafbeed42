#pragma once

#include <string>

#include "tests/conformance/promql/compare.hpp"
#include "tests/conformance/promql/history_view.hpp"

namespace pgtend::test {

// Both servers over the same samples.
struct Pair {
  explicit Pair(const Dataset& data) : theirs(data), ours(data) {}
  PrometheusServer theirs;
  AgentServer ours;
  std::size_t telling = 0;  // answers of Prometheus that held a value

  std::string instant(const std::string& expr, const std::string& time, Strictness strictness) {
    const Parameters parameters{{"query", expr}, {"time", time}};
    return compare("query", parameters, strictness);
  }
  std::string range(const std::string& expr, const Parameters& steps, Strictness strictness) {
    Parameters parameters = steps;
    parameters.emplace_back("query", expr);
    return compare("query_range", parameters, strictness);
  }

 private:
  std::string compare(const std::string& path, const Parameters& parameters, Strictness strictness) {
    const auto answer = theirs.post(path, parameters);
    if (answer.body.find("\"result\":[]") == std::string::npos && answer.status == 200) ++telling;
    return difference(answer, ours.post(path, parameters), strictness);
  }
};

// Whether `found` is a difference on purpose between 2.42 and us, who say what 3.x says; docs/promql.md gives the
// reasons.
bool is_known(const std::string& expr, const std::string& found, bool ranged);

}  // namespace pgtend::test
