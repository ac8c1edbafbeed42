#include "alerts/notifiers/webhook.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "alerts/notifiers/alertmanager.hpp"
#include "alerts/notifiers/receiver.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/unit/api/sample_types.hpp"
#include "tests/unit/http/running_server.hpp"

using namespace pgtend;
using namespace pgtend::alerts;
using namespace pgtend::test;
using nlohmann::json;

namespace {

std::vector<Alert> two_alerts() {
  auto resolved = sample_alert();
  auto firing = sample_alert();
  firing.labels.set("instance", "other");
  firing.state = AlertState::firing;
  firing.resolved_at.reset();
  firing.resolved_value.reset();
  firing.value = std::nan("");
  return {resolved, firing};
}

// A receiver that answers as it is told and keeps what it got.
struct Sink {
  int status = 200;
  std::string retry_after;
  std::vector<http::Request> got;

  http::Router router() {
    http::Router out;
    auto take = [this](http::Request request) -> net::Task<http::Response> { return answer(std::move(request)); };
    out.add("POST", "/hook/{id}", http::Right::none, take);
    out.add("POST", "/api/v2/alerts", http::Right::none, take);
    return out;
  }
  net::Task<http::Response> answer(http::Request request) {
    got.push_back(std::move(request));
    http::Response response;
    response.status = status;
    response.body = std::string(200'000, 'x');
    if (!retry_after.empty()) response.headers.emplace_back("Retry-After", retry_after);
    co_return response;
  }
};

Delivery post(const std::string& url, const std::string& token, const std::string& body) {
  net::asio::thread_pool blocking(1);
  net::asio::io_context context(1);
  http::Client client(blocking.get_executor());
  FakeClock clock;
  std::optional<Result<Delivery>> result;
  auto ended = [&result](std::exception_ptr failure, Result<Delivery> delivery) {
    REQUIRE_FALSE(failure);
    result.emplace(std::move(delivery));
  };
  ReceiverTarget target;
  target.kind = "webhook";
  target.url = url;
  target.bearer_token = token;
  OutboxMessage message;
  message.id = 1;
  message.dedup_key = "key";
  message.body = body;
  net::asio::co_spawn(context, deliver(&client, blocking.get_executor(), &clock, target, message), ended);
  context.run();
  REQUIRE(result);
  REQUIRE(*result);
  return **result;
}

}  // namespace

TEST_CASE("a webhook body has every field of Alertmanager's version 4") {
  WebhookGroup group;
  group.receiver = "ops";
  group.group_key = "{}:{alertname=\"PgDown\"}";
  group.group_labels = Labels{{"alertname", "PgDown"}};
  group.external_url = "http://127.0.0.1:9187";
  const auto body = json::parse(webhook_body(group, two_alerts()));
  const auto expected = json::parse(R"({
    "version": "4", "groupKey": "{}:{alertname=\"PgDown\"}", "truncatedAlerts": 0, "status": "firing", "receiver": "ops",
    "groupLabels": {"alertname": "PgDown"},
    "commonLabels": {"alertname": "PgDown", "severity": "critical"},
    "commonAnnotations": {"summary": "The server does not answer."},
    "externalURL": "http://127.0.0.1:9187",
    "alerts": [
      {"status": "resolved", "labels": {"alertname": "PgDown", "instance": "main", "severity": "critical"},
       "annotations": {"summary": "The server does not answer."},
       "startsAt": "2023-11-14T22:14:20Z", "endsAt": "2023-11-14T22:15:20Z",
       "generatorURL": "", "fingerprint": "", "value": 0.0, "resolvedValue": 1.0},
      {"status": "firing", "labels": {"alertname": "PgDown", "instance": "other", "severity": "critical"},
       "annotations": {"summary": "The server does not answer."},
       "startsAt": "2023-11-14T22:14:20Z", "endsAt": "0001-01-01T00:00:00Z",
       "generatorURL": "", "fingerprint": "", "value": "NaN"}]})");
  auto want = expected;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto id = two_alerts()[i].fingerprint_hex();
    want["alerts"][i]["fingerprint"] = id;
    want["alerts"][i]["generatorURL"] = "http://127.0.0.1:9187/v1/alerts/" + id + "?at=1700000060";
  }
  CHECK(body == want);
}

TEST_CASE("a group is resolved only when all its alerts are") {
  const auto alerts = two_alerts();
  CHECK(json::parse(webhook_body({}, {alerts[0]})).at("status") == "resolved");
  CHECK(json::parse(webhook_body({}, alerts)).at("status") == "firing");
}

TEST_CASE("a webhook gets its body, its token and its idempotency key") {
  Sink sink;
  RunningServer server(loopback(), sink.router(),
                       http::AuthOptions{{{"hook", http::sha256_hex("s3cret"), http::Right::viewer}}, {}, {}});
  const auto delivery = post(server.url("/hook/42"), "s3cret", "{\"a\":1}");
  CHECK(delivery.outcome == DeliveryOutcome::sent);
  REQUIRE(sink.got.size() == 1);
  CHECK(sink.got[0].body == "{\"a\":1}");
  CHECK(sink.got[0].identity.name == "token:hook");
  CHECK(sink.got[0].headers.at("idempotency-key") == "key-1");
}

TEST_CASE("what a receiver answers decides whether the message is tried again") {
  Sink sink;
  RunningServer server(loopback(), sink.router());
  const auto url = server.url("/hook/secret-path");
  sink.status = 429;
  sink.retry_after = "3";
  const auto limited = post(url, "", "{}");
  CHECK(limited.outcome == DeliveryOutcome::retry);
  CHECK(limited.retry_after == Millis(3000));
  sink.status = 410;
  CHECK(post(url, "", "{}").outcome == DeliveryOutcome::dead);
  sink.status = 503;
  CHECK(post(url, "", "{}").outcome == DeliveryOutcome::retry);
  server.stop();
  const auto gone = post(url, "", "{}");
  CHECK(gone.outcome == DeliveryOutcome::retry);
  CHECK(gone.status == 0);
  CHECK(gone.reason.find("secret-path") == std::string::npos);
}

TEST_CASE("an Alertmanager body always says when alerts start, and keeps one bad alert from spoiling the batch") {
  auto alerts = two_alerts();
  alerts[0].labels.set("bad.name", "x");
  alerts[1].fired_at = kThen + Millis(9'000'000);
  const auto now = kThen + Millis(180'000);
  const auto body = json::parse(alertmanager_body(alerts, now, Millis(240'000), "http://127.0.0.1:9187"));
  REQUIRE(body.size() == 2);
  CHECK(body[0].at("labels").contains("bad_name"));
  CHECK(body[0].at("generatorURL") ==
        "http://127.0.0.1:9187/v1/alerts/" + alerts[0].fingerprint_hex() + "?at=1700000060");
  CHECK(body[0].at("startsAt") == "2023-11-14T22:14:20Z");
  CHECK(body[0].at("endsAt") == "2023-11-14T22:15:20Z");
  CHECK(body[1].at("endsAt") == "2023-11-14T22:20:20Z");
  CHECK(body[1].at("startsAt").get<std::string>() <= body[1].at("endsAt").get<std::string>());
}
