#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// The statements that a change would be judged by, as its evidence says when it has been begun.
std::vector<std::int64_t> targets_of(Rig& rig, ProposedChange plan, const std::map<std::int64_t, std::string>& texts) {
  plan.target_statements.clear();
  REQUIRE(rig.ledger().put_texts(texts));
  const auto id = rig.approved(plan).id;
  const auto change =
      rig.drive(id, [](const Change& now) { return is_final(now.state) || now.state == ChangeState::observing; });
  CAPTURE(change.last_error);
  const auto notes = nlohmann::json::parse(change.evidence_before);
  REQUIRE(notes.contains("targets"));
  auto out = notes.at("targets").get<std::vector<std::int64_t>>();
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("a new index is judged by what the server would read the table for, through a view too") {
  const int major = GENERATE(from_range(sample_majors()));
  CAPTURE(major);
  auto& cluster = shared_cluster(major);
  make_shop(cluster);
  cluster.exec("shop",
               "CREATE VIEW recent AS SELECT * FROM orders WHERE id > 10; CREATE TABLE aside (orders int);"
               "CREATE TABLE orders_old (id int)");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  CHECK(targets_of(rig, index_plan(),
                   {{1, "SELECT count(*) FROM recent WHERE customer_id = $1"},
                    {2, "SELECT sum(orders) FROM aside WHERE orders > $1"},
                    {101, "SELECT count(*) FROM orders_old"},
                    {102, "SELECT nothing FROM nowhere, orders"},
                    {103, "UPDATE orders SET customer_id = $1 WHERE id = $2"},
                    {104, "SET work_mem = $1"}}) == std::vector<std::int64_t>{1, 102, 103});
}

TEST_CASE("a planner setting is judged by the statements whose plan it changes") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  CHECK(targets_of(rig, system_setting_plan("enable_hashjoin", "off"),
                   {{1, "SELECT count(*) FROM orders a JOIN orders b ON a.customer_id = b.customer_id WHERE a.id < $1"},
                    {2, "SELECT count(*) FROM orders WHERE customer_id = $1"}}) == std::vector<std::int64_t>{1});
  cluster.exec("postgres", "ALTER SYSTEM RESET enable_hashjoin");
  cluster.reload();
}

TEST_CASE("a role's setting is judged by that role's statements, however it would change the plans of others") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop", "DO $$ BEGIN CREATE ROLE reporter; EXCEPTION WHEN duplicate_object THEN END $$");
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  auto plan = role_setting_plan("reporter", "enable_hashjoin", "off");
  // The role runs nothing, so that there is nothing to judge by.
  CHECK(
      targets_of(rig, plan,
                 {{1, "SELECT count(*) FROM orders a JOIN orders b ON a.customer_id = b.customer_id WHERE a.id < $1"}})
          .empty());
}
