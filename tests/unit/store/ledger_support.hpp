#pragma once

#include "agent/store/ledger.hpp"
#include "tests/unit/store/support.hpp"

namespace pgtend::test {

struct OpenLedger {
  explicit OpenLedger(const std::string& path) : file(path) { open(); }
  void open() {
    ledger.reset();
    auto opened = store::Ledger::open(file, clock);
    INFO((opened ? std::string() : opened.error().describe()));
    REQUIRE(opened);
    ledger = std::move(*opened);
  }
  store::Ledger* operator->() const { return ledger.get(); }
  std::string file;
  FakeClock clock;
  std::unique_ptr<store::Ledger> ledger;
};

inline store::AuditDraft draft(std::string action, std::string subject = "x") {
  return {"agent", std::move(action), std::move(subject), "a", "b", "ok"};
}

// A change with every field set, so that a lost one shows.
inline Change full_change(const std::string& id, ChangeState state = ChangeState::proposed) {
  Change c;
  c.id = id;
  c.recommendation_id = "rec-1";
  c.plan.action = ActionClass::create_index;
  c.plan.kind = ChangeKind::index;
  c.plan.system_identifier = "7300000000000000001";
  c.plan.database = "shop";
  c.plan.object = "public.orders";
  c.plan.run_as_role = "owner";
  c.plan.sql_up = {"CREATE INDEX CONCURRENTLY \"i\" ON \"public\".\"orders\" (\"a\")"};
  c.plan.sql_down = {"DROP INDEX CONCURRENTLY \"i\""};
  c.plan.detail = IndexChange{"public", "i", "orders", {"a", "b"}, {"c"}, "btree", false, "CREATE INDEX i …"};
  c.plan.lock = LockLevel::share_update_exclusive;
  c.plan.cost = {8192, 1.25, 4096};
  c.plan.target_statements = {-9223372036854775807LL - 1, 42};
  c.plan.target_tables = {"public.orders"};
  c.plan_hash = "abc";
  c.state = state;
  c.decision = {DecisionKind::needs_approval, "rule night", "because", from_ms(5)};
  c.proposed_by = "missing_index";
  c.approved_by = "person:ann";
  c.attempt = 2;
  c.backend_pid = 4711;
  c.backend_start = from_ms(6);
  c.evidence_before = R"({"calls":1})";
  c.evidence_after = R"({"calls":2})";
  c.verdict = Verdict{VerdictKind::regressed,
                      from_ms(7),
                      from_ms(8),
                      from_ms(9),
                      std::nullopt,
                      10,
                      11,
                      std::numeric_limits<double>::infinity(),
                      0.0625,
                      "welch",
                      "buffers per call",
                      "it got worse"};
  c.last_error = "none";
  c.created_at = from_ms(12);
  c.updated_at = from_ms(13);
  c.applied_at = from_ms(14);
  c.observe_until = from_ms(15);
  c.expires_at = from_ms(17);
  c.spent = CostEstimate{12'288, 3.5, 65'536};
  return c;
}

inline Recommendation full_recommendation(const std::string& id) {
  Recommendation r;
  r.id = id;
  r.advisor = "missing_index";
  r.finding = {"f-1",
               "missing_index",
               "main",
               "shop",
               "public.orders",
               Severity::critical,
               "one sentence",
               {{"calls per minute", 1240.5, "1/min", "pg_stat_statements"}, {"odd", std::nan(""), "ratio", ""}},
               from_ms(1)};
  r.change = full_change("unused").plan;
  r.effect = {"buffers per call", 100, 3, 2, 5, "blocks", "hypopg"};
  r.risk = Risk::medium;
  r.refused = {{"partial index", "the predicate varies"}};
  r.made_at = from_ms(2);
  return r;
}

}  // namespace pgtend::test
