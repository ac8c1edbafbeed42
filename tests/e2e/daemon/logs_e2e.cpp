// The server's log, counted by the real agent and asked for on the command line.
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

constexpr auto kSoon = std::chrono::seconds(60);

double value(const Daemon& daemon, const std::string& series) {
  const auto text = daemon.metrics();
  const auto at = text.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

Json capability(const Daemon& daemon) {
  const auto status = daemon.get("/v1/status");
  if (!status) return {};
  for (const auto& one : (*status)["item"]["capabilities"])
    if (one["name"] == "server_log") return one;
  return {};
}

}  // namespace

TEST_CASE("the agent counts errors in the server's log, by itself, and without one it says so and is well") {
  PgClusterOptions options;
  options.settings = {{"logging_collector", "on"}, {"log_destination", "csvlog"}};
  PgCluster cluster(options), plain;
  Daemon daemon(cluster), other(plain);
  daemon.start();
  other.start();
  const std::string errors = "pgtend_log_errors_total{sqlstate_class=\"22\"}";
  REQUIRE(eventually([&] { return value(daemon, errors) == 0; }, kSoon));
  REQUIRE_FALSE(capability(daemon).is_null());
  CHECK(capability(daemon)["present"] == true);
  CHECK_THROWS(cluster.exec("postgres", "SELECT 1/0"));
  CHECK(eventually([&] { return value(daemon, errors) == 1; }, kSoon));
  CHECK(eventually([&] { return value(daemon, "pgtend_collector_up{collector=\"logs\"}") == 1; }, kSoon));

  REQUIRE(eventually([&] { return !capability(other).is_null(); }, kSoon));
  CHECK(capability(other)["present"] == false);
  CHECK(capability(other)["cure"].get<std::string>().find("postgresql.logs.path") != std::string::npos);
  CHECK(value(other, errors) == -1);
  CHECK(other.metrics().find("pgtend_collector_up{collector=\"logs\"}") == std::string::npos);
  CHECK(daemon.cli({"doctor"}).output.find("✔ server_log") != std::string::npos);
  CHECK(other.cli({"doctor"}).output.find("! server_log") != std::string::npos);
}
