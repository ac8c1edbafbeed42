// Shipped rules about standbys, archiving and the agent itself, each with the false alarm it must not give.
#include "tests/e2e/daemon/rule_scene.hpp"

using namespace pgtend::test;

TEST_CASE("PgRoleChanged is about a promotion, not about a restart") {
  PgCluster primary;
  RuleScene scene(primary.make_standby(), {"recovery"}, "");
  scene.start_seeing("pg_replication_is_replica == 1");
  scene.cluster.restart();
  scene.must_stay_quiet("PgRoleChanged", "pg_replication_is_replica == 1");
  scene.cluster.exec("postgres", "select pg_promote()");
  scene.must_fire("PgRoleChanged");
}

TEST_CASE("PgReplicaDisconnected leaves alone a standby that never received") {
  PgCluster primary;
  auto standby = primary.make_standby();
  standby->set("primary_conninfo", "");
  standby->restart();
  RuleScene scene(std::move(standby), {"recovery", "wal_receiver"}, "");
  scene.start_seeing("pgtend_is_replica == 1");
  scene.must_stay_quiet("PgReplicaDisconnected", "pgtend_is_replica == 1");
  scene.cluster.set("primary_conninfo", primary.conninfo());
  scene.cluster.reload();
  scene.must_stay_quiet("PgReplicaDisconnected", "pgtend_wal_receiver_timeline");
  primary.stop("immediate");
  scene.must_fire("PgReplicaDisconnected");
  primary.start();
  REQUIRE(eventually([&] { return scene.firing("PgReplicaDisconnected").empty(); }, kSoon));
}

TEST_CASE("an alert about what only a standby has ends with its promotion") {
  PgCluster primary;
  RuleScene scene(primary.make_standby(), {"recovery", "wal_receiver"}, "");
  scene.daemon.set("promql", "  lookback: 1s\n");
  write_file(scene.daemon.path("rules/mine.yaml"),
             "groups: [{name: mine, rules: [{alert: Receives, expr: pgtend_wal_receiver_timeline > 0}]}]\n");
  scene.start_seeing("pgtend_wal_receiver_timeline");
  scene.must_fire("Receives");
  REQUIRE(eventually([&] { return scene.sees("pgtend_collector_up{collector=\"wal_receiver\"} == 1"); }, kSoon));
  // While nobody looks: the collector gives no answer without rows, it has none at all any more.
  scene.daemon.kill();
  scene.cluster.exec("postgres", "select pg_promote()");
  scene.daemon.start();
  const auto fires = [&] {
    const auto alerts = scene.daemon.get("/v1/alerts");
    return !alerts || std::ranges::any_of((*alerts)["items"], [](const Json& alert) {
      return alert["rule"] == "Receives" && alert["state"] == "firing";
    });
  };
  CHECK(eventually([&] { return !fires(); }, kSoon));
}

TEST_CASE("PgArchiveBacklog needs a queue that grows, not one that is worked off") {
  // Segments of these servers have 1 MB.
  RuleScene scene({{"archive_mode", "on"}, {"archive_command", "/bin/false"}}, {"wal_archive_queue"});
  scene.cluster.exec("postgres", "create table t (a int)");
  const auto fill = [&](int segments) {
    auto session = scene.cluster.session();
    for (int i = 0; i < segments; ++i) {
      session.exec("insert into t values (1)");
      session.exec("select pg_switch_wal()");
    }
  };
  fill(40);
  scene.daemon.start();
  scene.must_stay_quiet("PgArchiveBacklog", "pgtend_wal_archive_ready_files > 30");
  fill(5);
  scene.must_fire("PgArchiveBacklog");
}

TEST_CASE("PgMetricsAbsent is about an agent without eyes, not about a server that is down") {
  {
    RuleScene scene({}, {});
    scene.start_seeing("pg_up == 1");
    scene.cluster.stop();
    scene.must_stay_quiet("PgMetricsAbsent", "pg_up == 0");
    scene.must_fire("PgDown");
  }
  RuleScene blind(std::make_unique<PgCluster>(), {}, "  disabled: [identity]\n");
  blind.daemon.start();
  blind.must_fire("PgMetricsAbsent");
}

// Of the collectors that ask the server, the agent says only after a minute and a half that it is their own fault.
TEST_CASE("PgCollectorFailing names who is refused, and is silent while a server or a pooler is away") {
  RuleScene scene({}, {"self"});
  PgBouncerProcess pooler(scene.cluster, {"transaction", {{"auth_type", "md5"}}});
  pooler.set_users({{"pgtend_monitor", "right"}});
  const auto pass = scene.daemon.path("pass");
  write_file(pass, "*:*:*:*:right\n");
  std::filesystem::permissions(pass, std::filesystem::perms(0600));
  scene.daemon.set("pgbouncer",
                   "  - host: 127.0.0.1\n    port: " + std::to_string(pooler.port()) +
                       "\n    interval: 300ms\n    timeout: 2s\n    name: mine\n    passfile: " + pass.string() + "\n");
  scene.start_seeing("pgbouncer_up == 1");
  scene.cluster.stop();
  scene.must_stay_quiet("PgCollectorFailing", "pg_up == 0");
  scene.cluster.start();
  scene.must_see("pg_up == 1");
  // Of use from the next login on.
  pooler.set_users({{"pgtend_monitor", "changed"}});
  pooler.stop();
  scene.must_stay_quiet("PgCollectorFailing", "pgbouncer_up == 0 and on () pg_up == 1");
  pooler.start();
  scene.must_fire("PgCollectorFailing");
  CHECK(scene.firing("PgCollectorFailing").front()["collector"] == "pgbouncer/mine");
}

TEST_CASE("PgtendNotificationDead is about a message that was refused, not about those that come later") {
  PgCluster cluster;
  WebhookSink sink;
  Daemon daemon(cluster, {{"alerting",
                           "  route: {receiver: oncall, group_by: [alertname], group_wait: 0s, group_interval: 1s}\n"
                           "  receivers: [{name: oncall, webhook_configs: [{url: \"" +
                               sink.url() + "\"}]}]\n"}});
  const auto told = [&](const std::string& rule) {
    const auto bodies = sink.bodies();
    return std::any_of(bodies.begin(), bodies.end(),
                       [&](const auto& body) { return body["groupLabels"]["alertname"] == rule; });
  };
  write_file(daemon.path("rules/own.yaml"), read_file(std::string(source_dir()) + "/alerts/rules/host.yaml"));
  daemon.start();
  REQUIRE(eventually([&] { return told("Watchdog"); }, kSoon));
  REQUIRE(eventually([&] { return !daemon.query("pgtend_notifications_dead == 0").empty(); }, kSoon));
  // The receiver is out of order for a moment, which is retried, and then refuses another message for good.
  sink.answer({503, 404});
  write_file(daemon.path("rules/more.yaml"),
             "groups: [{name: more, rules: [{alert: One, expr: vector(1)}, {alert: Other, expr: vector(2)}]}]\n");
  daemon.hang_up();
  CHECK(eventually([&] { return told("PgtendNotificationDead"); }, kSoon));
  CHECK(daemon.query("pgtend_notifications_dead == 1").size() == 1);
  CHECK(eventually([&] { return told("One") != told("Other"); }, kSoon));
  const auto dead = daemon.cli({"alerts", "outbox", "--state", "dead"});
  CHECK(dead.output.find("the receiver answered 404") != std::string::npos);
}
