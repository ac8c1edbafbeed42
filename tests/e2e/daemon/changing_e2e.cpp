#include <filesystem>
#include <sstream>

#include "tests/e2e/daemon/rule_scene.hpp"

using namespace pgtend::test;

namespace {

// A server whose autovacuum leaves everything to the agent, with two tables to change.
struct Shop {
  Shop() : cluster(options()), daemon(cluster, {{"advisors", "  interval: 1s\n"}}) {
    daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                 "\n  user: postgres\n  operator: {user: postgres}\n");
    cluster.exec("postgres",
                 "CREATE TABLE orders (id int PRIMARY KEY, customer_id int); CREATE TABLE items (id int, order_id int);"
                 "INSERT INTO orders SELECT g, g % 100 FROM generate_series(1, 20000) g; ANALYZE orders");
  }

  static PgClusterOptions options() {
    PgClusterOptions out;
    out.settings["autovacuum"] = "off";
    return out;
  }

  // The open recommendation of this action, once it is there.
  Json recommended(const std::string& action) {
    Json found;
    REQUIRE(eventually(
        [&] {
          const auto list = daemon.get("/v1/recommendations");
          if (!list) return false;
          for (const auto& item : (*list)["items"])
            if (item["change"]["action"] == action) found = item;
          return !found.is_null();
        },
        std::chrono::seconds(40)));
    return found;
  }

  // A person's plan for an index, proposed.
  Json proposed(const std::string& table, const std::string& column) {
    const std::string name = table + "_" + column + "_idx";
    const Json plan{{"action", "create_index"},
                    {"kind", "index"},
                    {"database", "postgres"},
                    {"object", "public." + table},
                    {"sql_up", {"CREATE INDEX CONCURRENTLY " + name + " ON public." + table + " (" + column + ")"}},
                    {"sql_down", {"DROP INDEX CONCURRENTLY public." + name}},
                    {"target_tables", {"public." + table}},
                    {"detail", {{"schema", "public"}, {"index", name}, {"table", table}, {"key_columns", {column}}}}};
    const auto made = daemon.post("/v1/changes", plan);
    INFO(made.body.dump());
    REQUIRE(made.status == 201);
    return made.body["item"];
  }

  CommandResult approve(const std::string& what, const Json& item) {
    return daemon.cli(
        {what, "approve", item.value("id", ""), "--plan-hash", item.value("plan_hash", "").substr(0, 12)});
  }

  Json change(const Json& item) { return (*daemon.get("/v1/changes/" + item.value("id", "")))["item"]; }

  PgCluster cluster;
  Daemon daemon;
};

}  // namespace

TEST_CASE("a recommendation that policy only recommends is refused to an approver, by the API and by the CLI") {
  Shop shop;
  shop.cluster.exec("postgres", "CREATE INDEX one ON orders (customer_id); CREATE INDEX two ON orders (customer_id)");
  shop.daemon.start();
  const auto drop = shop.recommended("drop_index");
  CHECK(drop["decision"]["kind"] == "recommend");
  const auto path = "/v1/recommendations/" + drop.value("id", "") + "/approve";
  const auto answer = shop.daemon.post(path, {{"plan_hash", drop["plan_hash"]}});
  CHECK(answer.status == 409);
  CHECK(answer.body["error"]["code"] == "refused");
  CHECK_THAT(answer.body["error"]["message"].get<std::string>(),
             ContainsSubstring("not even with an approval: action_class drop_index"));
  const auto cli = shop.approve("recommendations", drop);
  CHECK(cli.status == 5);
  CHECK_THAT(cli.output, ContainsSubstring("only recommends it"));
  CHECK_THAT(cli.output, ContainsSubstring("Run the shown SQL yourself"));
  // What runs by itself beside it does not matter here.
  const auto changes = shop.daemon.get("/v1/changes");
  REQUIRE(changes);
  for (const auto& change : (*changes)["items"]) CHECK(change["plan"]["action"] != "drop_index");
  CHECK(shop.cluster.exec("postgres", "SELECT count(*) FROM pg_class WHERE relname IN ('one', 'two')") == "2");
}

TEST_CASE("an approved change that waits says for what, and a freeze refuses the approval") {
  Shop shop;
  shop.daemon.start();
  const auto first = shop.proposed("orders", "customer_id");
  REQUIRE(shop.approve("changes", first).status == 0);
  REQUIRE(eventually([&] { return shop.change(first)["state"] == "observing"; }, std::chrono::seconds(40)));
  const auto second = shop.proposed("items", "order_id"), third = shop.proposed("items", "id");
  CHECK_THAT(second.value("waits", ""), ContainsSubstring("an approval, until 20"));
  const auto busy = "change " + first.value("id", "").substr(0, 8) + " is being observed on public.orders until 20";
  const auto approved = shop.approve("changes", second);
  CHECK(approved.status == 0);
  CHECK_THAT(approved.output, ContainsSubstring("is approved\nwaits: " + busy));
  CHECK_THAT(shop.change(second).value("waits", ""), ContainsSubstring(busy));
  CHECK_THAT(shop.daemon.cli({"changes", "show", second.value("id", "")}).output, ContainsSubstring("waits: " + busy));

  REQUIRE(shop.daemon.cli({"freeze", "on", "-r", "audit week"}).status == 0);
  CHECK_THAT(shop.change(second).value("waits", ""), ContainsSubstring("frozen by "));
  CHECK_THAT(shop.change(second).value("waits", ""), ContainsSubstring(" since 20"));
  CHECK_THAT(shop.daemon.cli({"changes"}).output, ContainsSubstring("waits: frozen by "));
  const auto frozen = shop.approve("changes", third);
  CHECK(frozen.status == 5);
  CHECK_THAT(frozen.output, ContainsSubstring(": audit week; nothing was approved"));
  CHECK_THAT(frozen.output, ContainsSubstring("pgtend freeze off"));
  CHECK(shop.change(third)["state"] == "proposed");
  REQUIRE(shop.daemon.cli({"freeze", "off"}).status == 0);
  CHECK(shop.approve("changes", third).status == 0);
}

TEST_CASE("a recommendation that a change answered leaves the list and names the change") {
  Shop shop;
  shop.cluster.exec("postgres", "INSERT INTO items SELECT g, g FROM generate_series(1, 20000) g");
  shop.daemon.start();
  const auto kept = [&]() -> Json {
    const auto changes = shop.daemon.get("/v1/changes");
    if (!changes) return {};
    for (const auto& change : (*changes)["items"])
      if (change["plan"]["action"] == "analyze" && change["state"] == "kept") return change;
    return {};
  };
  REQUIRE(eventually([&] { return !kept().is_null(); }, std::chrono::seconds(40)));
  const auto change = kept();
  const auto open_ones = shop.daemon.get("/v1/recommendations");
  REQUIRE(open_ones);
  for (const auto& open : (*open_ones)["items"]) CHECK(open["id"] != change["recommendation_id"]);
  const auto id = change.value("recommendation_id", "");
  const auto item = (*shop.daemon.get("/v1/recommendations/" + id))["item"];
  CHECK(item["state"] == "applied");
  CHECK(item["answered_by"] == change["id"]);
  const auto shown = shop.daemon.cli({"recommendations", "show", id});
  CHECK_THAT(shown.output, ContainsSubstring("change " + change.value("id", "").substr(0, 8) + " was kept"));
  CHECK(shown.output.find("Approve with") == std::string::npos);
  CHECK(shop.approve("recommendations", item).status == 5);
}

TEST_CASE("PagerDuty hears of a change that was kept, once, whatever happens to the agent") {
  WebhookSink sink;
  Shop shop;
  write_file(shop.daemon.path("key"), "0123456789abcdef0123456789abcdef\n");
  std::filesystem::permissions(shop.daemon.path("key"), std::filesystem::perms::owner_read);
  shop.daemon.set("alerting", "  receivers:\n  - name: pager\n    pagerduty_configs: [{routing_key_file: " +
                                  shop.daemon.path("key").string() + ", url: \"" + sink.url() +
                                  "\", change_events: true}]\n");
  shop.cluster.exec("postgres", "INSERT INTO items SELECT g, g FROM generate_series(1, 20000) g");
  const auto events = [&] {
    std::map<std::string, int> out;  // by change
    for (const auto& body : sink.bodies())
      if (!body.contains("event_action")) ++out[body["payload"]["custom_details"].value("change", "")];
    return out;
  };
  shop.daemon.start();
  REQUIRE(eventually([&] { return !events().empty(); }, std::chrono::seconds(60)));
  for (const auto& body : sink.bodies()) {
    if (body.contains("event_action")) continue;
    CHECK(body["routing_key"] == "0123456789abcdef0123456789abcdef");
    CHECK_THAT(body["payload"].value("summary", ""), ContainsSubstring("pgtend kept analyze on postgres public."));
  }
  // Not only received but acknowledged: what was told and not noted is rightly told again.
  const auto acknowledged = [&] {
    std::istringstream lines(shop.daemon.metrics());
    double sent = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.starts_with("pgtend_notifications_total{outcome=\"sent\""))
        sent += std::stod(line.substr(line.rfind(' ')));
    return sent;
  };
  REQUIRE(eventually([&] { return acknowledged() >= static_cast<double>(sink.bodies().size()); },
                     std::chrono::seconds(20)));
  shop.daemon.kill();
  shop.daemon.start();
  // With the next change all changes are read again; the outbox knows which were told.
  shop.cluster.exec("postgres", "CREATE TABLE more AS SELECT g FROM generate_series(1, 20000) g");
  const auto before = events().size();
  REQUIRE(eventually([&] { return events().size() > before; }, std::chrono::seconds(60)));
  for (const auto& [change, count] : events()) {
    INFO(change);
    CHECK(count == 1);
  }
}

TEST_CASE("nobody is told the end of an alert that our own change caused, though it ends after the change") {
  WebhookSink sink;
  Shop shop;
  // A sample of transactions comes long after the change has ended.
  shop.daemon.set("collection", "  directory: " + shop.daemon.path("collectors.d").string() +
                                    "\n  intervals: {identity: 500ms, transactions: 20s}\n  budget: {cpu_ratio: 1.0}\n");
  shop.daemon.set("alerting", "  receivers:\n  - name: all\n    webhook_configs: [{url: \"" + sink.url() + "\"}]\n");
  const auto rules = [&](const std::string& more) {
    write_file(shop.daemon.path("rules/mine.yaml"),
               "groups: [{name: mine, rules: [{alert: PgLongTransaction, expr: pgtend_transaction_age_seconds > 2}" +
                   more + "]}]\n");
  };
  rules("");
  auto holder = shop.cluster.session();
  holder.exec("BEGIN");
  holder.exec("INSERT INTO orders VALUES (0, 0)");
  shop.daemon.start();
  const auto change = shop.proposed("orders", "customer_id");
  REQUIRE(shop.approve("changes", change).status == 0);
  const auto state = [&] {
    const auto alerts = shop.daemon.get("/v1/alerts");
    if (alerts)
      for (const auto& alert : (*alerts)["items"])
        if (alert["rule"] == "PgLongTransaction") return alert["state"].get<std::string>();
    return std::string();
  };
  REQUIRE(eventually([&] { return state() == "firing"; }, std::chrono::seconds(60)));
  holder.exec("COMMIT");
  REQUIRE(eventually([&] { return shop.change(change)["state"] == "observing"; }, std::chrono::seconds(60)));
  REQUIRE(eventually([&] { return state() == "resolved"; }, std::chrono::seconds(60)));
  rules(", {alert: After, expr: vector(1)}");
  shop.daemon.hang_up();
  const auto told = [&](const std::string& rule) {
    return std::ranges::any_of(sink.bodies(),
                               [&](const Json& body) { return body.dump().find(rule) != std::string::npos; });
  };
  REQUIRE(eventually([&] { return told("After"); }, std::chrono::seconds(60)));
  CHECK_FALSE(told("PgLongTransaction"));
}

TEST_CASE("watching a change goes on when the agent was restarted") {
  Shop shop;
  shop.daemon.start();
  const auto id = shop.proposed("orders", "customer_id").value("id", "");
  SpawnOptions options;
  options.log = shop.daemon.path("watch.log");
  ChildProcess watch({Daemon::binary(), "--config", shop.daemon.config_file().string(), "changes", "watch", id},
                     options);
  const auto says = [&](const std::string& text) {
    return eventually([&] { return read_file(options.log).find(text) != std::string::npos; }, std::chrono::seconds(20));
  };
  REQUIRE(says("proposed"));
  shop.daemon.stop();
  REQUIRE(says("the agent does not answer; waiting for it"));
  shop.daemon.start();
  REQUIRE(shop.daemon.cli({"changes", "reject", id, "-r", "no"}).status == 0);
  CHECK(watch.wait(std::chrono::seconds(20)) == 0);
  CHECK(says("is rejected"));
}

TEST_CASE("a change that a person takes back counts as undone, not as rolled back by the agent") {
  Shop shop;
  shop.daemon.start();
  const auto change = shop.proposed("orders", "customer_id");
  const auto id = change.value("id", "");
  REQUIRE(shop.approve("changes", change).status == 0);
  const auto is = [&](std::initializer_list<const char*> states) {
    const auto state = shop.change(change)["state"];
    return std::any_of(states.begin(), states.end(), [&](const char* each) { return state == each; });
  };
  REQUIRE(eventually([&] { return is({"observing", "kept"}); }, std::chrono::seconds(40)));
  REQUIRE(shop.daemon.cli({"changes", "undo", id}).status == 0);
  REQUIRE(eventually([&] { return is({"reverted"}); }, std::chrono::seconds(40)));
  REQUIRE(eventually([&] { return !shop.daemon.query("pgtend_changes_lately{state=\"undone\"}").empty(); },
                     std::chrono::seconds(40)));
  CHECK(shop.daemon.query("pgtend_changes_lately{state=\"reverted\"}").empty());
}

TEST_CASE("PgMatviewRefresh tells of a refresh that failed, not of one that was kept or of another change") {
  Shop shop;
  shop.cluster.exec("postgres",
                    "CREATE TABLE sales AS SELECT 1 AS divisor;"
                    "CREATE MATERIALIZED VIEW shares AS SELECT 1 / divisor AS share FROM sales");
  write_file(shop.daemon.path("rules/postgresql.yaml"),
             without_waits(read_file(std::string(source_dir()) + "/alerts/rules/postgresql.yaml")));
  const auto severities = [&] {
    std::vector<std::string> out;
    if (const auto alerts = shop.daemon.get("/v1/alerts"))
      for (const auto& alert : (*alerts)["items"])
        if (alert["rule"] == "PgMatviewRefresh" && alert["state"] == "firing")
          out.push_back(alert["labels"].value("severity", ""));
    return out;
  };
  const auto refresh = [&] {
    const Json plan{{"action", "refresh_matview"},
                    {"kind", "refresh"},
                    {"database", "postgres"},
                    {"object", "public.shares"},
                    {"sql_up", {R"(REFRESH MATERIALIZED VIEW "public"."shares")"}},
                    {"target_tables", {"public.shares"}},
                    {"detail", {{"schema", "public"}, {"matview", "shares"}, {"concurrently", false}}}};
    const auto made = shop.daemon.post("/v1/changes", plan);
    INFO(made.body.dump());
    REQUIRE(made.status == 201);
    REQUIRE(shop.approve("changes", made.body["item"]).status == 0);
  };
  const auto ends = [&](const std::string& state) {
    INFO(state);
    const auto expr = "pgtend_changes_lately{action=\"refresh_matview\",state=\"" + state + "\"} == 1";
    REQUIRE(eventually([&] { return !shop.daemon.query(expr).empty(); }, kSoon));
  };
  shop.daemon.start();
  refresh();
  ends("kept");
  rounds_pass(shop.daemon);
  CHECK(severities().empty());
  shop.cluster.exec("postgres", "UPDATE sales SET divisor = 0");
  refresh();
  ends("failed");
  REQUIRE(eventually([&] { return severities() == std::vector<std::string>{"critical"}; }, kSoon));
}
