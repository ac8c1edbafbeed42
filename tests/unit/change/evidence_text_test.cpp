#include "agent/change/verify/evidence_text.hpp"

#include "agent/change/verify/plan_shape.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/change/noise.hpp"

using namespace pgtend;
using namespace pgtend::change;
using pgtend::test::Effect;
using pgtend::test::NoisyServer;

TEST_CASE("evidence gives the same verdict to the last digit after it was text") {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    NoisyServer server(seed);
    VerdictEvidence evidence{server.windows(60, Effect()),
                             server.windows(60, Effect{.buffers = 0.9 + 0.1 * double(seed)}),
                             NoisyServer::sets(),
                             VerifyOptions(),
                             {}};
    evidence.options.min_calls = 77;
    evidence.options.p_value = 0.0123456789;
    evidence.options.min_control = 3;
    evidence.before[3].reset = true;
    evidence.season = {server.windows(60, Effect()), server.windows(50, Effect())};
    const auto text = evidence_text(evidence);
    const auto read = parse_evidence(text);
    REQUIRE(read);
    CHECK(evidence_text(*read) == text);
    const auto was = judge(evidence), is = judge(*read);
    CHECK(is.kind == was.kind);
    CHECK(is.effect == was.effect);
    CHECK(is.p_value == was.p_value);
    CHECK(is.explanation == was.explanation);
    CHECK(read->options.min_calls == 77);
    CHECK(read->options.p_value == 0.0123456789);
    CHECK(read->before[3].reset);
    CHECK(read->season.after.size() == 50);
    CHECK(read->sets.controls == evidence.sets.controls);
  }
}

TEST_CASE("a plan is remembered without its conditions, and another way to the rows is told") {
  const std::string seq =
      R"json([{"Plan": {"Node Type": "Limit", "Total Cost": 4260, "Plan Rows": 7, "Plans": [{"Node Type": "Seq Scan",
        "Relation Name": "orders", "Alias": "o", "Filter": "(note = 'secret'::text)", "Total Cost": 4250.25}]}}])json";
  const std::string index =
      R"json([{"Plan": {"Node Type": "Index Scan", "Index Name": "i", "Relation Name": "orders", "Total Cost": 8.5,
        "Index Cond": "(note = 'secret'::text)"}}])json";
  const auto before = "{\"12\":" + plan_shape(seq) + "}", after = "{\"12\":" + plan_shape(index) + "}";
  CHECK((before + after).find("secret") == std::string::npos);
  CHECK(flaw_of_plans(before).empty());
  const auto changed = changed_plans(before, after);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0] == "statement 12: Seq Scan on orders, cost 4260 -> Index Scan using i on orders, cost 8.5");
  CHECK(changed_plans(before, before).empty());
  auto forged = before;
  CHECK_THAT(flaw_of_plans(forged.replace(forged.find("\"Plan Rows\""), 11, "\"Filter\"")),
             ContainsSubstring("statement 12 is no plan"));
  forged = before;
  forged.replace(forged.find("on orders"), 9, "on others");
  CHECK_THAT(flaw_of_plans(forged), ContainsSubstring("is not what is said of it"));
  CHECK(flaw_of_plans("{\"1\":" + plan_shape("nonsense") + "}").empty());
  CHECK(parameters_of("SELECT $2, a$b FROM t WHERE x = $11 AND y = '?'") == 11);
}

TEST_CASE("evidence of another form names the part that is wrong") {
  NoisyServer server(1);
  const auto text = evidence_text({server.windows(2, Effect()), {}, NoisyServer::sets(), VerifyOptions(), {}});
  const auto without = [&](const std::string& from, const std::string& to) {
    auto changed = text;
    changed.replace(changed.find(from), from.size(), to);
    const auto read = parse_evidence(changed);
    REQUIRE_FALSE(read);
    return read.error().message;
  };
  CHECK_THAT(without("\"targets\":[", "\"targets\":[\"x\","), ContainsSubstring("\"targets\""));
  CHECK_THAT(without("\"min_calls\"", "\"min_call\""), ContainsSubstring("\"options.min_calls\""));
  CHECK_THAT(without("\"before\":[[", "\"before\":[[[],"), ContainsSubstring("\"before\""));
  CHECK_FALSE(parse_evidence("nonsense"));
}
