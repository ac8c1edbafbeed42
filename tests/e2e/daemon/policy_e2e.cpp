#include <fstream>

#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

// A server whose autovacuum leaves everything to the agent, so that ANALYZE of a filled table is what it does by
// itself.
struct Shop {
  Shop() : cluster(options()), daemon(cluster, {{"advisors", "  interval: 1s\n"}}) {
    daemon.set("postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                                 "\n  user: postgres\n  operator: {user: postgres}\n");
    cluster.exec("postgres",
                 "CREATE TABLE items (id int, order_id int); INSERT INTO items SELECT g, g FROM generate_series(1, "
                 "20000) g");
  }

  static PgClusterOptions options() {
    PgClusterOptions out;
    out.settings["autovacuum"] = "off";
    return out;
  }

  // The first ANALYZE that was kept.
  Json analyzed() {
    Json found;
    REQUIRE(eventually(
        [&] {
          const auto changes = daemon.get("/v1/changes");
          if (!changes) return false;
          for (const auto& change : (*changes)["items"])
            if (change["plan"]["action"] == "analyze" && change["state"] == "kept") found = change;
          return !found.is_null();
        },
        std::chrono::seconds(60)));
    return found;
  }

  PgCluster cluster;
  Daemon daemon;
};

}  // namespace

TEST_CASE("policy is shown and asked, and replayed over what was done, by the CLI of a running agent") {
  Shop shop;
  shop.daemon.set("policy",
                  "  windows: [{name: never, start: \"00:00\", end: \"00:01\", days: [sun]}]\n"
                  "  rules:\n  - {name: rebuilds, actions: [reindex], mode: auto, window: never}\n"
                  "  defaults: {create_index: auto}\n");
  shop.daemon.start();
  const auto change = shop.analyzed();

  const auto shown = shop.daemon.cli({"policy", "show"});
  INFO(shown.output);
  CHECK(shown.status == 0);
  CHECK_THAT(shown.output, ContainsSubstring("Changes are not frozen."));
  CHECK_THAT(shown.output, ContainsSubstring("Class create_index has 0 verdicts of the 10"));
  CHECK_THAT(shown.output, ContainsSubstring("1 of 1000 changes"));
  CHECK_THAT(shown.output, ContainsSubstring("public.items was changed less than 5m ago."));
  const auto policy = (*shop.daemon.get("/v1/policy"))["item"];
  CHECK(policy["windows"][0]["name"] == "never");
  CHECK_FALSE(policy["windows"][0]["next_opening"].is_null());

  // The same ANALYZE again rests; a rebuild waits for its window; an index has to earn it; a denied setting never goes.
  const auto again = shop.daemon.cli({"policy", "simulate", change.value("id", "").substr(0, 8)});
  CHECK(again.status == 0);
  CHECK_THAT(again.output, ContainsSubstring("It could run by itself"));
  const auto rebuild = shop.daemon.cli(
      {"policy", "simulate", "--class", "reindex", "--object", "public.items", "--database", "postgres"});
  CHECK_THAT(rebuild.output, ContainsSubstring("no  window never"));
  const auto index = shop.daemon.cli({"policy", "simulate", "--class", "create_index", "--object", "public.items"});
  CHECK_THAT(index.output, ContainsSubstring("needs_approval (track record)"));
  const auto denied = shop.daemon.cli({"policy", "simulate", "--class", "system_setting", "--object", "setting fsync"});
  CHECK(denied.status == 5);
  CHECK_THAT(denied.output, ContainsSubstring("setting deny list"));
  CHECK(shop.daemon.cli({"policy", "simulate"}).status == 2);
  CHECK(shop.daemon.cli({"policy", "simulate", "no-such-id"}).status == 1);

  const auto loaded = shop.daemon.cli({"backtest", "policy", "--since", "1d"});
  INFO(loaded.output);
  CHECK(loaded.status == 0);
  CHECK_THAT(loaded.output, ContainsSubstring("public.items"));
  const auto file = shop.daemon.path("strict.yaml");
  write_file(file, "policy: {defaults: {analyze: never}}\n");
  const auto strict =
      Json::parse(shop.daemon.cli({"backtest", "policy", "--policy", file.string(), "-o", "json"}).output);
  for (const auto& sum : strict["item"]["classes"])
    if (sum["action"] == "analyze") CHECK(sum["refused"] == sum["proposed"]);
  write_file(file, "policy: {defaults: {analyse: never}}\n");
  const auto wrong = shop.daemon.cli({"backtest", "policy", "--policy", file.string()});
  CHECK(wrong.status == 1);
  CHECK_THAT(wrong.output, ContainsSubstring("strict.yaml:1:21"));
  CHECK_THAT(wrong.output, ContainsSubstring("did you mean 'analyze'?"));
  // None of this did anything.
  CHECK(shop.cluster.exec("postgres", "SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass") == "0");
}

TEST_CASE("a change leaves the agent as a file that proves itself without it, until one byte differs") {
  Shop shop;
  shop.daemon.start();
  const auto change = shop.analyzed();
  const auto proof = shop.daemon.cli({"changes", "proof", change.value("id", "").substr(0, 8)});
  REQUIRE(proof.status == 0);
  const auto file = shop.daemon.path("change.json");
  write_file(file, proof.output);
  CHECK(shop.daemon.cli({"changes", "proof", "no-such-id"}).status == 1);
  shop.daemon.stop();
  const auto held = shop.daemon.cli({"proof", "verify", file.string()});
  INFO(held.output);
  CHECK(held.status == 0);
  CHECK_THAT(held.output, ContainsSubstring("The proof holds."));
  auto text = proof.output;
  const auto at = text.find("public.items");
  REQUIRE(at != std::string::npos);
  text[at] = 'q';
  write_file(file, text);
  const auto broken = shop.daemon.cli({"proof", "verify", file.string()});
  CHECK(broken.status == 4);
  CHECK_THAT(broken.output, ContainsSubstring("BAD file"));
}
