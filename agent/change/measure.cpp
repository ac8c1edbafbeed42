#include "agent/change/measure.hpp"

#include "agent/change/plans.hpp"
#include "agent/change/verify/evidence_text.hpp"

namespace pgtend::change {
namespace {

// Texts are asked for the heaviest statements only; the tail is neither target nor control.
constexpr std::size_t kTexts = 200;
constexpr Millis kWeek{7LL * 24 * 3'600'000};

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

Result<void> read_windows(HistoryReader& reader, const std::string& database, TimeRange range,
                          const StatementSets& sets, Millis window, std::vector<StatementWindow>& out) {
  auto found = statement_windows(reader, database, sets, range, window);
  if (!found) return fail(std::move(found.error()));
  out = std::move(*found);
  return {};
}

TimeRange week_before(TimeRange range) {
  return {range.from - kWeek, range.to - kWeek};
}

}  // namespace

net::TaskResult<StatementSets> choose_statements(CorePtr core, ProposedChange plan) {
  Candidates candidates;
  candidates.named = plan.target_statements;
  if (core->parts.statements_touching)
    for (const auto id : core->parts.statements_touching(plan)) candidates.touching.push_back(id);
  candidates.target_tables = plan.target_tables;
  if (const auto* setting = std::get_if<SettingChange>(&plan.detail)) candidates.role = setting->role;
  auto totals = co_await totals_before(core, plan.database);
  if (!totals) co_return fail(std::move(totals.error()), "choose statements");
  candidates.totals = std::move(*totals);
  const auto order = heaviest(candidates.totals);
  auto job = [order](store::Ledger& ledger) { return ledger.texts(order); };
  auto texts = co_await with_ledger(core, std::move(job));
  if (!texts) co_return fail(std::move(texts.error()), "choose statements");
  candidates.texts = std::move(*texts);
  std::vector<std::pair<std::int64_t, std::string>> ordered;
  for (const auto id : order)
    if (const auto text = candidates.texts.find(id); text != candidates.texts.end()) ordered.emplace_back(*text);
  candidates.by_plan = co_await touched_by_plan(core, plan, std::move(ordered));
  co_return choose_sets(candidates);
}

net::TaskResult<Measured> measure(CorePtr core, std::string database, StatementSets sets, Observed observed) {
  const UtcTime now = core->parts.clock.now();
  const auto options = core->options.verify;
  auto job = [open = core->parts.history, database = std::move(database), sets = std::move(sets), observed, now,
              options]() -> Result<Measured> {
    auto reader = open();
    if (!reader) return fail(std::move(reader.error()));
    const TimeRange before{observed.intent - options.before, observed.intent};
    const TimeRange after{observed.applied + options.warm_up, now};
    VerdictEvidence evidence{{}, {}, sets, options, {}};
    if (auto read = read_windows(**reader, database, before, sets, options.window, evidence.before); !read)
      return fail(std::move(read.error()));
    if (auto read = read_windows(**reader, database, after, sets, options.window, evidence.after); !read)
      return fail(std::move(read.error()));
    Measured out;
    out.verdict = judge(evidence);
    if (out.verdict.kind == VerdictKind::regressed || out.verdict.kind == VerdictKind::improved) {
      // Whether the hour of the week did it, asked only when something moved: it doubles what is read.
      auto read = read_windows(**reader, database, week_before(before), sets, options.window, evidence.season.before);
      if (read)
        read = read_windows(**reader, database, week_before(after), sets, options.window, evidence.season.after);
      if (!read) return fail(std::move(read.error()));
      out.verdict = judge(evidence);
    }
    out.before_json = evidence_json(evidence.before, sets);
    out.after_json = evidence_json(evidence.after, sets);
    // Nothing will ever be measured of a change that touches no statement, and others wait for its end.
    const bool hopeless = sets.targets.empty() && sets.writes.empty();
    const bool over = now >= observed.applied + (hopeless ? options.warm_up + options.after : options.max_observe);
    const auto kind = out.verdict.kind;
    const bool waits = kind == VerdictKind::insufficient || (kind == VerdictKind::no_effect && observed.patient);
    out.complete = observed_time(evidence.after) >= options.after && kind != VerdictKind::insufficient;
    out.ends = (out.complete && !waits) || kind == VerdictKind::regressed || over;
    if (out.ends) out.evidence = evidence_text(evidence);
    return out;
  };
  auto measured = co_await net::run_on(core->parts.blocking, std::move(job));
  co_return measured;
}

}  // namespace pgtend::change
