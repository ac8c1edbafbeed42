#include <filesystem>
#include <set>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/ntfy_server.hpp"

// Against a real ntfy: whose limit is met without a word of when to come again.
using namespace pgtend::test;

namespace {

constexpr int kAlerts = 20;

std::string many_rules() {
  std::string out = "groups:\n  - name: many\n    interval: 1s\n    rules:\n";
  for (int i = 0; i < kAlerts; ++i)
    out += "      - {alert: Alert" + std::to_string(100 + i) + ", expr: vector(1), labels: {severity: critical}}\n";
  return out;
}

// How many alerts a message stands for: "(+3 more)" in its title.
int told_by(const Json& message) {
  const auto title = message.value("title", "");
  const auto more = title.rfind("(+");
  return 1 + (more == std::string::npos ? 0 : std::stoi(title.substr(more + 2)));
}

}  // namespace

TEST_CASE("a real ntfy that takes no more is told all the same, of the rest in one message") {
  PgCluster cluster;
  NtfyServer ntfy(4, "2s");
  Daemon daemon(cluster);
  write_file(daemon.path("token"), ntfy.token() + "\n");
  std::filesystem::permissions(daemon.path("token"), std::filesystem::perms(0600));
  daemon.set("alerting",
             "  route: {receiver: phone, group_by: [alertname], group_wait: 0s, group_interval: 5m}\n"
             "  receivers: [{name: phone, ntfy_configs: [{url: \"" +
                 ntfy.url() + "\", topic: alerts, token_file: \"" + daemon.path("token").string() + "\"}]}]\n");
  write_file(daemon.path("rules/many.yaml"), many_rules());
  daemon.start();

  const auto told = [&] {
    int sum = 0;
    for (const auto& line : ntfy.messages()) sum += told_by(Json::parse(line));
    return sum;
  };
  REQUIRE(eventually([&] { return told() >= kAlerts; }, std::chrono::seconds(90)));
  INFO(daemon.log());
  CHECK(told() == kAlerts);
  const auto messages = ntfy.messages();
  CHECK(messages.size() < kAlerts);
  std::set<std::string> titles;
  for (const auto& line : messages) {
    const auto message = Json::parse(line);
    CHECK(message["priority"] == 5);
    CHECK(message["message"].get<std::string>().find("pgtend alerts explain") != std::string::npos);
    titles.insert(message["title"]);
  }
  CHECK(titles.size() == messages.size());
  // The server refused, and nothing was given up for it.
  CHECK(daemon.log().find("answered 429") != std::string::npos);
  CHECK(eventually([&] { return daemon.get("/v1/notifications?state=queued")->at("items").empty(); }));
  CHECK(daemon.get("/v1/notifications?state=dead")->at("items").empty());
}
