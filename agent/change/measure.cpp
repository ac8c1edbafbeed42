#include "agent/change/measure.hpp"

#include "agent/change/verify/evidence_text.hpp"

namespace pgtend::change {
namespace {

// Texts are asked for the heaviest statements only; the tail is neither target nor control.
constexpr std::size_t kTexts = 200;

net::TaskResult<std::map<std::int64_t, StatementTotals>> totals_before(CorePtr core, std::string database) {
  const UtcTime now = core->parts.clock.now();
  const TimeRange range{now - core->options.verify.before, now};
  const auto window = core->options.verify.window;
  auto job = [open = core->parts.history, database = std::move(database), range,
              window]() -> Result<std::map<std::int64_t, StatementTotals>> {
    auto reader = open();
    if (!reader) return fail(std::move(reader.error()));
    return statement_totals(**reader, database, range, window);
  };
  auto totals = co_await net::run_on(core->parts.blocking, std::move(job));
  co_return totals;
}

std::vector<std::int64_t> heaviest(const std::map<std::int64_t, StatementTotals>& totals) {
  std::vector<std::pair<double, std::int64_t>> order;
  for (const auto& [id, each] : totals) order.emplace_back(-each.counts.exec_ms, id);
  std::sort(order.begin(), order.end());
  std::vector<std::int64_t> out;
  for (const auto& [load, id] : order)
    if (out.size() < kTexts) out.push_back(id);
  return out;
}

}  // namespace

net::TaskResult<StatementSets> choose_statements(CorePtr core, ProposedChange plan) {
  Candidates candidates;
  candidates.touching = plan.target_statements;
  if (core->parts.statements_touching)
    for (const auto id : core->parts.statements_touching(plan)) candidates.touching.push_back(id);
  candidates.target_tables = plan.target_tables;
  if (const auto* setting = std::get_if<SettingChange>(&plan.detail)) candidates.role = setting->role;
  auto totals = co_await totals_before(core, plan.database);
  if (!totals) co_return fail(std::move(totals.error()), "choose statements");
  candidates.totals = std::move(*totals);
  auto job = [ids = heaviest(candidates.totals)](store::Ledger& ledger) { return ledger.texts(ids); };
  auto texts = co_await with_ledger(core, std::move(job));
  if (!texts) co_return fail(std::move(texts.error()), "choose statements");
  candidates.texts = std::move(*texts);
  co_return choose_sets(candidates);
}

net::TaskResult<Measured> measure(CorePtr core, std::string database, StatementSets sets, UtcTime intent,
                                  UtcTime applied) {
  const UtcTime now = core->parts.clock.now();
  const auto options = core->options.verify;
  auto job = [open = core->parts.history, database = std::move(database), sets = std::move(sets), intent, applied, now,
              options]() -> Result<Measured> {
    auto reader = open();
    if (!reader) return fail(std::move(reader.error()));
    std::vector<std::int64_t> ids = sets.targets;
    ids.insert(ids.end(), sets.controls.begin(), sets.controls.end());
    auto before = statement_windows(**reader, database, ids, {intent - options.before, intent}, options.window);
    if (!before) return fail(std::move(before.error()));
    auto after = statement_windows(**reader, database, ids, {applied + options.warm_up, now}, options.window);
    if (!after) return fail(std::move(after.error()));
    Measured out;
    const VerdictEvidence evidence{std::move(*before), std::move(*after), sets, options};
    out.verdict = judge(evidence);
    out.before_json = evidence_json(evidence.before, sets);
    out.after_json = evidence_json(evidence.after, sets);
    // Gaps do not count: what is needed is observed time, not elapsed time.
    Millis observed{0};
    for (const auto& window : evidence.after) observed += window.length;
    out.complete = observed >= options.after && out.verdict.kind != VerdictKind::insufficient;
    out.ends = out.complete || out.verdict.kind == VerdictKind::regressed || now >= applied + options.max_observe;
    if (out.ends) out.evidence = evidence_text(evidence);
    return out;
  };
  auto measured = co_await net::run_on(core->parts.blocking, std::move(job));
  co_return measured;
}

}  // namespace pgtend::change
