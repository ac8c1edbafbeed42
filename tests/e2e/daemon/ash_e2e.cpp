#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

std::map<std::string, std::string> quick(const std::string& more = {}) {
  return {{"collection",
           "  intervals: {identity: 500ms, active_sessions: 1s}\n"
           "  active_sessions: {interval: 100ms}\n  budget: {cpu_ratio: 1.0}\n" +
               more}};
}

bool has(const CommandResult& result, const std::string& text) {
  return result.output.find(text) != std::string::npos;
}

// Seconds of sessions in the rows that have this wait.
double seconds_of(const Daemon& daemon, const std::string& wait) {
  const auto answer = daemon.get("/v1/ash?by=wait");
  if (!answer) return -1;
  const auto& item = (*answer)["item"];
  for (const auto& row : item["rows"])
    if (row["group"]["wait"] == wait)
      return row["average_sessions"].get<double>() * item["sampled_seconds"].get<double>();
  return 0;
}

}  // namespace

TEST_CASE("pgtend ash shows the wait that was caused, who waited and for whom, also after kill -9") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE TABLE t (n int); INSERT INTO t VALUES (1); CREATE ROLE web LOGIN SUPERUSER");
  Daemon daemon(cluster, quick());
  daemon.start();
  auto holder = cluster.session(), waiter = cluster.session("postgres", "web");
  holder.exec("BEGIN; UPDATE t SET n = 2");
  waiter.send("UPDATE t SET n = 3");
  const std::string wait = "Lock:transactionid";
  REQUIRE(eventually([&] { return seconds_of(daemon, wait) >= 2; }, std::chrono::seconds(60)));

  const auto shown = daemon.cli({"ash"});
  CHECK(shown.status == 0);
  CHECK(has(shown, "SESSIONS"));
  CHECK(has(shown, wait));
  CHECK(has(shown, "█"));
  const auto blockers = daemon.cli({"ash", "--since", "5m", "--by", "user,blocker", "--timeline"});
  CHECK(blockers.status == 0);
  CHECK(has(blockers, "web"));
  CHECK(has(blockers, "pid " + std::to_string(holder.backend_pid()) + " postgres@postgres (idle in transaction)"));
  const auto json = Json::parse(daemon.cli({"ash", "--by", "query", "-o", "json"}).output);
  CHECK(json["item"]["by"] == Json::array({"query"}));
  CHECK(json["item"]["warnings"].empty());
  // No text of a query is in it before the ledger has one without its constants.
  CHECK(json.dump().find("n = 3") == std::string::npos);
  CHECK(daemon.metrics().find("# HELP pgtend_active_sessions Sessions that were not idle") != std::string::npos);
  CHECK(eventually([&] {
    return daemon.metrics().find("wait_event=\"transactionid\",wait_event_type=\"Lock\"") != std::string::npos;
  }));

  const auto file = daemon.path("history.db").string();
  const auto refused = daemon.cli({"ash", "--file", file});
  CHECK(refused.status != 0);
  daemon.kill();
  holder.exec("ROLLBACK");
  waiter.finish();
  const auto offline = daemon.cli({"ash", "--file", file, "--by", "wait,user"});
  CHECK(offline.status == 0);
  CHECK(has(offline, wait));
  CHECK(has(offline, "web"));
  CHECK(daemon.cli({"ash", "--file", file, "--by", "pid"}).status != 0);
  CHECK(daemon.cli({"ash", "--file", file, "--step", "1ms"}).status != 0);
  CHECK(has(daemon.cli({"ash", "--file", file + ".none"}), "does not exist"));
  daemon.start();
  CHECK(eventually([&] { return seconds_of(daemon, wait) >= 1; }, std::chrono::seconds(30)));
}

TEST_CASE("pgtend blocking shows the root of a chain and each victim below its blocker") {
  PgCluster cluster;
  cluster.exec("postgres", "CREATE TABLE t (n int); CREATE ROLE web LOGIN SUPERUSER");
  Daemon daemon(cluster);
  daemon.start();
  CHECK(has(daemon.cli({"blocking"}), "no session waits"));
  auto holder = cluster.session(), first = cluster.session("postgres", "web"), second = cluster.session();
  holder.exec("BEGIN; LOCK TABLE t IN ACCESS SHARE MODE");
  first.send("LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT 1");
  CommandResult shown;
  const std::string root = "pid " + std::to_string(holder.backend_pid()) + " postgres@postgres, idle in transaction";
  const std::string victim = "└─ pid " + std::to_string(first.backend_pid()) + " web@postgres waits";
  CHECK(eventually([&] {
    shown = daemon.cli({"blocking"});
    return has(shown, root) && has(shown, victim);
  }));
  CHECK(has(shown, "for AccessExclusiveLock on public.t"));
  // It waits behind the one that waits, and stands below it.
  second.send("SELECT count(*) FROM t");
  const std::string below = "   └─ pid " + std::to_string(second.backend_pid()) + " postgres@postgres waits";
  CHECK(eventually([&] { return has(shown = daemon.cli({"blocking"}), below); }));
  CHECK(has(shown, "blocks 2 sessions"));
  const auto json = Json::parse(daemon.cli({"blocking", "-o", "json"}).output);
  CHECK(json["items"][0]["depth"] == 2);
  CHECK(json["warnings"].empty());
  holder.exec("ROLLBACK");
  first.finish();
  second.finish();
}

TEST_CASE("pgtend ash refuses what it cannot mean, and the agent can be told not to sample") {
  PgCluster cluster;
  Daemon daemon(cluster, quick());
  daemon.start();
  for (const auto& wrong : {std::vector<std::string>{"ash", "--from", "yesterday"},
                            {"ash", "--since", "soon"},
                            {"ash", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"}})
    CHECK(daemon.cli(wrong).status == 2);
  const auto unknown = daemon.cli({"ash", "--by", "pid"});
  CHECK(unknown.status != 0);
  CHECK(has(unknown, "wait, query, user, database"));
  const auto early = daemon.cli({"ash", "--from", "2020-01-01T00:00:00Z", "--to", "2020-01-01T01:00:00Z"});
  CHECK(early.status == 0);
  CHECK(has(early, "nothing was sampled"));

  Daemon silent(cluster, {{"collection", "  active_sessions: {interval: 0s}\n"}});
  silent.start();
  CHECK(has(silent.cli({"ash"}), "active sessions are not sampled: collection.active_sessions.interval"));
  CHECK(silent.metrics().find("pgtend_active_sessions{") == std::string::npos);
}
