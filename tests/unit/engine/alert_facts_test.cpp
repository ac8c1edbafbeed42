#include "agent/engine/alert_facts.hpp"

#include "rules/promql/memory_history.hpp"
#include "rules/promql/parser.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;

TEST_CASE("of two conditions the threshold is that of the one that fired") {
  promql::MemoryHistory history;
  const UtcTime at = from_ms(1'000'000'000);
  const auto add = [&](const char* name, const char* database, double value) {
    REQUIRE(history.add(SeriesKey{name, Labels{{"datname", database}}}, {{at, value}}));
  };
  add("waiting", "shop", 8);
  add("waiting", "crm", 1);
  add("age", "shop", 90);
  add("age", "crm", 90);
  const auto both = *promql::parse("waiting > 5 or (age > 60 or depth > 7)");
  const auto threshold = [&](const promql::Expr& expr, const char* database) {
    const Labels labels{{"alertname", "A"}, {"datname", database}, {"instance", "main"}};
    return engine::comparison_of(engine::fired_side(expr, labels, history, at, {}));
  };
  CHECK(threshold(*both, "shop") == "> 5");
  CHECK(threshold(*both, "crm") == "> 60");
  CHECK(threshold(*both, "other") == "> 7");
  CHECK(threshold(**promql::parse("age > 60"), "crm") == "> 60");
  CHECK(threshold(**promql::parse("age > 50000000"), "crm") == "> 50000000");
}

TEST_CASE("without an expression for it, the causes are what the rule adds up for this alert") {
  promql::MemoryHistory history;
  const UtcTime at = from_ms(1'000'000'000);
  const auto add = [&](const char* user, const char* database, double value) {
    REQUIRE(history.add(SeriesKey{"sessions", Labels{{"datname", database}, {"usename", user}}}, {{at, value}}));
  };
  add("app", "shop", 40);
  add("job", "shop", 7);
  add("ann", "shop", 9);
  add("bob", "shop", 1);
  add("off", "shop", 0);
  add("app", "crm", 90);
  Alert alert;
  alert.labels = Labels{{"alertname", "A"}, {"datname", "shop"}, {"instance", "main"}};
  alert.facts.comparison = "> 50";
  const auto causes = [&](const char* rule) {
    return engine::likely_causes(**promql::parse(rule), alert, history, at, {});
  };
  using Texts = std::vector<std::string>;
  const Texts most{"datname=shop, usename=app: 40", "datname=shop, usename=ann: 9", "datname=shop, usename=job: 7"};
  CHECK(causes("sum by (datname) (sessions) > 50") == most);
  CHECK(causes("(sum by (datname) (sessions)) > 50") == most);
  CHECK(causes("sessions > 50").empty());
  CHECK(causes("sum(sessions)").empty());
  alert.facts.comparison = "< 50";
  CHECK(causes("min by (datname) (sessions) < 50").front() == "datname=shop, usename=bob: 1");
  alert.annotations["pgtend_causes"] = "topk(1, sessions)";
  CHECK(causes("sum by (datname) (sessions) > 50") == Texts{"datname=crm, usename=app: 90"});
  alert.annotations["pgtend_causes"] = "topk(";
  CHECK(causes("sum by (datname) (sessions) > 50").empty());
}
