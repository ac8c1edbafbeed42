#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

constexpr std::chrono::seconds kSoon{60};

// A table of months up to the present one, with rows of later months in its DEFAULT partition; a very old month.
struct Events {
  Events() : cluster(options()), daemon(cluster, {{"advisors", "  interval: 1s\n  partitions_ahead: 2\n"}}) {
    daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                 "\n  user: postgres\n  operator: {user: postgres}\n");
    cluster.exec(
        "postgres",
        "CREATE TABLE events (at timestamp NOT NULL, n int) PARTITION BY RANGE (at);"
        "DO $$ BEGIN FOR i IN -3..0 LOOP EXECUTE format('CREATE TABLE events_%s PARTITION OF events FOR VALUES "
        "FROM (%L) TO (%L)', to_char(date_trunc('month', now()) + i * interval '1 month', 'YYYY_MM'), "
        "date_trunc('month', now()) + i * interval '1 month', "
        "date_trunc('month', now()) + (i + 1) * interval '1 month'); END LOOP; END $$");
  }

  static PgClusterOptions options() {
    PgClusterOptions out;
    out.settings["autovacuum"] = "off";
    out.settings["timezone"] = "UTC";
    return out;
  }

  // The name of the partition so many months from now.
  std::string month(int from_now) {
    return "events_" + cluster.exec("postgres", "SELECT to_char(date_trunc('month', now()) + " +
                                                    std::to_string(from_now) + " * interval '1 month', 'YYYY_MM')");
  }

  // Open recommendations of this action while rows come in, once there are so many.
  std::vector<Json> recommended(const std::string& action, std::size_t count) {
    std::vector<Json> found;
    const bool there = eventually(
        [&] {
          cluster.exec("postgres", "INSERT INTO events VALUES (now(), 1)");
          found.clear();
          const auto list = daemon.get("/v1/recommendations");
          if (!list) return false;
          for (const auto& item : (*list)["items"])
            if (item["change"]["action"] == action) found.push_back(item);
          return found.size() >= count;
        },
        kSoon);
    UNSCOPED_INFO(daemon.cli({"recommendations"}).output);
    REQUIRE(there);
    return found;
  }

  void carry_out(const Json& item) {
    const auto approved = daemon.cli(
        {"recommendations", "approve", item.value("id", ""), "--plan-hash", item.value("plan_hash", "").substr(0, 12)});
    INFO(approved.output);
    INFO("as it was shown: " << item["change"].dump());
    INFO("as it is now: " << daemon.cli({"recommendations", "show", item.value("id", ""), "-o", "json"}).output);
    REQUIRE(approved.status == 0);
  }

  bool becomes(const std::string& sql, const std::string& wanted) {
    return eventually([&] { return cluster.exec("postgres", sql) == wanted; }, kSoon);
  }

  PgCluster cluster;
  Daemon daemon;
};

std::string partitions(const std::string& names) {
  return "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass AND inhrelid::regclass::text IN (" +
         names + ")";
}

}  // namespace

TEST_CASE("partitions are advised with their statements, approved, made ahead, and detached when policy says so") {
  Events events;
  events.daemon.set("policy", "  retention: [{table: public.events, keep: 40d}]\n");
  events.daemon.start();
  const auto made = events.recommended("create_partition", 2);
  const auto next = events.month(1), after = events.month(2);
  CHECK(made[0]["change"]["sql_up"].size() == 2);
  CHECK_THAT(made[0]["change"]["sql_up"].dump(), ContainsSubstring("ATTACH PARTITION"));
  CHECK(made[0]["change"]["sql_down"].size() == 2);
  for (const auto& item : made) events.carry_out(item);
  CHECK(events.becomes(partitions("'" + next + "', '" + after + "'"), "2"));
  const auto old = events.recommended("detach_partition", 1);
  CHECK_THAT(old[0]["change"]["sql_up"].dump(), ContainsSubstring(events.month(-3)));
  CHECK(old[0]["decision"]["kind"] == "needs_approval");
  events.carry_out(old[0]);
  CHECK(events.becomes(partitions("'" + events.month(-3) + "'"), "0"));
  CHECK(events.cluster.exec("postgres", "SELECT to_regclass('" + events.month(-3) + "') IS NOT NULL") == "t");
}

TEST_CASE("rows of a DEFAULT partition are drained by advice into the months that they are of") {
  Events events;
  events.cluster.exec(
      "postgres",
      "CREATE TABLE events_rest PARTITION OF events DEFAULT;"
      "INSERT INTO events SELECT date_trunc('month', now()) + interval '3 months' + g * interval '1 min', g "
      "FROM generate_series(0, 2999) g; ANALYZE events_rest");
  events.daemon.start();
  const auto drain = events.recommended("drain_default", 1);
  CHECK_THAT(drain[0]["change"]["detail"].dump(), ContainsSubstring(events.month(3)));
  CHECK_THAT(drain[0]["change"]["sql_up"].dump(), ContainsSubstring("pgtend.bound"));
  const auto shown = events.daemon.cli({"recommendations", "show", drain[0].value("id", "")});
  CHECK_THAT(shown.output, ContainsSubstring("events_rest"));
  events.carry_out(drain[0]);
  CHECK(events.becomes("SELECT count(*) FROM ONLY events_rest", "0"));
  CHECK(events.becomes("SELECT count(*) FROM " + events.month(3), "3000"));
}

TEST_CASE("an index that a partitioned table misses is advised for the table and built on each partition") {
  Events events;
  events.daemon.set("advisors", "  interval: 1s\n  partitions_ahead: 0\n  min_table_bytes: 1MB\n");
  events.cluster.exec("postgres",
                      "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; CREATE EXTENSION IF NOT EXISTS hypopg;"
                      "INSERT INTO events SELECT date_trunc('month', now()) - g % 90 * interval '1 day', g FROM "
                      "generate_series(1, 60000) g");
  events.cluster.exec("postgres", "VACUUM ANALYZE");
  events.daemon.start();
  std::vector<Json> found;
  const bool there = eventually(
      [&] {
        auto reader = events.cluster.session();
        for (int i = 0; i < 20; ++i) reader.exec("SELECT count(*) FROM events WHERE n = 4711");
        const auto list = events.daemon.get("/v1/recommendations");
        if (!list) return false;
        for (const auto& item : (*list)["items"])
          if (item["change"]["action"] == "create_index") found.push_back(item);
        return !found.empty();
      },
      kSoon);
  INFO(events.daemon.cli({"recommendations"}).output);
  REQUIRE(there);
  const auto& plan = found[0]["change"];
  CHECK_THAT(plan["sql_up"][0].get<std::string>(), ContainsSubstring("ON ONLY \"public\".\"events\""));
  CHECK(plan["sql_up"].size() == 9);
  events.carry_out(found[0]);
  CHECK(
      events.becomes("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relname LIKE "
                     "'events%' AND indisvalid",
                     "5"));
}

TEST_CASE("a request that is repeated after the agent was killed is answered as before and makes no second change") {
  Events events;
  events.daemon.start();
  const Json plan{{"action", "analyze"},
                  {"kind", "maintenance"},
                  {"database", "postgres"},
                  {"sql_up", {"ANALYZE \"public\".\"events\""}},
                  {"detail", {{"schema", "public"}, {"table", "events"}, {"vacuum", false}, {"analyze", true}}}};
  const std::string key = "once-1";
  const auto first = events.daemon.post("/v1/changes", plan, key);
  INFO(first.body.dump());
  REQUIRE(first.status == 201);
  events.daemon.kill();
  events.daemon.start();
  const auto again = events.daemon.post("/v1/changes", plan, key);
  CHECK(again.status == 201);
  CHECK(again.body["item"]["id"] == first.body["item"]["id"]);
  CHECK(events.daemon.post("/v1/freeze", {{"frozen", false}}, key).status == 200);
  const auto changes = events.daemon.get("/v1/changes");
  REQUIRE(changes);
  CHECK((*changes)["items"].size() == 1);
}
