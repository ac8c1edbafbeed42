#include <unistd.h>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

CommandResult cli(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), Daemon::binary());
  return run_command(arguments);
}

void check_usage(std::vector<std::string> arguments, const std::string& says) {
  const auto result = cli(std::move(arguments));
  INFO(result.output);
  CHECK(result.status == 2);
  CHECK(result.output.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("a wrong word of the command line is named with the nearest right one") {
  check_usage({"bogus"}, "unknown command 'bogus'");
  check_usage({"statu"}, "unknown command 'statu'; did you mean 'status'?");
  check_usage({"rules", "chek", "x.yaml"}, "unknown subcommand 'chek' of 'rules'; did you mean 'check'?");
  check_usage({"audit", "--limt", "5"}, "unknown option '--limt' of 'audit'; did you mean '--limit'?");
  check_usage({"status", "--sockt=/x"}, "unknown option '--sockt' of 'status'; did you mean '--socket'?");
  check_usage({"status", "now"}, "'now' was not expected behind 'status'");
  check_usage({"changes", "approve", "0f371ce2", "--plan-hash", "abc"}, "give at least 8 digits of the plan hash");
}

TEST_CASE("the version names the commit") {
  const auto version = Json::parse(cli({"version", "-o", "json"}).output);
  CHECK(version["revision"].get<std::string>().size() >= 7);
  CHECK(cli({"version"}).output == "pgtend " + version["version"].get<std::string>() + " (revision " +
                                       version["revision"].get<std::string>() + ")\n");
}

TEST_CASE("a runbook is JSON with -o json") {
  const auto one = Json::parse(cli({"runbook", "PgDown", "-o", "json"}).output, nullptr, false);
  REQUIRE_FALSE(one.is_discarded());
  CHECK(one["item"]["name"] == "PgDown");
  CHECK(one["item"]["markdown"].get<std::string>().starts_with("# PgDown"));
  const auto all = Json::parse(cli({"runbook", "-o", "json"}).output, nullptr, false);
  CHECK(all["items"].size() > 50);
}

TEST_CASE("rules check names what the target of a rule file does not know") {
  const TempDir dir("rules-check");
  const auto file = (dir.path() / "r.yaml").string();
  write_file(file, "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: time() - x > 10m\n");
  CHECK(cli({"rules", "check", file}).status == 0);
  CHECK(cli({"rules", "check", "--target", "prom3", file}).status == 0);
  const auto old = cli({"rules", "check", "--target", "prom2.42", file});
  CHECK(old.status == 1);
  CHECK(old.output.find(file + ":5:24: rule A: Prometheus 2.42 does not know a duration as a number") !=
        std::string::npos);
  const auto json = Json::parse(cli({"rules", "check", "--target", "prom2.42", "-o", "json", file}).output);
  CHECK(json["target"] == "prom2.42");
  CHECK(json["errors"][0]["line"] == 5);
  check_usage({"rules", "check", "--target", "prom1", file}, "prom1");
}

TEST_CASE("a socket that may not be used is exit 6 with the cure") {
  if (::geteuid() != 0) return;  // only root can become somebody else
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  const auto refused = run_command({"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Daemon::binary(),
                                    "--socket", daemon.path("pgtend.sock").string(), "status"});
  CHECK(refused.status == 6);
  CHECK(refused.output.find("you may not use the agent's socket") != std::string::npos);
  CHECK(refused.output.find("http.socket_viewers") != std::string::npos);
}

TEST_CASE("an answer that cannot be written and a configuration that is not there are told") {
  const auto full = run_command({"sh", "-c", Daemon::binary() + " version > /dev/full"});
  CHECK(full.status == 1);
  CHECK(full.output.find("cannot write to standard output: No space left on device") != std::string::npos);
  // Who closes a pager early has seen what there was to see.
  CHECK(run_command({"sh", "-c", Daemon::binary() + " help exit-codes | true"}).output.empty());
  const auto missing = run_command({Daemon::binary(), "--config", "/nope/pgtend.yaml", "status"});
  CHECK(missing.status == 78);
  CHECK(missing.output.find("cannot read /nope/pgtend.yaml") != std::string::npos);
}

TEST_CASE("the routes and the effective configuration are JSON with -o json") {
  PgCluster cluster;
  Daemon daemon(cluster, {{"alerting",
                           "  receivers: [{name: chat, webhook_configs: [{url: \"http://127.0.0.1:1/\"}]}]\n"
                           "  route:\n    receiver: chat\n    routes: [{receiver: chat, matchers: "
                           "['severity=\"critical\"']}]\n"}});
  const auto routes = daemon.cli({"routes", "show", "-o", "json"});
  INFO(routes.output);
  const auto tree = Json::parse(routes.output, nullptr, false);
  REQUIRE(tree.is_object());
  CHECK(tree["receiver"] == "chat");
  CHECK(tree["routes"][0]["matchers"][0] == "severity=\"critical\"");
  const auto dumped = Json::parse(daemon.cli({"check-config", "--dump", "-o", "json"}).output, nullptr, false);
  REQUIRE(dumped.is_object());
  CHECK(dumped["dump"].get<std::string>().find("receiver: chat") != std::string::npos);
}

TEST_CASE("a token that every user may read is warned of, one of its owner is not") {
  PgCluster cluster;
  Daemon daemon(cluster);
  daemon.start();
  const auto token = daemon.path("token");
  write_file(token, "secret\n");
  const auto warned = [&](std::filesystem::perms mode) {
    std::filesystem::permissions(token, mode);
    const auto output = daemon.cli({"status", "--token-file", token.string()}).output;
    return output.find("may read the token in " + token.string()) != std::string::npos;
  };
  CHECK(warned(std::filesystem::perms(0644)));
  CHECK_FALSE(warned(std::filesystem::perms(0600)));
}

TEST_CASE("alerts that always fire do not count for the exit code") {
  PgCluster cluster;
  Daemon daemon(cluster);
  write_file(daemon.path("rules/life.yaml"),
             "groups:\n- name: life\n  rules:\n  - {alert: Watchdog, expr: vector(1), labels: {severity: none}}\n");
  daemon.start();
  const auto fires = [&](std::size_t count) {
    const auto answer = daemon.get("/v1/alerts");
    std::size_t firing = 0;
    if (answer)
      for (const auto& alert : (*answer)["items"]) firing += alert["state"] == "firing" ? 1 : 0;
    return firing == count;
  };
  REQUIRE(eventually([&] { return fires(1); }, std::chrono::seconds(20)));
  CHECK(daemon.cli({"alerts"}).status == 0);
  write_file(daemon.path("rules/more.yaml"),
             "groups:\n- name: more\n  rules:\n  - {alert: Real, expr: vector(1), labels: {severity: warning}}\n");
  daemon.hang_up();
  REQUIRE(eventually([&] { return fires(2); }, std::chrono::seconds(20)));
  CHECK(daemon.cli({"alerts"}).status == 3);
  CHECK(daemon.cli({"help", "exit-codes"}).output.find("severity none or heartbeat") != std::string::npos);
  // Everything on /metrics says what it is.
  const auto page = daemon.metrics();
  std::size_t families = 0;
  for (std::size_t at = page.find("# TYPE "); at != std::string::npos; at = page.find("# TYPE ", at + 1), ++families) {
    const auto name = page.substr(at + 7, page.find(' ', at + 7) - at - 7);
    INFO(name);
    CHECK(page.find("# HELP " + name + " ") != std::string::npos);
  }
  CHECK(families > 100);
}
