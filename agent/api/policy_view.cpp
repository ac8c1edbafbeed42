#include "agent/api/policy_view.hpp"

namespace pgtend::api {

namespace {

tl::unexpected<Error> not_here() {
  return fail(Errc::unavailable, "this agent answers no questions about its policy");
}

}  // namespace

net::TaskResult<PolicyReport> PolicyView::policy_report() {
  co_return not_here();
}

net::TaskResult<PolicySimulation> PolicyView::simulate_policy(PolicyQuestion) {
  co_return not_here();
}

net::TaskResult<PolicyBacktest> PolicyView::backtest_policy(PolicyText, Millis) {
  co_return not_here();
}

net::TaskResult<std::string> PolicyView::change_proof(std::string) {
  co_return not_here();
}

}  // namespace pgtend::api
