#include "tests/e2e/daemon/daemon.hpp"
#include "tests/e2e/daemon/traffic.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/seeds.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend::test;

namespace {

constexpr int kRows = 20'000;

std::string number(std::mt19937_64& random, int count) {
  return std::to_string(1 + random() % static_cast<std::uint64_t>(count));
}

// "… $ …" with a number up to `count` in the place of $.
Habit habit(double per_second, const std::string& sql, int count) {
  const auto at = sql.find('$');
  return {per_second, [head = sql.substr(0, at), tail = sql.substr(at + 1), count](std::mt19937_64& random) {
            return head + number(random, count) + tail;
          }};
}

// A server under mixed traffic whose rates and mix drift, and the agent as it is but for its hours, which are seconds
// here: `./dev fault verdict TIMES` makes them so many times as long.
struct Shop {
  Shop()
      : times(seeded_runs(1)),
        seed(first_seed()),
        daemon(cluster, {{"advisors", "  interval: 1h\n"}, {"verify", verify()}, {"policy", "  cool_down: 0s\n"}}) {
    daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                 "\n  user: postgres\n  operator: {user: postgres}\n");
    daemon.set("collection", "  directory: " + daemon.path("collectors.d").string() +
                                 "\n  intervals: {identity: 1s, statements: 1s}\n  budget: {cpu_ratio: 1.0}\n");
    write_file(daemon.path("rules/host.yaml"), read_file(std::string(source_dir()) + "/alerts/rules/host.yaml"));
    fill();
    start_traffic();
    daemon.start();
  }

  [[nodiscard]] std::string verify() const {
    const auto seconds = [&](int value) { return std::to_string(value * times) + "s\n"; };
    return "  window: 1s\n  min_windows: 9\n  min_calls: 60\n  block: " + seconds(2) + "  before: " + seconds(16) +
           "  after: " + seconds(14) + "  warm_up: 2s\n  max_observe: " + seconds(22);
  }

  void fill() {
    std::string sql =
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;"
        "CREATE ROLE app LOGIN; CREATE ROLE report LOGIN;"
        "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, note text, total int);"
        "INSERT INTO orders SELECT g, g % 500, 'n', g FROM generate_series(1, 20000) g;"
        "CREATE TABLE stock (id int PRIMARY KEY, quantity int, shelf int) WITH (fillfactor = 50);"
        "INSERT INTO stock SELECT g, g, g FROM generate_series(1, 1000) g;"
        "CREATE TABLE carts (id int PRIMARY KEY, items int) WITH (fillfactor = 50);"
        "INSERT INTO carts SELECT g, 0 FROM generate_series(1, 1000) g;";
    for (const auto* name : {"customers", "products", "reviews", "addresses", "coupons", "archive"})
      sql += std::string("CREATE TABLE ") + name + " (id int PRIMARY KEY, a int, b text); INSERT INTO " + name +
             " SELECT g, g, repeat('x', 60) FROM generate_series(1, 20000) g;";
    cluster.exec("postgres", sql + "GRANT ALL ON ALL TABLES IN SCHEMA public TO app, report");
    cluster.exec("postgres", "VACUUM ANALYZE");
  }

  void start_traffic() {
    INFO("PGTEND_SEED=" << seed);
    const std::vector<Habit> web{habit(20, "SELECT a FROM customers WHERE id = $", kRows),
                                 habit(15, "SELECT b FROM products WHERE id = $", kRows),
                                 habit(12, "SELECT count(*) FROM reviews WHERE id < $", 400),
                                 habit(12, "SELECT a, b FROM addresses WHERE id = $", kRows),
                                 habit(10, "SELECT b, a FROM coupons WHERE id = $", kRows),
                                 habit(15, "UPDATE carts SET items = items + 1 WHERE id = $", 1000)};
    const std::vector<Habit> back{habit(15, "SELECT id, total FROM orders WHERE customer_id = $", 500),
                                  habit(25, "UPDATE stock SET quantity = quantity + 1 WHERE id = $", 1000),
                                  habit(10, "SELECT shelf FROM stock WHERE id = $", 1000)};
    const std::vector<Habit> reports{habit(25, "SELECT b FROM archive WHERE id = $", kRows)};
    traffic.push_back(std::make_unique<Traffic>(cluster, "postgres", "app", web, seed));
    traffic.push_back(std::make_unique<Traffic>(cluster, "postgres", "app", back, seed + 1));
    const bool reconnects = true;
    traffic.push_back(std::make_unique<Traffic>(cluster, "postgres", "report", reports, seed + 2, reconnects));
  }

  static Json index_plan(const std::string& table, const std::string& column) {
    const std::string name = table + "_" + column + "_idx";
    return {{"action", "create_index"},
            {"kind", "index"},
            {"database", "postgres"},
            {"object", "public." + table},
            {"sql_up", {"CREATE INDEX CONCURRENTLY " + name + " ON public." + table + " (" + column + ")"}},
            {"sql_down", {"DROP INDEX CONCURRENTLY public." + name}},
            {"target_tables", {"public." + table}},
            {"detail", {{"schema", "public"}, {"index", name}, {"table", table}, {"key_columns", {column}}}}};
  }

  // Proposed and approved once there is enough to compare with; the change at its end.
  Json end_of(const Json& plan) {
    REQUIRE(eventually(
        [&] {
          return daemon.query("count_over_time(pgtend_statements_calls_total[10m]) >= " + std::to_string(14 * times))
                     .size() >= 8;
        },
        std::chrono::seconds(20 + 20 * times)));
    const auto made = daemon.post("/v1/changes", plan);
    INFO(made.body.dump());
    REQUIRE(made.status == 201);
    const auto item = made.body["item"];
    id = item.value("id", "");
    const auto approved =
        daemon.cli({"changes", "approve", id, "--plan-hash", item.value("plan_hash", "").substr(0, 12)});
    INFO(approved.output);
    REQUIRE(approved.status == 0);
    Json change;
    const auto ended = [&] {
      change = (*daemon.get("/v1/changes/" + id))["item"];
      const auto state = change.value("state", "");
      return state == "kept" || state == "reverted" || state == "failed" || state == "lost";
    };
    REQUIRE(eventually(ended, std::chrono::seconds(30 + 30 * times)));
    return change;
  }

  // What `changes show` must say of any verdict: its numbers from both sides, the verdict, and its windows.
  std::string shown(const Json& change) {
    auto text = daemon.cli({"changes", "show", id}).output;
    const auto verdict = change["verdict"];
    CHECK_THAT(text, ContainsSubstring("before, " + std::to_string(change["evidence_before"]["targets"].size()) +
                                       " target statements"));
    CHECK_THAT(text, ContainsSubstring("after, "));
    CHECK_THAT(
        text, ContainsSubstring(verdict["kind"].get<std::string>() + ": " + verdict["explanation"].get<std::string>()));
    CHECK_THAT(text, ContainsSubstring("windows: " + std::to_string(verdict["windows_before"].get<int>()) + " before"));
    return text;
  }

  // The proof of the change, checked without the agent's help.
  std::string proved() {
    const auto file = daemon.path("proof.json");
    write_file(file, daemon.cli({"changes", "proof", id}).output);
    const auto held = daemon.cli({"proof", "verify", file.string()});
    CHECK(held.status == 0);
    CHECK_THAT(held.output, ContainsSubstring("The proof holds."));
    CHECK_THAT(held.output, ContainsSubstring("verdict: computed anew"));
    return held.output;
  }

  std::string indexes(const std::string& name) const {
    return cluster.exec("postgres", "SELECT count(*) FROM pg_class WHERE relname = '" + name + "'");
  }

  int times;
  std::uint64_t seed;
  PgCluster cluster;
  Daemon daemon;
  std::vector<std::unique_ptr<Traffic>> traffic;
  std::string id;
};

}  // namespace

TEST_CASE("under drifting traffic an index that helps is kept, with its plans as proof") {
  Shop shop;
  const auto change = shop.end_of(Shop::index_plan("orders", "customer_id"));
  INFO(shop.shown(change));
  CHECK(change["state"] == "kept");
  CHECK(change["verdict"]["kind"] == "improved");
  CHECK(change["verdict"]["metric"] == "buffers per call");
  CHECK(change["verdict"]["effect"].get<double>() < -0.5);
  CHECK(shop.indexes("orders_customer_id_idx") == "1");
  CHECK_THAT(shop.shown(change), ContainsSubstring(": Seq Scan on orders, cost "));
  CHECK_THAT(shop.proved(), ContainsSubstring("using orders_customer_id_idx"));
  // One of one: Wilson's bound is 1 / (1 + 1.28²).
  const auto is_known = [&] {
    const auto precision = shop.daemon.query("pgtend_policy_precision_ratio{action=\"create_index\"}");
    return !precision.empty() && precision[0]["value"][1].get<std::string>().starts_with("0.378");
  };
  // What the alerts say of themselves comes every ten seconds.
  CHECK(eventually(is_known, std::chrono::seconds(40)));
  CHECK_THAT(shop.daemon.metrics(), ContainsSubstring("pgtend_policy_verdicts_right{action=\"create_index\"} 1"));
  CHECK(shop.daemon.query("pgtend_changes_lately{state=\"kept\"}").size() == 1);
  CHECK(shop.daemon.query("ALERTS{alertname=\"PgtendActionRolledBack\"}").empty());
}

TEST_CASE("under drifting traffic an index that ends HOT updates is undone by what they touch and write") {
  Shop shop;
  const auto change = shop.end_of(Shop::index_plan("stock", "quantity"));
  INFO(shop.shown(change));
  CHECK(change["state"] == "reverted");
  CHECK(change["verdict"]["kind"] == "regressed");
  // Entries of two indexes for each update: more buffers and more WAL, whichever is beyond doubt first.
  CHECK(change["verdict"]["test"] == "cusum trip");
  const auto written = [&](const Json& side) { return side["writes"]["wal_bytes_per_call"].get<double>(); };
  CHECK(written(change["evidence_after"]) > 1.3 * written(change["evidence_before"]["statements"]));
  CHECK(shop.indexes("stock_quantity_idx") == "0");
  shop.proved();
  const std::string alert =
      "ALERTS{alertname=\"PgtendActionRolledBack\",alertstate=\"firing\",action=\"create_index\"}";
  CHECK(eventually([&] { return !shop.daemon.query(alert).empty(); }, std::chrono::seconds(40)));
}

TEST_CASE("under drifting traffic an index that nobody uses is undone for its write cost") {
  Shop shop;
  const auto change = shop.end_of(Shop::index_plan("orders", "note"));
  INFO(shop.shown(change));
  CHECK(change["state"] == "reverted");
  CHECK(change["verdict"]["kind"] == "no_effect");
  CHECK(shop.indexes("orders_note_idx") == "0");
  shop.proved();
}

TEST_CASE("under drifting traffic a setting that spoils the plans of a role is undone") {
  Shop shop;
  const auto change = shop.end_of({{"action", "role_setting"},
                                   {"kind", "setting"},
                                   {"database", "postgres"},
                                   {"detail", {{"name", "random_page_cost"}, {"value", "1000"}, {"role", "report"}}}});
  INFO(shop.shown(change));
  CHECK(change["state"] == "reverted");
  CHECK(change["verdict"]["kind"] == "regressed");
  CHECK(change["verdict"]["metric"] == "buffers per call");
  CHECK(change["verdict"]["effect"].get<double>() > 5);
  CHECK(shop.cluster.exec("postgres", "SELECT count(*) FROM pg_db_role_setting") == "0");
  shop.proved();
}
