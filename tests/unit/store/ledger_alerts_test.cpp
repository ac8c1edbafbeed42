#include <ctime>
#include <map>
#include <set>

#include "tests/unit/store/ledger_support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

Alert alert(const std::string& name, AlertState state) {
  Alert a;
  a.rule = name;
  a.group = "g";
  a.labels = Labels{{"alertname", name}, {"severity", "critical"}};
  a.annotations = {{"summary", "it is down"}};
  a.state = state;
  a.value = std::numeric_limits<double>::quiet_NaN();
  a.resolved_value = 0.5;
  a.active_at = from_ms(1);
  a.fired_at = from_ms(2);
  a.last_seen_at = from_ms(3);
  a.unknown = true;
  a.evidence = "up == 0";
  return a;
}

OutboxMessage message(const std::string& key, const std::string& kind, std::string body = "{}") {
  OutboxMessage m;
  m.receiver = "hook";
  m.group_key = key;
  m.dedup_key = "d-" + key;
  m.kind = kind;
  m.body = std::move(body);
  m.created_at = from_ms(100);
  m.not_before = from_ms(100);
  return m;
}

}  // namespace

TEST_CASE("alerts are restored exactly, and forgotten when inactive") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  auto firing = alert("PgDown", AlertState::firing);
  REQUIRE(ledger->save_alerts({firing, alert("Lag", AlertState::pending)}, {}));
  ledger.open();
  auto loaded = ledger->load_alerts();
  REQUIRE(loaded->size() == 2);
  const auto& back = (*loaded)[1];
  REQUIRE(back.rule == "PgDown");
  REQUIRE(back.labels == firing.labels);
  REQUIRE(back.annotations == firing.annotations);
  REQUIRE(back.state == AlertState::firing);
  REQUIRE(std::isnan(back.value));
  REQUIRE(back.resolved_value == 0.5);
  REQUIRE(back.fired_at == from_ms(2));
  REQUIRE_FALSE(back.resolved_at);
  REQUIRE((back.unknown && back.evidence == "up == 0"));
  firing.state = AlertState::resolved;
  REQUIRE(ledger->save_alerts({firing}, {}));
  REQUIRE(ledger->save_alerts({firing}, {}));
  firing.state = AlertState::inactive;
  REQUIRE(ledger->save_alerts({firing}, {}));
  REQUIRE(ledger->load_alerts()->size() == 1);
  const auto history = ledger->alert_history(10);
  std::string states;
  for (const auto& event : *history) states += std::string(to_string(event.alert.state)) + " ";
  REQUIRE(states == "inactive resolved pending firing ");
}

TEST_CASE("a newer message supersedes an unsent older one of its key only") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->save_alerts({}, {message("a", "firing"), message("b", "firing")}));
  REQUIRE(ledger->save_alerts({}, {message("a", "resolved")}));
  const auto claimed = ledger->claim(from_ms(200), 10);
  REQUIRE(claimed->size() == 2);
  REQUIRE((*claimed)[0].group_key == "b");
  REQUIRE((*claimed)[1].kind == "resolved");
  REQUIRE((*claimed)[1].attempts == 1);
  REQUIRE((*claimed)[1].dedup_key == "d-a");
  REQUIRE(ledger->outbox_stats()->superseded == 1);
  REQUIRE(ledger->claim(from_ms(200), 10)->empty());
}

TEST_CASE("what takes the place of a message has waited as long, so that a deaf receiver is seen to be late") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->save_alerts({}, {message("a", "firing")}));
  const auto first = ledger->claim(from_ms(100), 10)->front();
  auto again = message("a", "firing");
  again.created_at = again.not_before = from_ms(60'000);
  REQUIRE(ledger->save_alerts({}, {again}));
  REQUIRE(ledger->mark_failed(first.id, "503", from_ms(101)));
  REQUIRE(ledger->outbox_stats()->queued == 1);
  REQUIRE(ledger->outbox_stats()->oldest == from_ms(100));
  again.kind = "digest";
  again.group_key = "all";
  again.sequence = 9;
  again.created_at = from_ms(90'000);
  auto other = message("b", "firing");
  other.sequence = 8;
  other.created_at = from_ms(50);
  REQUIRE(ledger->save_alerts({}, {other}));
  REQUIRE(ledger->save_alerts({}, {again}));
  REQUIRE(ledger->outbox_list("queued", 10)->at(0).created_at == from_ms(50));
  // Nobody waits for what was taken.
  const auto taken = ledger->claim(from_ms(100'000), 10);
  REQUIRE(taken);
  for (const auto& one : *taken) REQUIRE(ledger->mark_sent(one.id));
  again.created_at = from_ms(200'000);
  REQUIRE(ledger->save_alerts({}, {again}));
  REQUIRE(ledger->outbox_stats()->oldest == from_ms(200'000));
}

TEST_CASE("one message of a key is in flight, and the newer waits for its end") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->save_alerts({}, {message("a", "firing")}));
  const auto first = ledger->claim(from_ms(200), 10)->front();
  REQUIRE(ledger->save_alerts({}, {message("a", "resolved")}));
  REQUIRE(ledger->claim(from_ms(200), 10)->empty());
  REQUIRE(ledger->outbox_stats()->queued == 2);
  REQUIRE(ledger->outbox_stats()->in_flight == 1);
  SECTION("sent: the newer goes next") {
    REQUIRE(ledger->mark_sent(first.id));
    REQUIRE(ledger->claim(from_ms(200), 10)->front().kind == "resolved");
    REQUIRE(ledger->mark_sent(first.id).error().code == Errc::not_found);
  }
  SECTION("failed: the newer supersedes it") {
    REQUIRE(ledger->mark_failed(first.id, "503", from_ms(201)));
    const auto next = ledger->claim(from_ms(300), 10);
    REQUIRE(next->size() == 1);
    REQUIRE(next->front().kind == "resolved");
  }
  SECTION("its sender is gone: after the lease the newer supersedes it") {
    REQUIRE(ledger->claim(from_ms(200) + store::kOutboxLease - Millis(1), 10)->empty());
    REQUIRE(ledger->claim(from_ms(200) + store::kOutboxLease, 10)->front().kind == "resolved");
  }
  SECTION("the agent restarted: nothing is in flight") {
    ledger.open();
    REQUIRE(ledger->claim(from_ms(200), 10)->front().kind == "resolved");
  }
}

TEST_CASE("whether a message may wait is known without asking the file") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  // Nobody has looked yet.
  REQUIRE(ledger->may_have_queued());
  REQUIRE(ledger->claim(from_ms(200), 10)->empty());
  REQUIRE_FALSE(ledger->may_have_queued());
  REQUIRE(ledger->save_alerts({}, {message("a", "firing")}));
  REQUIRE(ledger->may_have_queued());
  const auto first = ledger->claim(from_ms(200), 10)->front();
  REQUIRE(ledger->may_have_queued());
  REQUIRE(ledger->mark_failed(first.id, "503", from_ms(900)));
  // It waits, though it is not due.
  REQUIRE(ledger->claim(from_ms(300), 10)->empty());
  REQUIRE(ledger->may_have_queued());
  REQUIRE(ledger->mark_dead(ledger->claim(from_ms(900), 10)->front().id, "410", {message("b", "firing")}));
  REQUIRE(ledger->claim(from_ms(900), 10)->size() == 1);
  REQUIRE(ledger->may_have_queued());
  ledger.open();
  REQUIRE(ledger->may_have_queued());
}

TEST_CASE("a failed message comes again when it is due, a dead one never") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->save_alerts({}, {message("a", "firing"), message("b", "firing")}));
  const auto claimed = ledger->claim(from_ms(100), 10);
  REQUIRE(ledger->mark_failed((*claimed)[0].id, "connect refused", from_ms(5'000)));
  REQUIRE(ledger->mark_dead((*claimed)[1].id, "404"));
  REQUIRE(ledger->claim(from_ms(4'999), 10)->empty());
  const auto again = ledger->claim(from_ms(5'000), 10);
  REQUIRE(again->size() == 1);
  REQUIRE(again->front().attempts == 2);
  REQUIRE(again->front().last_error == "connect refused");
  const auto stats = ledger->outbox_stats();
  REQUIRE(stats->dead == 1);
  REQUIRE(stats->refused == 1);
  REQUIRE(stats->oldest == from_ms(100));
  // What is told of is the growth of this number, which a restart may not set back.
  ledger.open();
  REQUIRE(ledger->outbox_stats()->refused == 1);
}

TEST_CASE("a full spool drops info before warning, oldest first, and never what is critical") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  std::vector<OutboxMessage> many;
  for (std::int64_t i = 0; i < store::kOutboxMaxQueued + 3; ++i) {
    many.push_back(message("k" + std::to_string(i), "firing"));
    many.back().urgency = i == 0 ? Urgency::critical : i == 7 ? Urgency::info : Urgency::warning;
  }
  REQUIRE(ledger->save_alerts({}, many));
  const auto stats = ledger->outbox_stats();
  REQUIRE(stats->queued == store::kOutboxMaxQueued);
  REQUIRE(stats->dropped == 3);
  // Told to the receiver by its next message.
  const auto by_receiver = ledger->list_meta("outbox.dropped.");
  REQUIRE(by_receiver);
  REQUIRE(by_receiver->size() == 1);
  REQUIRE(by_receiver->begin()->second == "3");
  std::set<std::string> dropped;
  const auto dead = ledger->outbox_list("dead", 10);
  REQUIRE(dead);
  for (const auto& each : *dead) dropped.insert(each.group_key);
  REQUIRE(dropped == std::set<std::string>{"k1", "k2", "k7"});
  const auto first = ledger->claim(from_ms(200), 2);
  REQUIRE((*first)[0].group_key == "k0");
}

TEST_CASE("a spool of critical messages alone is kept whole, and critical ones leave first") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  std::vector<OutboxMessage> many{message("late", "firing")};
  for (std::int64_t i = 0; i < store::kOutboxMaxQueued + 5; ++i) {
    many.push_back(message("k" + std::to_string(i), "firing"));
    many.back().urgency = Urgency::critical;
  }
  REQUIRE(ledger->save_alerts({}, many));
  REQUIRE(ledger->outbox_stats()->queued == store::kOutboxMaxQueued + 5);
  REQUIRE(ledger->outbox_list("dead", 10)->at(0).group_key == "late");
  // Asked every second while a receiver is down: 0.1 s of CPU here, 30 s when each message was compared with each.
  const auto before = std::clock();
  REQUIRE(ledger->claim(from_ms(200), 1)->at(0).group_key == "k0");
  REQUIRE(std::clock() - before < 5 * CLOCKS_PER_SEC);
}

TEST_CASE("a receiver gets no more than its allowance, and what expired is given up") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  auto old = message("old", "resolved");
  old.expires_at = from_ms(150);
  auto other = message("other", "firing");
  other.receiver = "mail";
  REQUIRE(ledger->save_alerts({}, {message("a", "firing"), message("b", "firing"), old, other}));
  const auto claimed = ledger->claim(from_ms(200), 10, {{"hook", 1}, {"mail", 5}});
  REQUIRE(claimed->size() == 2);
  REQUIRE((*claimed)[0].group_key == "a");
  REQUIRE((*claimed)[1].group_key == "other");
  REQUIRE(ledger->outbox_list("dead", 10)->at(0).group_key == "old");
  REQUIRE(ledger->outbox_stats()->expired == 1);
  REQUIRE(ledger->claim(from_ms(200), 10, {{"hook", 0}})->empty());
}

TEST_CASE("a wall clock that was set back holds no message and no lease up") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const auto far = from_ms(1'000'000'000);
  auto later = message("later", "firing");
  later.not_before = far;
  REQUIRE(ledger->save_alerts({}, {message("leased", "firing"), later}));
  REQUIRE(ledger->claim(far - Millis(60'000), 1)->at(0).group_key == "leased");
  const auto claimed = ledger->claim(from_ms(1'000), 10);
  REQUIRE(claimed->size() == 2);
}

TEST_CASE("groups, flapping, sequence and silences come back as they were") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  AlertGroup group;
  group.key = "{}:{alertname=\"PgDown\"}";
  group.route = "{}";
  group.labels = Labels{{"alertname", "PgDown"}};
  group.next_flush = from_ms(5);
  group.flushed = true;
  group.firing_since = from_ms(6);
  group.escalated = 1;
  const auto firing = alert("PgDown", AlertState::firing);
  const auto id = fingerprint(firing.labels);
  auto& entry = group.alerts[id];
  entry.alert = firing;
  entry.ended = {{from_ms(1), from_ms(2)}};
  entry.more_ended = 3;
  entry.held_resolve = alert("PgDown", AlertState::resolved);
  entry.release_at = from_ms(9);
  entry.digested = true;
  auto& told = group.told["oncall/slack/0"];
  told.firing = {id};
  told.last_at = from_ms(7);
  told.sequence = 41;
  told.unsent[id] = {firing, {{from_ms(1), std::nullopt}}, 2, true};
  store::DispatchChange change;
  change.saved = {group};
  change.flaps[id] = {{from_ms(1), from_ms(3)}, true, from_ms(3)};
  change.sequence = 41;
  REQUIRE(ledger->save_alerts({}, {}, change));
  Silence silence;
  silence.id = "abc";
  silence.matchers = {*Matcher::make("alertname", MatchOp::regex, "Pg\"x.*")};
  silence.starts_at = from_ms(1);
  silence.until_resolved = true;
  silence.created_by = "ann";
  REQUIRE(ledger->put_silence(silence, draft("silence.add", "abc")));
  ledger.open();
  const auto state = ledger->load_dispatch();
  REQUIRE(state);
  REQUIRE(state->sequence == 41);
  REQUIRE(state->flaps.at(id).transitions.size() == 2);
  REQUIRE(state->flaps.at(id).firing);
  const auto& back = state->groups.at(group.key);
  REQUIRE((back.route == "{}" && back.flushed && back.escalated == 1 && back.firing_since == from_ms(6)));
  REQUIRE(back.alerts.at(id).ended == entry.ended);
  REQUIRE(back.alerts.at(id).held_resolve->state == AlertState::resolved);
  REQUIRE((back.alerts.at(id).release_at == from_ms(9) && back.alerts.at(id).digested));
  REQUIRE(back.told.at("oncall/slack/0").firing == std::set<std::uint64_t>{id});
  REQUIRE(back.told.at("oncall/slack/0").unsent.at(id).earlier.at(0).fired_at == from_ms(1));
  REQUIRE(back.told.at("oncall/slack/0").unsent.at(id).flapping);
  const auto silences = ledger->silences();
  REQUIRE(silences->size() == 1);
  REQUIRE(silences->at(0).matchers.at(0).matches("Pg\"xyz"));
  REQUIRE((silences->at(0).until_resolved && !silences->at(0).ends_at));
  store::DispatchChange over;
  over.ended = {group.key};
  REQUIRE(ledger->save_alerts({}, {}, over));
  REQUIRE(ledger->load_dispatch()->groups.empty());
}

TEST_CASE("whatever the faults, the last message of every key arrives, in order and never two at a time") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  const auto pick = [&](unsigned n) { return random() % n; };
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  std::map<std::string, int> newest, received;
  std::map<std::int64_t, OutboxMessage> in_flight;
  auto now = from_ms(1'000);
  const auto settle = [&](const OutboxMessage& sent) {
    if (pick(3) == 0) {
      REQUIRE(ledger->mark_failed(sent.id, "503", now + Millis(pick(500))));
      return;
    }
    const int number = std::stoi(sent.body);
    REQUIRE(number > received[sent.group_key]);
    received[sent.group_key] = number;
    REQUIRE(ledger->mark_sent(sent.id));
  };
  for (int step = 0; step < 250; ++step) {
    now += Millis(pick(300));
    const auto key = "k" + std::to_string(pick(4));
    switch (pick(4)) {
      case 0: {
        auto m = message(key, "firing", std::to_string(++newest[key]));
        REQUIRE(ledger->save_alerts({}, {m}));
        break;
      }
      case 1: {
        const auto claimed = ledger->claim(now, 1 + pick(3));
        REQUIRE(claimed);
        for (const auto& m : *claimed) in_flight[m.id] = m;
        std::set<std::string> keys;
        for (const auto& [id, m] : in_flight) REQUIRE(keys.insert(m.group_key).second);
        break;
      }
      case 2:
        if (in_flight.empty()) break;
        settle(in_flight.begin()->second);
        in_flight.erase(in_flight.begin());
        break;
      default:
        // A restart forgets what was in flight, with the answers that were not yet recorded.
        if (pick(10) != 0) break;
        in_flight.clear();
        ledger.open();
    }
  }
  for (const auto& [id, m] : in_flight) settle(m);
  for (int round = 0; round < 200; ++round) {
    now += Millis(1'000);
    const auto claimed = ledger->claim(now, 10);
    for (const auto& m : *claimed) settle(m);
  }
  for (const auto& [key, number] : newest) {
    CAPTURE(key);
    REQUIRE(received[key] == number);
  }
}
