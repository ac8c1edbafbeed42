#include "agent/engine/database_choice.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

pg::Capability connect(const std::string& database, bool present) {
  pg::Capability out;
  out.name = "connect:" + database;
  out.present = present;
  return out;
}

}  // namespace

TEST_CASE("a database is chosen by what is included and not excluded") {
  config::PostgresqlConfig config;
  CHECK(is_chosen(config, "shop"));
  config.include_databases = {"shop*", "crm"};
  config.exclude_databases = {"*_old"};
  CHECK(is_chosen(config, "shop"));
  CHECK(is_chosen(config, "crm"));
  CHECK_FALSE(is_chosen(config, "shop_old"));
  CHECK_FALSE(is_chosen(config, "other"));
}

TEST_CASE("a right is not asked for in a database that is left out") {
  config::PostgresqlConfig config;
  config.exclude_databases = {"tenant*"};
  const auto left = of_chosen({connect("tenant1", false), connect("shop", false)}, config);
  REQUIRE(left.size() == 1);
  CHECK(left[0].name == "connect:shop");
}

TEST_CASE("of thousands of databases that refuse the role a few are named and the rest counted") {
  std::vector<pg::Capability> all;
  for (int i = 0; i < 5'000; ++i) all.push_back(connect("db" + std::to_string(i), i % 50 == 0));
  const auto left = of_chosen(all, {});
  CHECK(std::ranges::count_if(left, [](const auto& one) { return one.present; }) == 100);
  CHECK(left.size() == 100 + 20 + 1);
  CHECK(left.back().name == "connect");
  CHECK(left.back().effect == "4880 more databases are not sampled");
  CHECK_THAT(left.back().cure, Catch::Matchers::Contains("postgresql.exclude_databases"));
}
