#include "tests/unit/api/fake_agent_view.hpp"

#include "agent/base/units.hpp"

namespace pgtend::test {

net::TaskResult<api::StatusView> FakeAgentView::status() {
  co_return answer(sample_status());
}

net::TaskResult<std::vector<Finding>> FakeAgentView::findings() {
  co_return answer(std::vector{sample_finding()});
}

net::TaskResult<std::vector<api::RecommendationView>> FakeAgentView::recommendations() {
  co_return answer(std::vector{sample_recommendation()});
}

net::TaskResult<api::RecommendationView> FakeAgentView::recommendation(std::string id) {
  if (id != "r1") co_return fail(Errc::not_found, "no recommendation " + id);
  co_return answer(sample_recommendation());
}

net::TaskResult<std::vector<api::ChangeView>> FakeAgentView::changes(bool open_only, int limit) {
  told.push_back("changes " + std::to_string(open_only) + " " + std::to_string(limit));
  co_return answer(std::vector{sample_change_view()});
}

net::TaskResult<api::ChangeView> FakeAgentView::change(std::string) {
  co_return answer(sample_change_view());
}

net::TaskResult<api::ChangeProgress> FakeAgentView::change_progress(std::string) {
  api::ChangeProgress progress;
  progress.phase = "building index: scanning table";
  progress.ratio = 0.25;
  progress.done = 10;
  progress.total = 40;
  progress.unit = "blocks";
  co_return answer(progress);
}

net::TaskResult<std::vector<Alert>> FakeAgentView::alerts() {
  co_return answer(std::vector{sample_alert()});
}

net::TaskResult<api::AlertExplanation> FakeAgentView::explain_alert(std::string, std::optional<UtcTime>) {
  api::AlertExplanation explanation;
  explanation.alert = sample_alert();
  explanation.at = kThen;
  co_return answer(explanation);
}

net::TaskResult<Silence> FakeAgentView::acknowledge(std::string id, std::optional<UtcTime>, std::string comment,
                                                    std::string actor) {
  told.push_back("acknowledge " + id + " for " + comment + " by " + actor);
  co_return answer(sample_silence());
}

net::TaskResult<std::vector<Silence>> FakeAgentView::silences() {
  co_return answer(std::vector{sample_silence()});
}

net::TaskResult<Silence> FakeAgentView::add_silence(Silence silence, std::string actor) {
  told.push_back("silence " + to_string(silence.matchers) + " by " + actor);
  co_return answer(silence);
}

net::TaskResult<Silence> FakeAgentView::end_silence(std::string id, std::string actor) {
  told.push_back("end silence " + id + " by " + actor);
  co_return answer(sample_silence());
}

net::TaskResult<std::vector<std::string>> FakeAgentView::test_receiver(std::string name, std::string actor) {
  told.push_back("test " + name + " by " + actor);
  co_return answer(std::vector<std::string>{name + "/webhook/0: sent"});
}

net::TaskResult<std::vector<OutboxMessage>> FakeAgentView::notifications(std::string, int) {
  co_return answer(std::vector{OutboxMessage{}});
}

net::TaskResult<std::vector<AuditEntry>> FakeAgentView::audit(std::int64_t from, int limit) {
  told.push_back("audit " + std::to_string(from) + " " + std::to_string(limit));
  co_return answer(std::vector{sample_audit()});
}

net::TaskResult<api::AuditVerification> FakeAgentView::audit_verify() {
  api::AuditVerification verification;
  verification.rows = 7;
  verification.first_bad = 3;
  verification.reason = "the hash does not match";
  co_return answer(verification);
}

net::TaskResult<api::ChangeView> FakeAgentView::approve_recommendation(std::string id, std::string hash,
                                                                       std::string actor) {
  told.push_back("approve recommendation " + id + " " + hash + " by " + actor);
  co_return answer(sample_change_view());
}

net::TaskResult<api::ChangeView> FakeAgentView::approve(std::string id, std::string hash, std::string actor) {
  told.push_back("approve " + id + " " + hash + " by " + actor);
  co_return answer(sample_change_view());
}

net::TaskResult<api::ChangeView> FakeAgentView::reject(std::string id, std::string reason, std::string actor) {
  told.push_back("reject " + id + " for " + reason + " by " + actor);
  co_return answer(sample_change_view());
}

net::TaskResult<api::ChangeView> FakeAgentView::undo(std::string id, std::string actor) {
  told.push_back("undo " + id + " by " + actor);
  co_return answer(sample_change_view());
}

net::TaskResult<api::ChangeView> FakeAgentView::propose(ProposedChange plan, std::string actor) {
  told.push_back("propose " + plan.object + " by " + actor);
  co_return answer(sample_change_view());
}

net::TaskResult<api::FreezeView> FakeAgentView::set_freeze(bool frozen, std::string reason, std::string actor) {
  told.push_back((frozen ? "freeze for " : "thaw for ") + reason + " by " + actor);
  co_return answer(api::FreezeView{frozen, actor, reason, kThen});
}

net::TaskResult<std::optional<store::KnownAnswer>> FakeAgentView::known_answer(std::string key) {
  if (ledger_failure) co_return fail(*ledger_failure);
  const auto found = answers.find(key);
  if (found == answers.end()) co_return std::nullopt;
  co_return found->second;
}

net::TaskResult<bool> FakeAgentView::keep_answer(store::KnownAnswer answer) {
  if (ledger_failure) co_return fail(*ledger_failure);
  answers[answer.key] = answer;
  co_return true;
}

net::TaskResult<bool> FakeAgentView::forget_answer(std::string key) {
  answers.erase(key);
  co_return true;
}

net::TaskResult<std::string> FakeAgentView::migration_history(std::string key) {
  told.push_back("migrations of " + key);
  co_return answer(std::string("[]"));
}

net::TaskResult<std::string> FakeAgentView::note_migrations(std::string key, std::string history,
                                                            std::vector<store::AuditDraft> drafts) {
  told.push_back("note " + std::to_string(drafts.size()) + " of " + key);
  for (const auto& draft : drafts) told.push_back(draft.action + " by " + draft.actor);
  co_return answer(history);
}

net::TaskResult<store::StorageReport> FakeAgentView::history_report() {
  store::StorageReport report;
  report.path = "/var/lib/pgtend/history.db";
  report.version = 2;
  report.max_bytes = 512 << 20;
  report.stats.samples = 42;
  report.tiers.push_back({"raw", Millis(0), Millis(604'800'000), 3, 42, 999, kThen, kThen});
  co_return answer(report);
}

net::TaskResult<store::IntegrityReport> FakeAgentView::history_check() {
  store::IntegrityReport report;
  report.structure = "ok";
  report.blocks = 7;
  report.bad_blocks = 1;
  report.bad_from = report.bad_to = kThen;
  co_return answer(report);
}

net::TaskResult<std::string> FakeAgentView::history_backup(std::string to) {
  told.push_back("backup to " + to);
  co_return answer(to);
}

net::TaskResult<api::QueryResult> FakeAgentView::query(std::string text, UtcTime at, Millis asked_timeout) {
  expr = text;
  timeout = asked_timeout;
  range = {at, at};
  api::QueryResult result;
  result.series = {{Labels{{"__name__", "up"}}, {{at, 1}}}};
  co_return answer(result);
}

net::TaskResult<api::QueryResult> FakeAgentView::query_range(std::string text, TimeRange asked, Millis asked_step,
                                                             Millis asked_timeout) {
  expr = text;
  timeout = asked_timeout;
  range = asked;
  step = asked_step;
  api::QueryResult result;
  result.type = "matrix";
  co_return answer(result);
}

net::TaskResult<std::string> FakeAgentView::format_query(std::string text) {
  co_return answer("(" + text + ")");
}

net::TaskResult<store::SessionReport> FakeAgentView::active_sessions(store::SessionQuestion asked) {
  question = asked;
  store::SessionSummary summary(asked);
  store::SessionTraits waits{"Lock:transactionid", "active", "shop", "app", "web", "client backend", "pid 7", 42};
  summary.add({asked.range.from, asked.range.from + Millis(10'000), Millis(1'000), 10, {{waits, 15}}});
  auto report = summary.finish();
  report.warnings.emplace_back("a right is missing");
  co_return answer(std::move(report));
}

net::TaskResult<api::BlockingView> FakeAgentView::blocking() {
  api::BlockingTreeView tree;
  tree.root.pid = 10;
  tree.root.state = "idle in transaction";
  api::ChainSessionView waiter;
  waiter.pid = 20;
  waiter.relation = "public.t";
  waiter.wait_seconds = 2.5;
  tree.victims.push_back({waiter, 10, 1});
  tree.depth = 1;
  tree.wait_seconds = 2.5;
  co_return answer(api::BlockingView{{tree}, {"a right is missing"}});
}

net::TaskResult<api::BloatView> FakeAgentView::bloat(std::string table, std::string database) {
  co_return answer(api::BloatView{database, "public", table, 1000, 0.5, 10, 400, 2, 100, 300, 0.4});
}

net::TaskResult<std::vector<MetricDef>> FakeAgentView::metrics() {
  co_return answer(std::vector{MetricDef{"pgtend_rows", MetricKind::counter, "", "Rows.", "pg_stat", "pg_rows"},
                               MetricDef{"pgtend_age", MetricKind::gauge, "seconds", "Age.", "pg_stat", ""}});
}

net::TaskResult<std::vector<api::RuleGroupView>> FakeAgentView::rule_groups() {
  api::RuleView alert{{}, "up == 0", "ok", "", {sample_alert()}, std::chrono::microseconds(1500)};
  alert.rule.name = "PgDown";
  alert.rule.hold = Millis(60'000);
  alert.alerts[0].state = AlertState::firing;
  api::RuleView record{{}, "sum(up)", "err", "it broke", {}, std::chrono::microseconds(250)};
  record.rule.kind = RuleKind::record;
  record.rule.name = "up:sum";
  co_return answer(std::vector{api::RuleGroupView{
      "g", "f.yaml", Millis(15'000), 0, rules_evaluated, std::chrono::milliseconds(2), {alert, record}}});
}

net::TaskResult<std::vector<LintFinding>> FakeAgentView::lint_rules(std::vector<api::RuleText> files, Millis since) {
  told_of_rules = std::to_string(files.size()) + " files since " + std::to_string(since.count());
  co_return answer(std::vector{LintFinding{LintSeverity::error, "gauge-in-rate", "g", "R", "f.yaml", 3, "why"}});
}

net::TaskResult<std::vector<ExplainedRule>> FakeAgentView::explain_rule(std::string rule, std::string text) {
  told_of_rules = rule + "|" + text;
  ExplainedRule explained{"g", "R", "f.yaml", 3, {}};
  explained.parts.push_back({0, "up", "instant vector", 1, {{{"up", {}}, {{kThen, 1}}, {}}}, ""});
  co_return answer(std::vector{explained});
}

net::TaskResult<BacktestReport> FakeAgentView::backtest_rules(api::BacktestRequest request) {
  told_of_rules = std::to_string(request.files.size()) + " " + std::to_string(request.against.size()) + " " +
                  request.rule + " " + std::to_string(request.since.count()) + " " +
                  std::to_string(request.step.count()) + (request.sweep ? " sweep" : "") +
                  (request.first > 0 ? " from " + std::to_string(request.first) : "");
  BacktestReport report;
  report.range = {kThen - request.since, kThen};
  report.rules.emplace_back().rule = "R";
  if (request.first == 0) report.next = 7;
  co_return answer(report);
}

net::TaskResult<api::HistoryPage> FakeAgentView::history_page(std::vector<std::string> asked, TimeRange asked_range,
                                                              std::optional<api::PageCursor> cursor) {
  selectors = std::move(asked);
  range = asked_range;
  page_cursor = std::move(cursor);
  co_return answer(page);
}

net::TaskResult<std::vector<SeriesKey>> FakeAgentView::history_series(std::vector<std::string> asked, TimeRange) {
  selectors = std::move(asked);
  co_return answer(std::vector{SeriesKey{"up", Labels{{"datname", "shop"}}}});
}

net::TaskResult<PolicyReport> FakeAgentView::policy_report() {
  PolicyReport out;
  PolicyRule rule;
  rule.name = "nightly";
  rule.mode = PolicyMode::automatic;
  BudgetReport budget;
  budget.budget.wal_bytes = 1 << 30;
  budget.budget.replica_lag = Millis(5'000);
  budget.spent.seconds = 12.5;
  budget.next = kThen;
  out.rules.push_back({rule, budget});
  out.windows.push_back({{"night", "UTC", {1, 0}, 150, 180}, std::nullopt, kThen});
  ClassReport index;
  index.action = ActionClass::create_index;
  index.record.median_error = 0.25;
  out.classes.push_back(index);
  co_return answer(out);
}

net::TaskResult<PolicySimulation> FakeAgentView::simulate_policy(api::PolicyQuestion asked) {
  auto line = "simulate " + asked.id;
  if (asked.action)
    line += std::string(to_string(*asked.action)) + " of " + asked.object + " in " + asked.database + ", " +
            std::to_string(asked.cost.bytes) + " bytes, " + std::string(to_string(asked.risk));
  if (!asked.policy.text.empty()) line += " by " + asked.policy.file;
  told.push_back(line);
  PolicySimulation out;
  out.decision = {DecisionKind::automatic, "window night", "closed", kThen};
  out.limits.push_back({"window night", false, "closed", kThen});
  out.could_run_at = kThen;
  co_return answer(out);
}

net::TaskResult<PolicyBacktest> FakeAgentView::backtest_policy(api::PolicyText policy, Millis since) {
  told.push_back("backtest " + policy.file + " over " + format_duration(since));
  PolicyBacktest out;
  out.undone = 1;
  PolicyBacktestRow row;
  row.past.verdict = VerdictKind::regressed;
  row.ran_at = kThen;
  out.rows.push_back(row);
  PolicyBacktestClass sum;
  sum.waited = 2;
  out.classes.push_back(sum);
  co_return answer(out);
}

net::TaskResult<std::string> FakeAgentView::change_proof(std::string id) {
  co_return answer("{ \"proof\" : \"" + id + "\" }\n");
}

}  // namespace pgtend::test
