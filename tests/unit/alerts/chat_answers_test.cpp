#include "alerts/notifiers/chat.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

TEST_CASE("answers of chat receivers are read by their bodies") {
  const UtcTime now{Millis(1'767'582'720'000)};
  CHECK(read_slack({200, "ok", {}}, now).outcome == DeliveryOutcome::sent);
  CHECK(read_slack({200, "no_service", {}}, now).outcome == DeliveryOutcome::dead);
  CHECK(read_slack({429, "", {{"retry-after", "2"}}}, now).retry_after == Millis(2'000));
  const auto limited =
      read_telegram({429, R"({"ok":false,"error_code":429,"parameters":{"retry_after":31}})", {}}, now);
  CHECK(limited.outcome == DeliveryOutcome::retry);
  CHECK(limited.retry_after == Millis(31'000));
  CHECK(read_telegram({400, R"({"ok":false})", {}}, now).outcome == DeliveryOutcome::dead);
  CHECK(read_telegram({502, "<html>", {}}, now).outcome == DeliveryOutcome::retry);
  CHECK(read_teams({202, "", {}}, now).outcome == DeliveryOutcome::sent);
  CHECK(read_teams({200, "Webhook message delivery failed with error: HTTP error 429", {}}, now).outcome ==
        DeliveryOutcome::retry);
}
