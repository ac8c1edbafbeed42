#include <csignal>
#include <map>
#include <sstream>

#include "agent/http/client.hpp"
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Times (ms) of one series, and how often each is there.
using Times = std::map<std::int64_t, int>;

std::string fetch(const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  const auto answer = http::send_blocking(request);
  return answer && answer->status == 200 ? answer->body : std::string();
}

// A receiver as a process that can be killed and started again on the same data and port.
class Receiver {
 public:
  explicit Receiver(std::vector<std::string> argv) : argv_(std::move(argv)) {}
  void start() { process_ = ChildProcess(argv_, {}); }
  void kill() {
    process_.signal(SIGKILL);
    process_.wait(std::chrono::seconds(5));
  }

 private:
  std::vector<std::string> argv_;
  ChildProcess process_;
};

Times in_prometheus(int port, const std::string& metric) {
  Times out;
  const auto body = fetch("http://127.0.0.1:" + std::to_string(port) + "/api/v1/query?query=" + metric + "%5B1h%5D");
  const auto json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return out;
  for (const auto& series : json["data"]["result"])
    for (const auto& value : series["values"]) ++out[std::llround(value[0].get<double>() * 1'000)];
  return out;
}

Times in_victoria(int port, const std::string& metric) {
  Times out;
  std::istringstream lines(
      fetch("http://pgtend:only-here@127.0.0.1:" + std::to_string(port) + "/api/v1/export?match%5B%5D=" + metric));
  for (std::string line; std::getline(lines, line);) {
    const auto series = Json::parse(line);
    for (const auto& at : series["timestamps"]) ++out[at.get<std::int64_t>()];
  }
  return out;
}

Times in_pgtend(const Daemon& daemon, const std::string& metric) {
  Times out;
  const auto answer = daemon.get("/v1/query?expr=" + metric + "%5B1h%5D");
  if (!answer) return out;
  for (const auto& series : (*answer)["item"]["series"])
    for (const auto& sample : series["samples"]) ++out[std::llround(sample[0].get<double>() * 1'000)];
  return out;
}

// What pgtend had stored before `until`, and nothing twice.
bool has_all(const Times& theirs, const Times& ours, std::int64_t until) {
  for (const auto& [at, often] : ours)
    if (at <= until && !theirs.contains(at)) return false;
  return true;
}
bool has_none_twice(const Times& times) {
  return std::all_of(times.begin(), times.end(), [](const auto& each) { return each.second == 1; });
}

}  // namespace

TEST_CASE("remote write: every sample reaches Prometheus and VictoriaMetrics once, across kill -9 of either side") {
  PgCluster cluster;
  TempDir dir("pgtend-receivers");
  const int prometheus_port = free_port(), victoria_port = free_port();
  const auto address = [](int port) { return "127.0.0.1:" + std::to_string(port); };
  const auto config = dir.path() / "prometheus.yml";
  write_file(config, "global: {}\n");
  Receiver prometheus({"/usr/bin/prometheus", "--config.file=" + config.string(),
                       "--storage.tsdb.path=" + (dir.path() / "prometheus").string(),
                       "--web.listen-address=" + address(prometheus_port), "--web.enable-remote-write-receiver"});
  // It keeps a repeated request's samples twice unless it is told that one a millisecond is enough.
  Receiver victoria({"/usr/bin/victoria-metrics", "-storageDataPath=" + (dir.path() / "victoria").string(),
                     "-httpListenAddr=" + address(victoria_port), "-dedup.minScrapeInterval=1ms",
                     "-search.latencyOffset=0s", "-httpAuth.username=pgtend", "-httpAuth.password=only-here"});
  const auto password = dir.path() / "password";
  write_file(password, "only-here\n");
  std::filesystem::permissions(password, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  prometheus.start();
  victoria.start();
  Daemon daemon(cluster,
                {{"remote_write", "  - {name: prometheus, url: \"http://" + address(prometheus_port) +
                                      "/api/v1/write\"}\n  - {name: victoria, url: \"http://" + address(victoria_port) +
                                      "/api/v1/write\", username: pgtend, password_file: " + password.string() +
                                      ", headers: {X-Scope-OrgID: shop}}\n"},
                 {"postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                    "\n  user: postgres\n  statement_timeout: 500ms\n"}});
  daemon.start();
  const std::string metric = "pg_up";
  const auto last_of = [](const Times& times) { return times.empty() ? 0 : times.rbegin()->first; };
  const auto both_have = [&](std::int64_t until) {
    const auto ours = in_pgtend(daemon, metric);
    return !ours.empty() && last_of(ours) >= until && has_all(in_prometheus(prometheus_port, metric), ours, until) &&
           has_all(in_victoria(victoria_port, metric), ours, until);
  };
  REQUIRE(eventually([&] { return in_pgtend(daemon, metric).size() >= 5; }, std::chrono::seconds(30)));
  const auto first = last_of(in_pgtend(daemon, metric));
  REQUIRE(eventually([&] { return both_have(first); }, std::chrono::seconds(60)));

  // The receivers die, and the agent goes on sampling without them.
  prometheus.kill();
  victoria.kill();
  const auto without = in_pgtend(daemon, metric).size();
  REQUIRE(eventually([&] { return in_pgtend(daemon, metric).size() >= without + 5; }, std::chrono::seconds(30)));
  // So does the agent, while it has something to send.
  daemon.kill();
  prometheus.start();
  victoria.start();
  daemon.start();
  const auto after = in_pgtend(daemon, metric).size();
  REQUIRE(eventually([&] { return in_pgtend(daemon, metric).size() >= after + 5; }, std::chrono::seconds(30)));
  const auto end = last_of(in_pgtend(daemon, metric));
  INFO(daemon.log());
  const bool arrived = eventually([&] { return both_have(end); }, std::chrono::seconds(60));
  const auto missing = [&](const Times& theirs) {
    std::string out;
    for (const auto& [at, often] : in_pgtend(daemon, metric))
      if (at <= end && !theirs.contains(at)) out += " " + std::to_string(at - end);
    return out;
  };
  CAPTURE(missing(in_prometheus(prometheus_port, metric)), missing(in_victoria(victoria_port, metric)));
  REQUIRE(arrived);
  CHECK(has_none_twice(in_prometheus(prometheus_port, metric)));
  CHECK(has_none_twice(in_victoria(victoria_port, metric)));
  const auto metrics = daemon.metrics();
  CHECK(metrics.find("pgtend_remote_write_samples_total{endpoint=\"prometheus\"}") != std::string::npos);
  CHECK(metrics.find("pgtend_remote_write_refused_samples_total{endpoint=\"prometheus\"} 0") != std::string::npos);
}
