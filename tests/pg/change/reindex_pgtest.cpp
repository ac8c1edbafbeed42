#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

ProposedChange reindex_plan(const std::string& index = "orders_note", const std::string& table = "orders") {
  auto plan = index_plan(index, "note", table);
  plan.action = ActionClass::reindex;
  plan.sql_up = {"REINDEX INDEX CONCURRENTLY \"public\".\"" + index + "\""};
  plan.sql_down.clear();
  return plan;
}

PgCluster& shop_with_index(int major = 0) {
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  cluster.exec("shop", "CREATE INDEX orders_note ON orders (note); COMMENT ON INDEX orders_note IS 'by hand'");
  return cluster;
}

std::string file_of(PgCluster& cluster) {
  return cluster.exec("shop", "SELECT pg_relation_filenode('orders_note')");
}

std::string indexes_of_orders(PgCluster& cluster) {
  return cluster.exec("shop",
                      "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE oid IN "
                      "(SELECT indexrelid FROM pg_index WHERE indrelid = 'orders'::regclass)");
}

}  // namespace

TEST_CASE("an index is rebuilt without a way back and kept by what the catalogs show") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shop_with_index(major);
  const auto file = file_of(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto change = rig.drive(rig.approved(reindex_plan()).id);
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::kept);
  CHECK(change.verdict->test == "catalog");
  CHECK(file_of(cluster) != file);
  CHECK(index_comment(cluster, "orders_note") == "by hand");
  CHECK(indexes_of_orders(cluster) == "orders_note orders_pkey");
  CHECK(rig.run(rig.pipeline().undo(change.id, "person:ann")).error().code == Errc::unsupported);
}

TEST_CASE("an INVALID index is made valid by a reindex") {
  auto& cluster = shop_with_index();
  cluster.exec("shop", "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_note'::regclass");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto change = rig.drive(rig.approved(reindex_plan()).id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(invalid_indexes(cluster) == "0");
}

TEST_CASE("the backend of a reindex killed in the middle leaves no copy, and the reindex is repeated") {
  auto& cluster = shop_with_index();
  const auto file = file_of(cluster);
  TempDir dir("pgtend-change");
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto id = rig.approved(reindex_plan()).id;
  bool killed = false;
  const auto change = rig.drive(id, [&](const Change& now) {
    if (!killed && now.state == ChangeState::applying &&
        indexes_of_orders(cluster).find("_ccnew") != std::string::npos) {
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
  CHECK(change.attempt == 2);
  CHECK(file_of(cluster) != file);
  CHECK(invalid_indexes(cluster) == "0");
  CHECK(indexes_of_orders(cluster) == "orders_note orders_pkey");
}

TEST_CASE("a reindex that waits longer than its budget takes its own copy away and nobody else's") {
  auto& cluster = shop_with_index();
  cluster.exec("shop",
               "CREATE INDEX orders_note_ccnew ON orders (note);"
               "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_note_ccnew'::regclass");
  auto reader = cluster.session("shop");
  reader.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM items");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .wait_budget = Millis(300)});
  const auto id = rig.approved(reindex_plan()).id;
  const auto change = rig.drive(id, [](const Change& now) { return now.state == ChangeState::deferred; });
  CAPTURE(change.last_error);
  REQUIRE(change.state == ChangeState::deferred);
  CHECK(indexes_of_orders(cluster) == "orders_note orders_note_ccnew orders_pkey");
  reader.exec("COMMIT");
  CHECK(rig.drive(id).state == ChangeState::kept);
  CHECK(indexes_of_orders(cluster) == "orders_note orders_note_ccnew orders_pkey");
}

TEST_CASE("what cannot be rebuilt concurrently, and what somebody else has rebuilt, is refused") {
  auto& cluster = shop_with_index();
  cluster.exec("shop",
               "CREATE TABLE parts (note int) PARTITION BY RANGE (note); CREATE INDEX parts_note ON parts (note);"
               "CREATE TABLE spans (note int4range, EXCLUDE USING gist (note WITH &&))");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto code_of = [&](const ProposedChange& plan) {
    const auto change = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
    return change ? Errc::internal : change.error().code;
  };
  CHECK(code_of(reindex_plan("parts_note", "parts")) == Errc::unsupported);
  CHECK(code_of(reindex_plan("spans_note_excl", "spans")) == Errc::unsupported);
  CHECK(code_of(reindex_plan("nothing")) == Errc::not_found);
  const auto approved = rig.approved(reindex_plan());
  cluster.exec("shop", "REINDEX INDEX orders_note");
  const auto change = rig.drive(approved.id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("not what it was"));
}
