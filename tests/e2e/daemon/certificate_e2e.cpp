// Until when certificates are valid, read from the agent's own sessions.
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/redis_server.hpp"

using namespace pgtend::test;

namespace {

// Days from now until the certificate of a peer ends; nothing when /metrics does not tell.
std::optional<double> days_left(const Daemon& daemon, const std::string& peer) {
  const auto text = daemon.metrics();
  const std::string key = "\npgtend_certificate_not_after_timestamp_seconds{peer=\"" + peer + "\"} ";
  const auto at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  const double now = static_cast<double>(std::time(nullptr));
  return (std::stod(text.substr(at + key.size())) - now) / 86'400;
}

}  // namespace

TEST_CASE("the server's certificate and a cache's are on /metrics with the moment at which they end") {
  PgClusterOptions options;
  options.tls = true;
  options.certificate_days = 10;
  PgCluster cluster(options);
  RedisServer redis({{}, true});
  const auto server =
      "  host: localhost\n  port: " + std::to_string(cluster.port()) +
      "\n  user: postgres\n  sslmode: verify-full\n  sslrootcert: " + cluster.certificates().ca.string() + "\n";
  const auto cache = "  - name: pages\n    port: " + std::to_string(redis.port()) +
                     "\n    tls: true\n    interval: 500ms\n    ca_file: " + redis.ca() + "\n";
  Daemon daemon(cluster, {{"postgresql", server}, {"redis", cache}});
  daemon.start();
  CHECK(eventually([&] { return days_left(daemon, "postgresql") && days_left(daemon, "redis/pages"); },
                   std::chrono::seconds(40)));
  CHECK(days_left(daemon, "postgresql").value_or(0) == Approx(10).margin(0.1));
  CHECK(days_left(daemon, "redis/pages").value_or(0) == Approx(2).margin(0.1));
}
