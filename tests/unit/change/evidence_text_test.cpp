#include "agent/change/verify/evidence_text.hpp"
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
