#include <thread>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

struct Project {
  Project() : daemon(cluster) {
    cluster.exec("postgres", "CREATE DATABASE app");
    std::filesystem::create_directories(folder());
    put("V0001__orders.sql", "CREATE TABLE orders (id int PRIMARY KEY);\n-- @down\nDROP TABLE orders;\n");
  }
  [[nodiscard]] std::string folder() const { return daemon.path("set").string(); }
  void put(const std::string& name, const std::string& text) const { write_file(daemon.path("set") / name, text); }
  [[nodiscard]] CommandResult migrate(std::vector<std::string> words) const {
    words.insert(words.begin(), "migrate");
    words.insert(words.end(), {"--dir", folder()});
    if (words[1] != "new") words.insert(words.end(), {"-d", "app"});
    return daemon.cli(words);
  }
  [[nodiscard]] Json json(std::vector<std::string> words) const {
    words.insert(words.end(), {"-o", "json"});
    const auto result = migrate(std::move(words));
    INFO(result.output);
    // Why up would refuse follows on the standard error.
    auto out = Json::parse(result.output.substr(0, result.output.rfind("\n}\n") + 3), nullptr, false);
    REQUIRE_FALSE(out.is_discarded());
    return out;
  }
  [[nodiscard]] std::string audit() const {
    std::string out;
    const auto entries = daemon.get("/v1/audit?limit=1000");
    REQUIRE(entries);
    for (const auto& entry : (*entries)["items"])
      out += entry.value("action", "") + " " + entry.value("subject", "") + " by " + entry.value("actor", "") +
             (entry.value("before", "").starts_with("allowed") ? ", " + entry.value("before", "") : "") + "\n";
    return out;
  }

  PgCluster cluster;
  Daemon daemon;
};

bool has(const CommandResult& result, const std::string& part) {
  return result.output.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("migrations are applied from the command line without an agent, three times to the same end") {
  const Project project;
  CHECK(has(project.migrate({"new", "order_lines"}), "set/V0002__order_lines.sql"));
  const auto empty = project.migrate({"plan"});
  CHECK(empty.status == 1);
  CHECK(has(empty, "V0002__order_lines.sql:1: there is no statement to apply"));
  project.put("V0002__order_lines.sql", "-- pgtend: tx=none\nCREATE INDEX CONCURRENTLY orders_idx ON orders (id);\n");
  const auto plan = project.migrate({"plan"});
  CHECK(plan.status == 0);
  CHECK(has(plan, "2 (outside a transaction): CREATE INDEX CONCURRENTLY orders_idx ON orders (id)"));
  CHECK(has(project.migrate({"up"}), "2 done"));
  CHECK(has(project.migrate({"up"}), "nothing to do"));
  CHECK(has(project.migrate({"up"}), "nothing to do"));
  const auto status = project.json({"status"});
  CHECK(status["items"][0]["state"] == "applied");
  CHECK(status["chain"]["ok"] == true);
  CHECK(project.migrate({"verify"}).status == 0);
  project.cluster.exec("app", "ALTER TABLE orders ADD COLUMN by_hand int");
  const auto drift = project.migrate({"verify"});
  CHECK(drift.status == 3);
  CHECK(has(drift, "object_drift: column public.orders.by_hand was added by hand"));
  CHECK(project.migrate({"down"}).status == 5);
  CHECK(project.migrate({"down", "--steps", "0"}).status == 2);
}

TEST_CASE("a password in the connection string of migrate is refused and not repeated") {
  const Project project;
  const auto result = project.migrate({"status", "--dsn", "host=/nowhere password=hunter2"});
  CHECK(result.status == 1);
  CHECK(has(result, "passfile=FILE"));
  CHECK_FALSE(has(result, "hunter2"));
}

TEST_CASE("the freeze switch stops migrations, with and without a running agent") {
  Project project;
  project.daemon.start();
  REQUIRE(project.daemon.cli({"freeze", "on", "-r", "release"}).status == 0);
  auto frozen = project.migrate({"up"});
  CHECK(frozen.status == 5);
  CHECK(has(frozen, "changes are frozen by"));
  project.daemon.stop();
  frozen = project.migrate({"up"});
  CHECK(frozen.status == 5);
  CHECK(has(frozen, "changes are frozen by"));
  project.daemon.start();
  REQUIRE(project.daemon.cli({"freeze", "off"}).status == 0);
  CHECK(project.migrate({"up"}).status == 0);
  write_file(project.daemon.path("freeze"), "");
  CHECK(has(project.migrate({"down"}), "changes are frozen by file"));
}

TEST_CASE("a database that was restored to a point before shows what it lost, and the audit has both") {
  Project project;
  const bool running = GENERATE(true, false);
  CAPTURE(running);
  if (running) project.daemon.start();
  CHECK(project.migrate({"up"}).status == 0);
  project.cluster.exec("postgres", "CREATE DATABASE before TEMPLATE app");
  project.put("V0002__note.sql", "ALTER TABLE orders ADD COLUMN note text;\n");
  CHECK(project.migrate({"up"}).status == 0);
  project.cluster.exec("postgres", "DROP DATABASE app WITH (FORCE)");
  project.cluster.exec("postgres", "ALTER DATABASE before RENAME TO app");
  const auto status = project.json({"status"});
  CHECK(status["items"][0]["state"] == "applied");
  CHECK(status["items"][1]["state"] == "lost");
  const auto verified = project.migrate({"verify"});
  CHECK(verified.status == 4);
  CHECK(has(verified, "lost: V0002: it was applied; the database was restored or promoted to a point before that"));
  CHECK(has(project.migrate({"up"}), "1 done"));
  CHECK(project.migrate({"verify"}).status == 0);
  if (!running) project.daemon.start();
  const auto audit = project.audit();
  CHECK(count_of(audit, "migrate.up app/V0001") == 1);
  CHECK(count_of(audit, "migrate.up app/V0002") == 2);
  CHECK(count_of(audit, "migrate.lost app/V0002") == 1);
  // Each intent comes before its act.
  CHECK(audit.find("migrate.up.intent app/V0001") < audit.find("migrate.up app/V0001"));
  CHECK(count_of(audit, "migrate.up.intent app/V0002") == 2);
  CHECK(project.daemon.cli({"audit", "verify"}).status == 0);
}

TEST_CASE("what would block a table is refused before anything runs, unless it is allowed") {
  Project project;
  project.daemon.start();
  project.put("V0002__note.sql", "ALTER TABLE orders ADD COLUMN note text;\n");
  CHECK(project.migrate({"up"}).status == 0);
  project.put("V0003__index.sql", "CREATE INDEX orders_note ON orders (note);\n");
  project.put("V0004__later.sql", "ALTER TABLE orders ADD COLUMN later text;\n");
  const auto plan = project.migrate({"plan"});
  CHECK(plan.status == 5);
  CHECK(has(plan, "V0003__index.sql:1:1: critical create-index-blocking: CREATE INDEX on orders"));
  CHECK(has(plan, "CREATE INDEX CONCURRENTLY orders_note ON orders (note);"));
  const auto refused = project.migrate({"up"});
  CHECK(refused.status == 5);
  CHECK(has(refused, "V0003__index.sql:1: create-index-blocking: "));
  CHECK(has(refused, "--allow RULE"));
  CHECK(project.json({"status"})["items"][2]["state"] == "pending");
  CHECK(project.json({"plan"})["pending"][0]["lint"][0]["rule"] == "create-index-blocking");
  CHECK(project.migrate({"up", "--allow", "create-index-bloking"}).status == 2);
  CHECK(has(project.migrate({"up", "--allow", "create-index-blocking"}), "2 done"));
  CHECK(project.audit().find("migrate.up.intent app/V0003 by ") != std::string::npos);
  CHECK(project.audit().find(", allowed: create-index-blocking") != std::string::npos);
  project.put("V0005__index.sql",
              "-- lint: allow create-index-blocking: the table is empty\n"
              "CREATE INDEX orders_later ON orders (later);\n");
  CHECK(has(project.migrate({"up"}), "1 done"));
}

TEST_CASE("a freeze that comes while a statement runs stops the next one, whether the agent was there before or not") {
  Project project;
  const bool from_the_start = GENERATE(true, false);
  CAPTURE(from_the_start);
  // It runs until a session of that name is there, however long the freeze takes.
  project.put("V0002__slow.sql",
              "-- pgtend: tx=none\nDO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = "
              "'frozen by now') LOOP PERFORM pg_stat_clear_snapshot(), pg_sleep(0.2); END LOOP; END $$;\n"
              "CREATE TABLE after_the_sleep (id bigint);\n");
  if (from_the_start) project.daemon.start();
  CommandResult result;
  std::thread runner([&] { result = project.migrate({"up"}); });
  const auto sleeps = [&] {
    return project.cluster.exec("app", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1";
  };
  CHECK(eventually(sleeps));
  if (!from_the_start) project.daemon.start();
  CHECK(project.daemon.cli({"freeze", "on"}).status == 0);
  auto sign = project.cluster.session("app");
  sign.exec("SET application_name = 'frozen by now'");
  runner.join();
  CHECK(result.status == 5);
  CHECK(has(result, "V0002__slow.sql:3: changes are frozen by"));
  CHECK(project.cluster.exec("app", "SELECT to_regclass('after_the_sleep') IS NULL") == "t");
  CHECK(project.daemon.cli({"freeze", "off"}).status == 0);
  CHECK(has(project.migrate({"up"}), "1 done"));
}
