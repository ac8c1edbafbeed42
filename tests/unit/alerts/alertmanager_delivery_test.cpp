#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <nlohmann/json.hpp>

#include "alerts/notifiers/alertmanager.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

// Against a real Alertmanager.
using namespace pgtend;
using namespace pgtend::alerts;
using namespace pgtend::test;
using nlohmann::json;

namespace {

constexpr const char* kBinary = "/usr/bin/prometheus-alertmanager";

class RunningAlertmanager {
 public:
  RunningAlertmanager() : url_("http://127.0.0.1:" + std::to_string(port_)) {
    const auto config = folder_.path() / "alertmanager.yml";
    write_file(config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n");
    SpawnOptions options;
    options.log = folder_.path() / "log";
    process_ = ChildProcess({kBinary, "--config.file=" + config.string(), "--storage.path=" + folder_.path().string(),
                             "--web.listen-address=127.0.0.1:" + std::to_string(port_), "--cluster.listen-address="},
                            options);
    const auto healthy = [this] {
      const auto response = get("/-/healthy");
      return response && response->status == 200;
    };
    REQUIRE(eventually(healthy, std::chrono::seconds(30)));
  }

  // What it shows now: by default only what is active.
  [[nodiscard]] json alerts() const {
    const auto response = get("/api/v2/alerts");
    REQUIRE(response);
    REQUIRE(response->status == 200);
    return json::parse(response->body);
  }

  [[nodiscard]] Delivery send(const std::string& body) const {
    net::asio::thread_pool blocking(1);
    net::asio::io_context context(1);
    http::Client client(blocking.get_executor());
    const SystemClock clock;
    const AlertmanagerTarget target{url_ + "/", "", Millis(5000)};
    std::optional<Result<Delivery>> result;
    auto ended = [&result](std::exception_ptr failure, Result<Delivery> delivery) {
      REQUIRE_FALSE(failure);
      result.emplace(std::move(delivery));
    };
    net::asio::co_spawn(context, deliver_alertmanager(&client, &clock, target, body), ended);
    context.run();
    REQUIRE(result);
    REQUIRE(*result);
    return **result;
  }

 private:
  [[nodiscard]] Result<http::ClientResponse> get(const std::string& path) const {
    http::ClientRequest request;
    request.url = url_ + path;
    return http::send_blocking(request);
  }

  TempDir folder_{"alertmanager"};
  int port_ = free_port();
  std::string url_;
  ChildProcess process_;
};

Alert firing(const std::string& name, UtcTime since) {
  Alert alert;
  alert.rule = name;
  alert.labels = Labels{{"alertname", name}, {"instance", "main"}, {"datname", "shop \"ä\""}};
  alert.annotations = {{"summary", "Something is wrong."}};
  alert.state = AlertState::firing;
  alert.active_at = since;
  alert.fired_at = since;
  return alert;
}

}  // namespace

TEST_CASE("a real Alertmanager shows an alert under the same fingerprint and resolves it") {
  if (!std::filesystem::exists(kBinary)) {
    WARN("prometheus-alertmanager is not installed");
    return;
  }
  const RunningAlertmanager receiver;
  const SystemClock clock;
  const auto since = clock.now() - Millis(60'000);
  auto alert = firing("PgDown", since);
  CHECK(receiver.send(alertmanager_body({alert}, clock.now(), Millis(240'000), "http://127.0.0.1:9187")).outcome ==
        DeliveryOutcome::sent);
  REQUIRE(eventually([&] { return receiver.alerts().size() == 1; }));
  const auto shown = receiver.alerts().at(0);
  CHECK(shown.at("fingerprint") == alert.fingerprint_hex());
  CHECK(shown.at("labels").at("datname") == "shop \"ä\"");
  CHECK(shown.at("annotations").at("summary") == "Something is wrong.");
  CHECK(parse_rfc3339(shown.at("startsAt").get<std::string>()) == since);

  alert.state = AlertState::resolved;
  alert.resolved_at = clock.now();
  CHECK(receiver.send(alertmanager_body({alert}, clock.now(), Millis(240'000), "")).outcome == DeliveryOutcome::sent);
  CHECK(eventually([&] { return receiver.alerts().empty(); }));
}

TEST_CASE("an alert with a label name that Alertmanager refuses does not take its neighbours with it") {
  if (!std::filesystem::exists(kBinary)) {
    WARN("prometheus-alertmanager is not installed");
    return;
  }
  const RunningAlertmanager receiver;
  const SystemClock clock;
  auto odd = firing("Odd", clock.now());
  odd.labels.set("dotted.name", "x");
  const auto body =
      alertmanager_body({firing("Fine", clock.now()), odd}, clock.now(), Millis(240'000), "http://127.0.0.1:9187");
  CHECK(receiver.send(body).outcome == DeliveryOutcome::sent);
  CHECK(eventually([&] { return receiver.alerts().size() == 2; }));
  // What it does refuse is dead at once: it has stored whatever was valid.
  const auto refused = receiver.send(R"([{"labels":{"bad.name":"x"},"startsAt":"2023-11-14T22:13:20Z"}])");
  CHECK(refused.status == 400);
  CHECK(refused.outcome == DeliveryOutcome::dead);
}
