#include "agent/config/config.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::config;

TEST_CASE("budgets of WAL, the standbys' ceiling and the record that auto needs are read, shown and checked") {
  const auto read = load_text(
      "policy:\n"
      "  default_budget: {wal_bytes: 50GB, replica_lag: 10s}\n"
      "  trust: {verdicts: 5, precision: 0.9}\n"
      "  rules:\n  - {name: a, actions: [vacuum], mode: auto, budget: {wal_bytes: 1GB, replica_lag: 2s}}\n",
      "p.yaml");
  INFO(format_errors(read.errors));
  REQUIRE(read.errors.empty());
  const auto& policy = read.config.policy;
  CHECK(policy.default_budget.wal_bytes == 50LL << 30);
  CHECK(policy.default_budget.replica_lag == Millis(10'000));
  CHECK(policy.default_budget.changes == Config{}.policy.default_budget.changes);
  CHECK(policy.trust.verdicts == 5);
  CHECK(policy.trust.precision == 0.9);
  CHECK(policy.rules.at(0).budget.wal_bytes == 1LL << 30);
  CHECK(policy.rules.at(0).budget.replica_lag == Millis(2'000));
  CHECK_THAT(dump(read.config), ContainsSubstring("policy.trust.precision: 0.9"));
  CHECK(Config{}.policy.trust.verdicts == 10);

  const auto wrong = [](const std::string& text) { return format_errors(load_text(text, "p.yaml").errors); };
  CHECK_THAT(wrong("policy: {trust: {precision: 1.5}}\n"), ContainsSubstring("p.yaml:1:"));
  CHECK_THAT(wrong("policy: {default_budget: {replica_lag: 10ms}}\n"), ContainsSubstring("replica_lag"));
  CHECK_THAT(wrong("policy:\n  rules: [{name: a, mode: auto, budget: {wal_bytes: 0}}]\n"),
             ContainsSubstring("a budget of 0 never acts"));
  CHECK_THAT(wrong("policy:\n  rules: [{name: a, mode: approve, budget: {replica_lag: 5s}}]\n"),
             ContainsSubstring("a budget binds only auto"));
}

TEST_CASE("how long partitions are kept is read, shown and checked") {
  const auto read = load_text(
      "policy:\n  retention:\n  - {table: public.events, keep: 400d}\n  - {table: '*', database: shop, keep: 5y}\n"
      "advisors: {partitions_ahead: 7}\n",
      "p.yaml");
  INFO(format_errors(read.errors));
  REQUIRE(read.errors.empty());
  const auto& kept = read.config.policy.retention;
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].table == "public.events");
  CHECK(kept[0].database == "*");
  CHECK(kept[0].keep == Millis(400LL * 24 * 3'600'000));
  CHECK(kept[1].database == "shop");
  CHECK(read.config.advisors.partitions_ahead == 7);
  CHECK_THAT(dump(read.config), ContainsSubstring("policy.retention"));
  // Nothing is detached unless somebody says so.
  CHECK(Config{}.policy.retention.empty());
  const auto wrong = [](const std::string& text) { return format_errors(load_text(text, "p.yaml").errors); };
  CHECK_THAT(wrong("policy:\n  retention: [{keep: 1d}]\n"), ContainsSubstring("table"));
  CHECK_THAT(wrong("policy:\n  retention: [{table: a.b}]\n"), ContainsSubstring("keep"));
  CHECK_THAT(wrong("policy:\n  retention: [{table: a.b, keep: 1h}]\n"), ContainsSubstring("p.yaml:2:"));
  CHECK_THAT(wrong("advisors: {partitions_ahead: -1}\n"), ContainsSubstring("partitions_ahead"));
}
