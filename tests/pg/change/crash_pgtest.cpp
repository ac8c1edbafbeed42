#include <map>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::string approved_change(PgCluster& cluster, const std::string& ledger) {
  Rig rig(cluster, {.ledger_file = ledger});
  return rig.approved(index_plan()).id;
}

}  // namespace

TEST_CASE("an agent killed at any point of a change brings it to its right end after the restart") {
  auto& cluster = shared_cluster();
  const std::string point =
      GENERATE("after approved>pre_validated", "after pre_validated>applying", "applying.executed",
               "after applying>post_validated", "after post_validated>observing", "before observing>kept");
  CAPTURE(point);
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  const auto id = approved_change(cluster, ledger);
  run_agent_until(cluster, ledger, id, point, 0.2);
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  CHECK(invalid_indexes(cluster) == "0");
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(index_comment(cluster, "orders_customer_idx") == "pgtend:" + id);
  CHECK(invalid_indexes(cluster) == "0");
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_index WHERE indrelid = 'orders'::regclass") == "2");
}

TEST_CASE("a partial index whose agent is killed before it is marked is known again after the restart") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  std::string id;
  {
    Rig rig(cluster, {.ledger_file = ledger});
    id = rig.approved(shaped_index_plan("btree (lower(note)) WHERE note = 'N' AND customer_id > 3")).id;
  }
  run_agent_until(cluster, ledger, id, "applying.executed", 0.2);
  CHECK(index_comment(cluster, "orders_shaped_idx") == "-");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  const auto change = rig.get(id);
  CAPTURE(change.last_error);
  CHECK_FALSE(is_final(change.state));
  CHECK(change.applied_at);
  CHECK(index_comment(cluster, "orders_shaped_idx") == "pgtend:" + id);
}

TEST_CASE("an agent killed while it undoes a change finishes the undo after the restart") {
  auto& cluster = shared_cluster();
  const std::string point = GENERATE("before observing>reverting", "after observing>reverting",
                                     "after reverting>reverting", "reverting.executed");
  CAPTURE(point);
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  const auto id = approved_change(cluster, ledger);
  run_agent_until(cluster, ledger, id, point, 3);
  Rig rig(cluster, {.ledger_file = ledger, .buffers = 3});
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::reverted);
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  CHECK(invalid_indexes(cluster) == "0");
}

TEST_CASE("a build that outlives its agent is adopted and never built twice") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  const auto id = approved_change(cluster, ledger);
  // The build waits for this writer, so it is certainly running when the agent dies.
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  run_agent_until(cluster, ledger, id, "applying.running", 0.2);
  CHECK(cluster.exec("shop", "SELECT count(*) FROM pg_stat_progress_create_index") == "1");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  CHECK(rig.get(id).state == ChangeState::applying);
  CHECK(rig.pipeline().progress(id));
  writer.exec("COMMIT");
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(change.attempt == 1);
  CHECK(index_comment(cluster, "orders_customer_idx") == "pgtend:" + id);
  CHECK(invalid_indexes(cluster) == "0");
}

TEST_CASE("an adopted build is cancelled when it only waits for longer than its budget, and repeated later") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  const auto id = approved_change(cluster, ledger);
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  run_agent_until(cluster, ledger, id, "applying.running", 0.2);
  Rig rig(cluster, {.ledger_file = ledger, .wait_budget = Millis(300)});
  bool free = false;
  const auto change = rig.drive(id, [&](const Change& now) {
    if (!free && cluster.exec("shop", "SELECT count(*) FROM pg_stat_progress_create_index") == "0") {
      writer.exec("COMMIT");
      free = true;
    }
    return is_final(now.state);
  });
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(change.attempt == 2);
  CHECK(index_comment(cluster, "orders_customer_idx") == "pgtend:" + id);
  CHECK(invalid_indexes(cluster) == "0");
}

TEST_CASE("an index that somebody else makes while a change is deferred is not taken for its own") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .wait_budget = Millis(300)});
  // Long enough that the change is still deferred when the other index is made.
  rig.options().defer_for = Millis(2'000);
  const auto id = rig.approved(index_plan()).id;
  bool free = false;
  const auto deferred = rig.drive(id, [&](const Change& now) {
    // The writer is in the way of the leftover's removal too.
    if (!free && now.state == ChangeState::applying && !now.last_error.empty()) {
      writer.exec("COMMIT");
      free = true;
    }
    return now.state == ChangeState::deferred;
  });
  CAPTURE(deferred.last_error);
  REQUIRE(deferred.state == ChangeState::deferred);
  REQUIRE(deferred.attempt == 1);
  const bool same_definition = GENERATE(true, false);
  CAPTURE(same_definition);
  cluster.exec("shop", std::string("CREATE INDEX orders_customer_idx ON orders (") +
                           (same_definition ? "customer_id)" : "note)"));
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::failed);
  CHECK(index_comment(cluster, "orders_customer_idx") == "-");
}

TEST_CASE("an INVALID index that a killed build left behind is removed and the build repeated") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto ledger = (dir.path() / "ledger.db").string();
  const auto id = approved_change(cluster, ledger);
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  run_agent_until(cluster, ledger, id, "applying.running", 0.2);
  cluster.exec("shop",
               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/chg/%'");
  REQUIRE(eventually([&] {
    return invalid_indexes(cluster) == "1" &&
           cluster.exec("shop", "SELECT count(*) FROM pg_stat_progress_create_index") == "0";
  }));
  writer.exec("COMMIT");
  Rig rig(cluster, {.ledger_file = ledger});
  rig.run(rig.pipeline().recover());
  CHECK(invalid_indexes(cluster) == "0");
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  const auto change = rig.drive(id);
  CHECK(change.state == ChangeState::kept);
  CHECK(change.attempt == 2);
  CHECK(index_comment(cluster, "orders_customer_idx") == "pgtend:" + id);
}

TEST_CASE("the backend of a build killed under a living agent leaves nothing INVALID") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(index_plan()).id;
  bool killed = false;
  const auto change = rig.drive(id, [&](const Change& now) {
    if (!killed && now.state == ChangeState::applying && rig.pipeline().progress(id)) {
      cluster.exec("shop",
                   "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/chg/%'");
      writer.exec("COMMIT");
      killed = true;
    }
    return is_final(now.state);
  });
  CAPTURE(change.last_error);
  CHECK(killed);
  CHECK(change.state == ChangeState::kept);
  CHECK(invalid_indexes(cluster) == "0");
}
