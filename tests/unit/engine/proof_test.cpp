#include "agent/engine/proof.hpp"

#include <random>

#include "agent/change/plan_hash.hpp"
#include "agent/change/verify/evidence_text.hpp"
#include "agent/change/verify/plan_shape.hpp"
#include "agent/store/proof_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/change/noise.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// A ledger with one change that was judged, among what others did meanwhile.
struct Judged {
  explicit Judged(double buffers = 0.5, const std::string& explained = "1") {
    auto opened = store::Ledger::open((dir.path() / "ledger.db").string(), clock);
    REQUIRE(opened);
    ledger = std::move(*opened);
    NoisyServer server(7);
    const change::VerdictEvidence evidence{server.windows(60, Effect()),
                                           server.windows(60, Effect{.buffers = buffers}),
                                           NoisyServer::sets(),
                                           change::VerifyOptions(),
                                           {}};
    Change change;
    change.id = "11111111-2222-4333-8444-555555555555";
    change.plan.action = ActionClass::create_index;
    change.plan.kind = ChangeKind::index;
    change.plan.object = "public.orders";
    change.plan.sql_up = {"CREATE INDEX CONCURRENTLY i ON public.orders (a)"};
    change.plan.sql_down = {"DROP INDEX CONCURRENTLY public.i"};
    change.plan.detail = IndexChange{};
    change.plan_hash = change::plan_hash(change.plan);
    change.state = ChangeState::observing;
    const auto plan = change::plan_shape(R"([{"Plan": {"Node Type": "Seq Scan", "Relation Name": "orders"}}])");
    change.evidence_before = R"({"targets":[2,1],"plans":{")" + explained + "\":" + plan + "}}";
    REQUIRE(ledger->audit({"agent", "policy.decide", "before", "", "", "ok"}));
    REQUIRE(ledger->insert_change(change, {"agent", "change.propose", change.id, "", "", "ok"}));
    REQUIRE(ledger->audit({"person:ann", "freeze.on", "freeze", "", "", "ok"}));
    const auto text = change::evidence_text(evidence);
    REQUIRE(ledger->put_evidence(change.id, text));
    change.verdict = change::judge(evidence);
    const auto after = change::plan_shape(R"([{"Plan": {"Node Type": "Index Scan", "Index Name": "i"}}])");
    change.evidence_after = R"({"plans":{"1":)" + after + R"(},"sha256":")" + store::sha256_of(text) + "\"}";
    change.state = ChangeState::kept;
    REQUIRE(ledger->transition(change, ChangeState::observing, {"agent", "change.verdict", change.id, "", "", "ok"}));
    REQUIRE(ledger->audit({"agent", "policy.decide", "after", "", "", "ok"}));
  }

  std::string proof() {
    auto text = engine::make_proof(*ledger, "1111", {"0.1.0", "main", clock.now()});
    REQUIRE(text);
    return *text;
  }

  TempDir dir{"proof"};
  FakeClock clock;
  std::unique_ptr<store::Ledger> ledger;
};

std::string bad_checks(const engine::ProofReport& report) {
  std::string out;
  for (const auto& check : report.checks)
    if (!check.ok) out += check.what + ": " + check.detail + "\n";
  return out;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// The same content with a hash that fits it, as somebody makes it who knows how.
std::string forged(const std::string& text) {
  auto file = text;
  const std::string key = "\"content\": ";
  const auto from = file.find(key) + key.size(), to = file.rfind(",\n \"schema\"");
  auto content = file.substr(from, to - from) + "\n";
  // One level less indented.
  std::string flat;
  bool at_start = false;
  for (const char c : content) {
    if (at_start && c == ' ') {
      at_start = false;
      continue;
    }
    at_start = c == '\n';
    flat += c;
  }
  const auto sum = file.find("\"sha256\": \"", to) + 11;
  return file.replace(sum, 64, store::sha256_of(flat));
}

}  // namespace

TEST_CASE("a proof holds by itself and computes the verdict anew") {
  Judged judged;
  const auto report = engine::verify_proof(judged.proof());
  REQUIRE(report);
  INFO(bad_checks(*report));
  CHECK(report->ok);
  CHECK(report->whole);
  CHECK(report->verdict == "improved");
  CHECK(report->instance == "main");
  REQUIRE(report->checks.size() == 7);
  CHECK(report->checks[4].detail == "1 before and 1 after; statement 1: Seq Scan on orders -> Index Scan using i");
  CHECK(report->checks[1].detail == "3 rows, each hashed with the one before");
  CHECK(report->head_sequence == 5);
  // What was forged without a change is the same file: the helper of the next test does what it says.
  CHECK(forged(judged.proof()) == judged.proof());
}

TEST_CASE("any changed byte of a proof is found") {
  Judged judged;
  const auto text = judged.proof();
  std::mt19937 random(20261128);
  INFO("seed 20261128");
  for (int i = 0; i < 300; ++i) {
    auto changed = text;
    const auto at = random() % changed.size();
    const auto old = changed[at];
    do changed[at] = static_cast<char>(random() % 96 + 32);
    while (changed[at] == old);
    CAPTURE(at, old, changed[at]);
    const auto report = engine::verify_proof(changed);
    CHECK((!report || !report->ok));
  }
  for (const auto& changed : {text + " ", text.substr(0, text.size() - 1), "\n" + text}) {
    const auto report = engine::verify_proof(changed);
    CHECK((!report || !report->ok));
  }
}

TEST_CASE("a proof whose own hash was made to fit is found by the audit, the plan, the evidence or the verdict") {
  Judged judged;
  const auto text = judged.proof();
  const auto found = [&](const std::string& from, const std::string& to) {
    const auto report = engine::verify_proof(forged(replaced(text, from, to)));
    REQUIRE(report);
    CHECK_FALSE(report->ok);
    return bad_checks(*report);
  };
  CHECK_THAT(found("person:ann", "person:bob"), ContainsSubstring("row 3 was changed"));
  CHECK_THAT(found("\\\"state\\\":\\\"kept\\\"", "\\\"state\\\":\\\"reverted\\\""),
             ContainsSubstring("not as row 4 of the audit left it"));
  CHECK_THAT(found("DROP INDEX CONCURRENTLY public.i\\\"", "DROP TABLE public.orders\\\""),
             ContainsSubstring("plan: the statements do not give the hash"));
  CHECK_THAT(found("\\\"targets\\\":[1,2]", "\\\"targets\\\":[2,1]"), ContainsSubstring("evidence: is not what"));
  CHECK_THAT(found("\"state\": \"kept\"", "\"state\": \"failed\""), ContainsSubstring("change: "));
}

TEST_CASE("a plan of a statement that the change was not judged by is found") {
  Judged judged(0.5, "9");
  const auto report = engine::verify_proof(judged.proof());
  REQUIRE(report);
  CHECK_THAT(bad_checks(*report), ContainsSubstring("explained: statement 9 is none of those"));
}

TEST_CASE("a verdict that its evidence does not give is found, whoever wrote the ledger") {
  Judged judged;
  auto change = judged.ledger->get_change("1111");
  REQUIRE(change);
  change->verdict->kind = VerdictKind::no_effect;
  REQUIRE(judged.ledger->transition(*change, ChangeState::kept, {"agent", "change.verdict", change->id, "", "", "ok"}));
  const auto report = engine::verify_proof(judged.proof());
  REQUIRE(report);
  CHECK_THAT(bad_checks(*report), ContainsSubstring("verdict: the evidence gives improved"));
}

TEST_CASE("a change that was judged before evidence was kept has a proof that says so") {
  Judged judged;
  auto change = judged.ledger->get_change("1111");
  change->id = "9";
  change->evidence_after = "{}";
  REQUIRE(judged.ledger->insert_change(*change, {"agent", "change.propose", change->id, "", "", "ok"}));
  const auto text = engine::make_proof(*judged.ledger, "9", {"0.1.0", "main", judged.clock.now()});
  REQUIRE(text);
  const auto report = engine::verify_proof(*text);
  REQUIRE(report);
  CHECK(report->ok);
  CHECK_FALSE(report->whole);
  CHECK_THAT(report->checks.back().detail, ContainsSubstring("its evidence was not kept"));
}

TEST_CASE("what is no proof is refused with a word") {
  for (const auto* text : {"", "nonsense", "{}", "[]", R"({"schema":"pgtend/proof/v2","content":{}})",
                           R"({"schema":"pgtend/proof/v1","content":{}})"}) {
    CAPTURE(text);
    const auto report = engine::verify_proof(text);
    REQUIRE_FALSE(report);
    CHECK(report.error().code == Errc::parse);
  }
}

TEST_CASE("the oldest evidence makes room, and too much of one change is not kept") {
  Judged judged;
  const std::string large(store::kMostEvidence, 'x');
  const auto many = store::kMostEvidenceOfAll / store::kMostEvidence;
  for (std::size_t i = 0; i < many; ++i) {
    judged.clock.advance(Millis(1000));
    REQUIRE(judged.ledger->put_evidence("e" + std::to_string(i), large));
  }
  CHECK(judged.ledger->proof_rows("1111")->evidence.empty());
  CHECK(judged.ledger->put_evidence("x", large + "x").error().code == Errc::resource_exhausted);
}
