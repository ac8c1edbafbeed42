#include "alerts/notifiers/delivery.hpp"

#include "agent/base/result.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::alerts;

namespace {

constexpr UtcTime kNow{Millis(1'445'412'480'000)};  // Wed, 21 Oct 2015 07:28:00 GMT

Delivery answered(int status, const std::string& retry_after = {}) {
  std::map<std::string, std::string> headers;
  if (!retry_after.empty()) headers["retry-after"] = retry_after;
  return classify(status, headers, kNow);
}

}  // namespace

TEST_CASE("every status is sent, retried or dead as the receivers mean it") {
  for (const int status : {200, 201, 202, 204}) CHECK(answered(status).outcome == DeliveryOutcome::sent);
  for (const int status : {408, 425, 429, 500, 502, 503, 504, 507})
    CHECK(answered(status).outcome == DeliveryOutcome::retry);
  for (const int status : {301, 302, 308, 400, 401, 403, 404, 405, 410, 413, 422, 100})
    CHECK(answered(status).outcome == DeliveryOutcome::dead);
}

TEST_CASE("Retry-After is honoured in both forms and bounded") {
  CHECK(answered(429, "7").retry_after == Millis(7000));
  CHECK(answered(503, "Wed, 21 Oct 2015 07:28:30 GMT").retry_after == Millis(30'000));
  CHECK(answered(503, "Wed, 21 Oct 2015 07:00:00 GMT").retry_after == Millis(0));
  CHECK(answered(429, "99999999999").retry_after == Millis(3'600'000));
  CHECK(answered(429, "-5").retry_after == Millis(0));
  for (const auto* nonsense : {"soon", "Wed, 99 Oct 2015 07:28:30 GMT", "Wed, 21 Foo 2015 07:28:30 GMT", "7s"})
    CHECK_FALSE(answered(429, nonsense).retry_after);
  CHECK_FALSE(answered(400, "7").retry_after);
  CHECK_FALSE(answered(429).retry_after);
}

TEST_CASE("no answer is retried, an unusable address is dead") {
  Error error;
  for (const auto code : {Errc::timeout, Errc::unavailable}) {
    error.code = code;
    CHECK(classify(error).outcome == DeliveryOutcome::retry);
  }
  error.code = Errc::invalid_argument;
  CHECK(classify(error).outcome == DeliveryOutcome::dead);
}
