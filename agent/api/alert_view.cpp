#include "agent/api/alert_view.hpp"

namespace pgtend::api {

namespace {

// A view that watches no alerts.
tl::unexpected<Error> no_alerts() {
  return fail(Errc::unavailable, "this agent watches no alerts");
}

}  // namespace

net::TaskResult<AlertExplanation> AlertView::explain_alert(std::string, std::optional<UtcTime>) {
  co_return no_alerts();
}

net::TaskResult<Silence> AlertView::acknowledge(std::string, std::optional<UtcTime>, std::string, std::string) {
  co_return no_alerts();
}

net::TaskResult<std::vector<Silence>> AlertView::silences() {
  co_return no_alerts();
}

net::TaskResult<Silence> AlertView::add_silence(Silence, std::string) {
  co_return no_alerts();
}

net::TaskResult<Silence> AlertView::end_silence(std::string, std::string) {
  co_return no_alerts();
}

net::TaskResult<std::vector<std::string>> AlertView::test_receiver(std::string, std::string) {
  co_return no_alerts();
}

net::TaskResult<std::vector<OutboxMessage>> AlertView::notifications(std::string, int) {
  co_return no_alerts();
}

}  // namespace pgtend::api
