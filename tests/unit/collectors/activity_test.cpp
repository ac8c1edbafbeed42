#include "collectors/postgres/activity.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

RowSet answer(std::vector<std::vector<std::optional<std::string>>> rows) {
  RowSet out;
  out.columns = {"pid", "blockers", "datname", "usename", "wait_age", "transaction_age", "mode"};
  for (auto& row : rows) row.resize(out.columns.size());
  out.rows = std::move(rows);
  return out;
}

}  // namespace

TEST_CASE("nobody waiting gives no tree and a chain count of zero") {
  CHECK(blocking_trees(answer({})).empty());
  const auto run = blocking_series(answer({}), {}, "");
  REQUIRE(run.samples.size() == 1);
  CHECK(run.samples[0].key->name == "pgtend_blocking_chains");
  CHECK(run.samples[0].value == 0);
}

TEST_CASE("a chain of three hangs on the one session that waits for nobody") {
  const auto trees = blocking_trees(answer({{"10", std::nullopt, "shop", "batch", std::nullopt, "90"},
                                            {"20", "{10}", "shop", "app", "40", "41", "RowExclusiveLock"},
                                            {"30", "{20}", "shop", "app", "12.5", "13"}}));
  REQUIRE(trees.size() == 1);
  CHECK(trees[0].root.pid == 10);
  CHECK(trees[0].root.transaction_seconds == 90);
  CHECK(trees[0].depth == 2);
  CHECK(trees[0].wait_seconds == 40);
  REQUIRE(trees[0].victims.size() == 2);
  CHECK(trees[0].victims[0].session.pid == 20);
  CHECK(trees[0].victims[0].session.lock_mode == "RowExclusiveLock");
  CHECK(trees[0].victims[1].session.pid == 30);
  CHECK(trees[0].victims[1].blocked_by == 20);
  CHECK(trees[0].victims[1].depth == 2);
}

TEST_CASE("a victim of two roots stands under both, most victims first") {
  const auto trees = blocking_trees(answer({{"1", std::nullopt}, {"2", std::nullopt}, {"3", "{1,2}"}, {"4", "{2,2}"}}));
  REQUIRE(trees.size() == 2);
  CHECK(trees[0].root.pid == 2);
  CHECK(trees[0].victims.size() == 2);
  CHECK(trees[1].root.pid == 1);
  CHECK(trees[1].victims.size() == 1);
}

TEST_CASE("a deadlock not yet detected is rooted at its smallest pid, its followers below it") {
  const auto trees = blocking_trees(answer({{"5", "{9}"}, {"8", "{9}"}, {"9", "{8}"}}));
  REQUIRE(trees.size() == 1);
  CHECK(trees[0].root.pid == 8);
  CHECK(trees[0].victims.size() == 2);
}

TEST_CASE("a prepared transaction, which has no pid, can be a root") {
  const auto trees = blocking_trees(answer({{"7", "{0}", "shop", "app", "3"}}));
  REQUIRE(trees.size() == 1);
  CHECK(trees[0].root.pid == 0);
  CHECK(trees[0].victims[0].session.pid == 7);
}

TEST_CASE("blocking series add up by the root's database and user") {
  const auto run = blocking_series(answer({{"1", std::nullopt, "shop", "batch"},
                                           {"2", std::nullopt, "shop", "batch"},
                                           {"3", "{1}", "shop", "app", "4"},
                                           {"4", "{2}", "shop", "app", "9"}}),
                                   {}, "");
  const auto value = [&](const std::string& key) {
    const auto it = std::find_if(run.samples.begin(), run.samples.end(),
                                 [&](const SeriesSample& s) { return to_string(s.key) == key; });
    return it == run.samples.end() ? -1 : it->value;
  };
  CHECK(value("pgtend_blocking_chains") == 2);
  CHECK(value(R"(pgtend_blocking_roots{datname="shop",usename="batch"})") == 2);
  CHECK(value(R"(pgtend_blocking_victims{datname="shop",usename="batch"})") == 2);
  CHECK(value(R"(pgtend_blocking_wait_seconds{datname="shop",usename="batch"})") == 9);
}
