#include "agent/store/ledger_json.hpp"
#include "tests/unit/store/ledger_support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

std::string form(const Change& change) {
  return store::dump(store::to_json(change));
}

}  // namespace

TEST_CASE("a change is read back with every field, whatever its kind") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const auto first = full_change("c-1");
  REQUIRE(ledger->insert_change(first, draft("change.propose")));
  ledger.open();
  const auto read = ledger->get_change("c-1");
  REQUIRE(read);
  REQUIRE(form(*read) == form(first));
  REQUIRE(read->plan.target_statements == first.plan.target_statements);
  REQUIRE(read->plan.cost.wal_bytes == 4096);
  REQUIRE(read->plan.lock == LockLevel::share_update_exclusive);
  REQUIRE(std::get<IndexChange>(read->plan.detail).key_columns == std::vector<std::string>{"a", "b"});
  REQUIRE(std::get<IndexChange>(read->plan.detail).include_columns == std::vector<std::string>{"c"});
  REQUIRE(read->backend_pid == 4711);
  REQUIRE(read->verdict->effect == std::numeric_limits<double>::infinity());
  REQUIRE(read->verdict->after_from == from_ms(9));
  REQUIRE_FALSE(read->verdict->after_to);
  REQUIRE(read->decision.not_before == from_ms(5));
  REQUIRE_FALSE(read->not_before);
  REQUIRE(read->expires_at == from_ms(17));
  REQUIRE(read->spent);
  REQUIRE(read->spent->bytes == 12'288);
  REQUIRE(read->spent->seconds == 3.5);
  REQUIRE(read->spent->wal_bytes == 65'536);

  auto other = full_change("c-2");
  other.plan.kind = ChangeKind::setting;
  other.plan.detail = SettingChange{"work_mem", "64MB", "kB", "app", "", "", std::nullopt};
  other.verdict.reset();
  other.backend_pid.reset();
  REQUIRE(ledger->insert_change(other, draft("change.propose")));
  const auto setting = ledger->get_change("c-2");
  REQUIRE(form(*setting) == form(other));
  REQUIRE(std::get<SettingChange>(setting->plan.detail).role == "app");
  REQUIRE_FALSE(std::get<SettingChange>(setting->plan.detail).previous);
  REQUIRE_FALSE(setting->verdict);
  std::get<SettingChange>(other.plan.detail).previous = "4MB";
  other.id = "c-3";
  REQUIRE(ledger->insert_change(other, draft("change.propose")));
  REQUIRE(std::get<SettingChange>(ledger->get_change("c-3")->plan.detail).previous == "4MB");
  other.id = "c-4";
  other.plan.detail = RefreshChange{"public", "sales", true};
  REQUIRE(ledger->insert_change(other, draft("change.propose")));
  REQUIRE(std::get<RefreshChange>(ledger->get_change("c-4")->plan.detail).concurrently);
  other.id = "c-5";
  other.plan.detail = MaintenanceChange{"public", "orders", true, false};
  REQUIRE(ledger->insert_change(other, draft("change.propose")));
  const auto maintenance = std::get<MaintenanceChange>(ledger->get_change("c-5")->plan.detail);
  REQUIRE((maintenance.vacuum && !maintenance.analyze && maintenance.table == "orders"));
}

TEST_CASE("every state of a change survives, by its name") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  for (int i = 0; i <= static_cast<int>(ChangeState::expired); ++i) {
    const auto state = static_cast<ChangeState>(i);
    const auto id = "c-" + std::to_string(100 + i);
    REQUIRE(ledger->insert_change(full_change(id, state), draft("change.propose")));
    REQUIRE(ledger->get_change(id)->state == state);
    REQUIRE(ledger->list_changes({state, false}, 10)->size() == 1);
  }
  REQUIRE(ledger->list_changes({std::nullopt, false}, 100)->size() == 15);
  REQUIRE(ledger->list_changes({std::nullopt, true}, 100)->size() == 9);
  REQUIRE(ledger->list_changes({}, 3)->size() == 3);
}

TEST_CASE("a transition happens only from the expected state, and leaves nothing when it does not") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  auto change = full_change("c-1");
  REQUIRE(ledger->insert_change(change, draft("change.propose", "c-1")));
  change.state = ChangeState::approved;
  REQUIRE(ledger->transition(change, ChangeState::proposed, draft("change.approve", "c-1")));
  change.state = ChangeState::rejected;
  const auto late = ledger->transition(change, ChangeState::proposed, draft("change.reject", "c-1"));
  REQUIRE_FALSE(late);
  REQUIRE(late.error().code == Errc::conflict);
  REQUIRE_THAT(late.error().describe(), ContainsSubstring("is approved, not proposed"));
  REQUIRE(ledger->get_change("c-1")->state == ChangeState::approved);
  const auto audited = ledger->audit_list(1, 10);
  REQUIRE(audited->size() == 2);
  REQUIRE(audited->back().action == "change.approve");
  change.id = "c-2";
  REQUIRE(ledger->transition(change, ChangeState::proposed, draft("x")).error().code == Errc::not_found);
  REQUIRE(ledger->insert_change(full_change("c-1"), draft("again")).error().code == Errc::conflict);
  REQUIRE(ledger->audit_list(1, 10)->size() == 2);
  REQUIRE(ledger->audit_verify()->ok);
}

TEST_CASE("a change is found by a unique prefix of its id") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  for (const auto* id : {"abc1", "abd", "ab", "a%"}) REQUIRE(ledger->insert_change(full_change(id), draft("p")));
  REQUIRE(ledger->get_change("abc")->id == "abc1");
  REQUIRE(ledger->get_change("ab")->id == "ab");
  REQUIRE(ledger->get_change("a%")->id == "a%");
  REQUIRE(ledger->get_change("a").error().code == Errc::conflict);
  REQUIRE(ledger->get_change("x").error().code == Errc::not_found);
  REQUIRE(ledger->get_change("").error().code == Errc::not_found);
}

TEST_CASE("policy sees what was executed, what is in flight and the freeze") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const auto add = [&](const char* id, ChangeState state, std::int64_t at, const char* database) {
    auto change = full_change(id, state);
    change.updated_at = from_ms(at);
    change.applied_at = from_ms(at - 10);
    change.plan.database = database;
    REQUIRE(ledger->insert_change(change, draft("p")));
  };
  add("kept", ChangeState::kept, 1'000, "a");
  add("reverted", ChangeState::reverted, 2'000, "b");
  add("old", ChangeState::kept, 100, "c");
  add("observing", ChangeState::observing, 3'000, "d");
  add("proposed", ChangeState::proposed, 4'000, "e");
  add("approved", ChangeState::approved, 5'000, "f");
  add("rejected", ChangeState::rejected, 6'000, "g");
  auto past = ledger->policy_past(from_ms(500));
  REQUIRE(past);
  REQUIRE(past->changes.size() == 3);
  REQUIRE(past->changes[0].database == "a");
  REQUIRE(past->changes[0].at == from_ms(1'000));
  REQUIRE(past->changes[0].rule == "night");
  REQUIRE(past->changes[0].spent.bytes == 12'288);
  REQUIRE(past->changes[0].spent.seconds == 3.5);
  REQUIRE_FALSE(past->changes[0].undone);
  REQUIRE(past->changes[1].undone);
  REQUIRE(past->changes[2].at == from_ms(2'990));
  REQUIRE(past->in_flight == std::vector<std::string>{"d", "f"});
  REQUIRE_FALSE(past->frozen);
  REQUIRE(ledger->policy_past(from_ms(0), "approved")->in_flight == std::vector<std::string>{"d"});
  REQUIRE(ledger->policy_past(from_ms(500), "", [](const ProposedChange& p) { return p.object; })->changes[0].rule ==
          "public.orders");
  REQUIRE(ledger->set_freeze(true, "person:ann", "incident"));
  past = ledger->policy_past(from_ms(500));
  REQUIRE(past->frozen);
  REQUIRE(past->frozen_by == "person:ann");
}

TEST_CASE("a change whose cost nobody measured is charged as it was estimated") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  auto change = full_change("kept", ChangeState::kept);
  change.spent.reset();
  REQUIRE(ledger->insert_change(change, draft("p")));
  REQUIRE_FALSE(ledger->get_change("kept")->spent);
  const auto past = ledger->policy_past(from_ms(0));
  REQUIRE(past->changes.at(0).spent.bytes == 8192);
  REQUIRE(past->changes.at(0).spent.seconds == 1.25);
}

TEST_CASE("the record of a class is made of measured verdicts that ended, and of what was predicted") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  const auto add = [&](const char* id, ChangeState state, VerdictKind kind, double effect, const char* notes) {
    auto change = full_change(id, state);
    change.plan.action = ActionClass::create_index;
    change.evidence_before = notes;
    change.verdict->kind = kind;
    change.verdict->effect = effect;
    change.verdict->windows_before = change.verdict->windows_after = 60;
    REQUIRE(ledger->insert_change(change, draft("p")));
  };
  add("a", ChangeState::kept, VerdictKind::improved, -0.5, R"({"predicted_effect":-0.6})");
  add("b", ChangeState::kept, VerdictKind::improved, -0.5, R"({"predicted_effect":-0.9})");
  add("c", ChangeState::reverted, VerdictKind::regressed, 0.5, R"({"predicted_effect":-0.9})");
  add("d", ChangeState::kept, VerdictKind::insufficient, 0, R"({"predicted_effect":-0.9})");
  add("e", ChangeState::observing, VerdictKind::improved, -0.9, "{}");
  add("f", ChangeState::kept, VerdictKind::improved, -0.9, "not JSON");
  auto catalog = full_change("g", ChangeState::kept);
  catalog.plan.action = ActionClass::create_index;
  catalog.verdict = Verdict{};
  catalog.verdict->kind = VerdictKind::improved;
  REQUIRE(ledger->insert_change(catalog, draft("p")));
  const auto past = ledger->policy_past(from_ms(0));
  REQUIRE(past->records.size() == 1);
  const auto& record = past->records.at(ActionClass::create_index);
  CHECK(record.verdicts == 4);
  CHECK(record.right == 3);
  CHECK(record.undone == 1);
  REQUIRE(record.median_error);
  CHECK(*record.median_error == Approx(0.4));
}

TEST_CASE("the freeze switch is kept, explained and audited") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE_FALSE(ledger->freeze_state()->frozen);
  REQUIRE(ledger->set_freeze(true, "person:ann", "incident 7"));
  ledger.open();
  const auto state = ledger->freeze_state();
  REQUIRE(state->frozen);
  REQUIRE(state->by == "person:ann");
  REQUIRE(state->reason == "incident 7");
  REQUIRE(state->since == ledger.clock.now());
  REQUIRE(ledger->set_freeze(false, "person:bob", ""));
  REQUIRE_FALSE(ledger->freeze_state()->frozen);
  const auto audited = ledger->audit_list(1, 10);
  REQUIRE(audited->size() == 2);
  REQUIRE((*audited)[0].action == "freeze.on");
  REQUIRE((*audited)[1].action == "freeze.off");
  REQUIRE((*audited)[1].before == "on");
}
