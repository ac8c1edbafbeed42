#pragma once

#include <string>

#include "agent/api/routes.hpp"
#include "rules/promql/evaluator.hpp"
#include "rules/promql/memory_history.hpp"
#include "tests/conformance/promql/prometheus.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/unit/api/fake_agent_view.hpp"

namespace pgtend::test {

// The agent's answers out of a data set in memory; what is no query is the fake's.
class HistoryView final : public FakeAgentView {
 public:
  explicit HistoryView(const Dataset& data);

  promql::EvalOptions options;

  net::TaskResult<api::QueryResult> query(std::string text, UtcTime at, Millis limit) override;
  net::TaskResult<api::QueryResult> query_range(std::string text, TimeRange asked, Millis asked_step,
                                                Millis limit) override;
  net::TaskResult<std::string> format_query(std::string text) override;
  net::TaskResult<std::vector<SeriesKey>> history_series(std::vector<std::string> asked,
                                                         TimeRange asked_range) override;

 private:
  promql::MemoryHistory history_;
};

// The agent's own API over a data set, spoken to without a socket.
class AgentServer {
 public:
  explicit AgentServer(const Dataset& data);
  [[nodiscard]] HttpAnswer post(const std::string& path, const Parameters& parameters);
  [[nodiscard]] HttpAnswer get(const std::string& path, const Parameters& parameters = {});
  [[nodiscard]] HistoryView& view() { return view_; }

 private:
  HttpAnswer respond(http::Request request);
  HistoryView view_;
  FakeClock clock_{UtcTime(Millis(1'700'000'000'000))};
  api::MetricsBoard board_{api::BoardOptions{"0.1.0"}};
  http::Router router_;
};

}  // namespace pgtend::test
