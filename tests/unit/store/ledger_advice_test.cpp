#include "agent/store/ledger_json.hpp"
#include "tests/unit/store/ledger_support.hpp"

using namespace pgtend;
using namespace pgtend::test;
using store::RecommendationState;

namespace {

Finding finding(const std::string& id) {
  auto out = full_recommendation("r").finding;
  out.id = id;
  return out;
}

const Decision kAsk{DecisionKind::needs_approval, "action_class create_index", "ask", std::nullopt};

}  // namespace

TEST_CASE("findings are kept by id, and those that a scope no longer names are closed") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const auto t0 = ledger.clock.now();
  REQUIRE(ledger->put_findings({finding("a"), finding("b")}, "missing_index/shop"));
  REQUIRE(ledger->put_findings({finding("z")}, "missing_index/crm"));
  ledger.clock.advance(Millis(1'000));
  REQUIRE(ledger->put_findings({finding("b"), finding("c")}, "missing_index/shop"));
  const auto open = ledger->list_findings(true);
  REQUIRE(open);
  std::string ids;
  for (const auto& one : *open) ids += one.finding.id;
  REQUIRE(ids == "bzc");
  REQUIRE((*open)[0].first_seen == t0);
  REQUIRE((*open)[0].last_seen == t0 + Millis(1'000));
  const auto all = ledger->list_findings(false);
  REQUIRE(all->size() == 4);
  REQUIRE(all->back().finding.id == "a");
  REQUIRE(all->back().closed_at == t0 + Millis(1'000));
  ledger.clock.advance(Millis(1'000));
  REQUIRE(ledger->put_findings({finding("a")}, "missing_index/shop"));
  const auto reopened = ledger->list_findings(true);
  for (const auto& one : *reopened)
    if (one.finding.id == "a") REQUIRE(one.first_seen == ledger.clock.now());
  REQUIRE(store::dump(store::to_json(ledger->list_findings(true)->front().finding)) ==
          store::dump(store::to_json(finding(ledger->list_findings(true)->front().finding.id))));
}

TEST_CASE("a recommendation is read back whole and put once") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const auto made = full_recommendation("rec-1");
  auto put = ledger->put_recommendation(made, kAsk, Millis(1'000), draft("policy.decide", "rec-1"));
  REQUIRE(put);
  REQUIRE((put->opened && put->decision_changed));
  put = ledger->put_recommendation(made, kAsk, Millis(1'000), draft("policy.decide", "rec-1"));
  REQUIRE((!put->opened && !put->decision_changed));
  REQUIRE(ledger->audit_list(1, 10)->size() == 1);
  auto other = kAsk;
  other.kind = DecisionKind::automatic;
  REQUIRE(ledger->put_recommendation(made, other, Millis(1'000), draft("policy.decide", "rec-1"))->decision_changed);
  REQUIRE(ledger->audit_list(1, 10)->size() == 2);
  const auto read = ledger->get_recommendation("rec");
  REQUIRE(read);
  REQUIRE(store::dump(store::to_json(read->recommendation)) == store::dump(store::to_json(made)));
  REQUIRE(std::isnan(read->recommendation.finding.evidence[1].value));
  REQUIRE(read->recommendation.risk == Risk::medium);
  REQUIRE(read->decision.kind == DecisionKind::automatic);
  REQUIRE(ledger->list_recommendations()->size() == 1);
  REQUIRE(ledger->get_recommendation("nope").error().code == Errc::not_found);
}

TEST_CASE("a recommendation ends an hour after its finding, unless a change is being made from it") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  auto one = full_recommendation("one"), two = full_recommendation("two");
  one.finding.id = "f-one";
  two.finding.id = "f-two";
  REQUIRE(ledger->put_findings({one.finding, two.finding}, "advisors/shop"));
  REQUIRE(ledger->put_recommendation(one, kAsk));
  REQUIRE(ledger->put_recommendation(two, kAsk));
  auto change = full_change("c");
  change.recommendation_id = "two";
  REQUIRE(ledger->insert_change(change, draft("change.propose", "c")));
  auto drop = full_recommendation("drop");
  drop.change.action = ActionClass::drop_index;
  drop.finding.id = "f-drop";
  REQUIRE(ledger->put_findings({one.finding, two.finding, drop.finding}, "advisors/shop"));
  REQUIRE(ledger->put_recommendation(drop, kAsk));
  CHECK(ledger->expire_recommendations() == 0);
  REQUIRE(ledger->put_findings({}, "advisors/shop"));
  // To drop an index rests on what else is there.
  CHECK(ledger->expire_recommendations() == 1);
  CHECK(ledger->get_recommendation("drop")->state == RecommendationState::expired);
  ledger.clock.advance(Millis(3'599'000));
  CHECK(ledger->expire_recommendations() == 0);
  ledger.clock.advance(Millis(1'000));
  CHECK(ledger->expire_recommendations() == 1);
  CHECK(ledger->get_recommendation("one")->state == RecommendationState::expired);
  CHECK(ledger->get_recommendation("two")->state == RecommendationState::open);
  // Found again, it is made again.
  REQUIRE(ledger->put_findings({one.finding}, "advisors/shop"));
  CHECK(ledger->put_recommendation(one, kAsk)->opened);
  CHECK(ledger->expire_recommendations() == 0);
}

TEST_CASE("a rejected recommendation stays rejected until its time ends, an applied one opens anew") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const Millis ttl(10'000);
  REQUIRE(ledger->put_recommendation(full_recommendation("r"), kAsk, ttl));
  ledger.clock.advance(Millis(9'000));
  REQUIRE(
      ledger->set_recommendation_state("r", RecommendationState::rejected, "not now", draft("recommendation.reject")));
  REQUIRE(ledger->list_recommendations()->empty());
  ledger.clock.advance(Millis(9'000));
  auto put = ledger->put_recommendation(full_recommendation("r"), kAsk, ttl);
  REQUIRE(put->state == RecommendationState::rejected);
  REQUIRE(ledger->get_recommendation("r")->reason == "not now");
  ledger.clock.advance(Millis(1'000));
  put = ledger->put_recommendation(full_recommendation("r"), kAsk, ttl);
  REQUIRE((put->opened && put->state == RecommendationState::open));
  REQUIRE(ledger->set_recommendation_state("r", RecommendationState::applied, "change c", draft("x")));
  REQUIRE(ledger->put_recommendation(full_recommendation("r"), kAsk, ttl)->opened);
  ledger.clock.advance(ttl);
  REQUIRE(*ledger->expire_recommendations() == 1);
  REQUIRE(ledger->get_recommendation("r")->state == RecommendationState::expired);
  REQUIRE(ledger->set_recommendation_state("no", RecommendationState::applied, "", draft("x")).error().code ==
          Errc::not_found);
}

TEST_CASE("a change that ends closes the recommendation it was made from, and says how") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const Millis ttl(86'400'000);
  REQUIRE(ledger->put_recommendation(full_recommendation("rec-1"), kAsk, ttl));
  Change change = full_change("0123456789", ChangeState::proposed);
  REQUIRE(ledger->insert_change(change, draft("change.propose")));
  const auto to = [&](ChangeState next, const std::string& error = {}) {
    const auto from = change.state;
    change.state = next;
    change.last_error = error;
    REQUIRE(ledger->transition(change, from, draft("step")));
    return *ledger->get_recommendation("rec-1");
  };
  REQUIRE(to(ChangeState::observing).state == RecommendationState::open);
  const auto kept = to(ChangeState::kept);
  REQUIRE(kept.state == RecommendationState::applied);
  REQUIRE(kept.reason == "change 01234567 was kept");
  REQUIRE(ledger->list_recommendations()->empty());
  REQUIRE(to(ChangeState::reverting).state == RecommendationState::applied);
  const auto undone = to(ChangeState::reverted);
  REQUIRE(undone.state == RecommendationState::undone);
  REQUIRE(undone.reason == "change 01234567 was undone");
  ledger.open();
  REQUIRE(ledger->get_recommendation("rec-1")->state == RecommendationState::undone);

  // What failed rests as long as the pipeline rests, then the advisor may say it again.
  change = full_change("1123456789", ChangeState::applying);
  REQUIRE(ledger->insert_change(change, draft("change.propose")));
  REQUIRE(to(ChangeState::failed, "missing right").reason == "change 11234567 failed: missing right");
  REQUIRE(ledger->put_recommendation(full_recommendation("rec-1"), kAsk, ttl)->state == RecommendationState::failed);
  ledger.clock.advance(store::kFailedRecommendationHold);
  REQUIRE(ledger->put_recommendation(full_recommendation("rec-1"), kAsk, ttl)->opened);

  // A person's no holds for as long as the recommendation would have been kept; policy's is shown with it instead.
  change = full_change("2123456789", ChangeState::approved);
  change.decision.kind = DecisionKind::refused;
  REQUIRE(ledger->insert_change(change, draft("change.propose")));
  REQUIRE(to(ChangeState::rejected, "policy").state == RecommendationState::open);
  change = full_change("3123456789", ChangeState::proposed);
  REQUIRE(ledger->insert_change(change, draft("change.propose")));
  REQUIRE(to(ChangeState::rejected, "not now").reason == "change 31234567 was rejected: not now");
  ledger.clock.advance(ttl - Millis(1));
  REQUIRE(ledger->put_recommendation(full_recommendation("rec-1"), kAsk, ttl)->state == RecommendationState::rejected);
  ledger.clock.advance(Millis(1));
  REQUIRE(ledger->put_recommendation(full_recommendation("rec-1"), kAsk, ttl)->opened);

  // A proposal that nobody answered leaves it open, and a change of a person's own closes nothing.
  change = full_change("4123456789", ChangeState::proposed);
  REQUIRE(ledger->insert_change(change, draft("change.propose")));
  REQUIRE(to(ChangeState::expired).state == RecommendationState::open);
  change = full_change("5123456789", ChangeState::observing);
  change.recommendation_id.clear();
  REQUIRE(ledger->insert_change(change, draft("change.propose")));
  REQUIRE(to(ChangeState::kept).state == RecommendationState::open);
}

TEST_CASE("texts, matview memories and small facts are kept over a restart") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->put_texts({{-5, "SELECT $1"}, {7, "UPDATE t SET a=$1"}}));
  REQUIRE(ledger->set_meta("agent.id", "one"));
  REQUIRE(ledger->set_meta("agent.id", "two"));
  REQUIRE(ledger->set_meta("collector.a", "1"));
  store::MatviewMemory view{4242, from_ms(9), true, 1, 2, 0.5, 0xffffffffffffffffULL, 77, 3, 4};
  REQUIRE(ledger->put_matviews("shop", {view, {1, from_ms(1)}}));
  REQUIRE(ledger->put_matviews("shop", {view}));
  ledger.open();
  REQUIRE(*ledger->texts({-5, 8}) == std::map<std::int64_t, std::string>{{-5, "SELECT $1"}});
  REQUIRE(*ledger->unknown_texts({-5, 8, 7}) == std::vector<std::int64_t>{8});
  REQUIRE(**ledger->get_meta("agent.id") == "two");
  REQUIRE_FALSE(*ledger->get_meta("agent"));
  REQUIRE(ledger->list_meta("agent.")->size() == 1);
  REQUIRE(ledger->list_meta("")->size() == 2);
  const auto views = ledger->matviews("shop");
  REQUIRE(views->size() == 1);
  REQUIRE(views->front().epoch == 0xffffffffffffffffULL);
  REQUIRE(views->front().duration_seconds == 0.5);
  REQUIRE(views->front().last_refresh == from_ms(9));
  REQUIRE(ledger->matviews("crm")->empty());
}
