#include <algorithm>

#include "agent/base/strings.hpp"
#include "agent/engine/alert_facts.hpp"
#include "agent/engine/eval_options.hpp"
#include "agent/engine/view.hpp"
#include "rules/promql/evaluator.hpp"

// Why an alert is what it is, from history; and what people do with alerts.
namespace pgtend::engine {

namespace {

// As for a dashboard's query.
constexpr std::chrono::seconds kExplainTime{5};
constexpr std::size_t kExplainSamples = 2'000'000;
// The window shown around the moment it fired. Source: experience reference 1b, start - 30 min.
constexpr std::chrono::minutes kBefore{30}, kAfter{30};
constexpr std::size_t kSamplesShown = 200, kSeriesShown = 10, kValuesShown = 10;
constexpr std::size_t kChangesRead = 200;

api::ExplainedPart part_of(const promql::Expr& expr, HistoryReader& history, UtcTime at,
                           const promql::EvalOptions& options) {
  api::ExplainedPart out;
  out.expr = promql::format(expr);
  auto value = promql::evaluate(expr, history, at, options);
  if (!value) {
    out.error = value.error().describe();
    return out;
  }
  if (const auto* scalar = std::get_if<promql::Scalar>(&*value)) out.values.emplace_back("", scalar->value);
  if (const auto* vector = std::get_if<promql::Vector>(&*value)) {
    for (const auto& element : *vector) {
      if (out.values.size() == kValuesShown) break;
      out.values.emplace_back(to_string(element.labels), element.value);
    }
    out.more = vector->size() - out.values.size();
  }
  return out;
}

// Every part that has a value of its own, the whole first; literals and bare ranges say nothing.
void add_parts(const promql::Expr& expr, std::vector<const promql::Expr*>& out) {
  constexpr std::size_t kMost = 20;
  const bool literal = std::holds_alternative<promql::NumberLiteral>(expr.node);
  const bool paren = std::holds_alternative<promql::Paren>(expr.node);
  const bool plain = expr.type == promql::ValueType::vector || expr.type == promql::ValueType::scalar;
  if (!literal && !paren && plain && out.size() < kMost) out.push_back(&expr);
  for (const auto* child : promql::children(expr)) add_parts(*child, out);
}

void thin_out(std::vector<Sample>& samples) {
  if (samples.size() <= kSamplesShown) return;
  std::vector<Sample> kept;
  for (std::size_t i = 0; i < kSamplesShown; ++i)
    kept.push_back(samples[i * (samples.size() - 1) / (kSamplesShown - 1)]);
  samples = std::move(kept);
}

std::vector<SeriesData> series_around(const promql::Expr& expr, const Alert& alert, HistoryReader& history,
                                      TimeRange range) {
  std::vector<SeriesData> out;
  // The parts were evaluated at one moment, for which the samples before it did not count.
  history.hint({});
  for (const auto& matchers : promql::selectors(expr)) {
    auto found = history.select(matchers, range, kExplainSamples);
    if (!found) continue;
    for (auto& series : *found) {
      // Those that are about something else than the alert only hide what matters.
      const bool same = std::all_of(series.key.labels.begin(), series.key.labels.end(), [&](const Label& label) {
        return !alert.labels.has(label.first) || alert.labels.get(label.first) == label.second;
      });
      if (!same || out.size() == kSeriesShown) continue;
      thin_out(series.samples);
      out.push_back(std::move(series));
    }
  }
  return out;
}

}  // namespace

// As the ledger remembers it: the newest form of the episode that had begun by `at`.
net::TaskResult<Alert> View::past_alert(std::string id, UtcTime at) {
  auto look = [id, at](store::Ledger& ledger) { return ledger.past_alert(id, at); };
  auto found = co_await parts_.with_ledger(look);
  if (!found) co_return fail(std::move(found.error()));
  if (!*found)
    co_return fail(Errc::not_found,
                   "of alerts that start with \"" + id + "\" none is remembered that had begun by " + to_rfc3339(at));
  co_return std::move(**found);
}

net::TaskResult<api::AlertExplanation> View::explain_alert(std::string id, std::optional<UtcTime> at) {
  auto alert = alerting_.find(id);
  if (at) {
    // Whoever made the link left out what is less than a second.
    const UtcTime then = *at + Millis(999);
    const bool is_past = alert ? alert->active_at > then : alert.error().code == Errc::not_found;
    if (is_past) alert = co_await past_alert(id, then);
  }
  if (!alert) co_return fail(std::move(alert.error()));
  api::AlertExplanation out;
  out.alert = *alert;
  out.muted = alerting_.muted(*alert).value_or("");
  out.at = alert->fired_at.value_or(alert->active_at);
  auto reader = parts_.history.reader();
  if (!reader) co_return fail(std::move(reader.error()), "explain alert");
  auto options = eval_options(parts_, kExplainTime);
  options.max_samples = kExplainSamples;
  const UtcTime now = parts_.clock.now();
  auto look = [out, rules = alerting_.rules(), history = std::shared_ptr<HistoryReader>(std::move(*reader)), options,
               now]() mutable {
    const auto* rule = rule_of(*rules, out.alert);
    if (rule == nullptr) return out;
    std::vector<const promql::Expr*> parts;
    add_parts(*rule->expr, parts);
    for (const auto* part : parts) out.parts.push_back(part_of(*part, *history, out.at, options));
    const TimeRange range{out.at - kBefore, std::min<UtcTime>(now, out.at + kAfter)};
    out.series = series_around(*rule->expr, out.alert, *history, range);
    out.causes = likely_causes(*rule->expr, out.alert, *history, out.at, options);
    return out;
  };
  out = co_await parts_.compute(look);
  if (parts_.ledger == nullptr) co_return out;
  auto read = [](store::Ledger& ledger) { return ledger.list_changes({}, kChangesRead); };
  auto changes = co_await parts_.with_ledger(read);
  if (!changes) co_return fail(std::move(changes.error()), "explain alert");
  for (auto& change : *changes) {
    const UtcTime began = change.applied_at.value_or(change.updated_at);
    if (began <= out.at + kAfter && change.updated_at >= out.at - kBefore) out.changes.push_back(std::move(change));
  }
  co_return out;
}

net::TaskResult<Silence> View::acknowledge(std::string id, std::optional<UtcTime> until, std::string comment,
                                           std::string actor) {
  auto silence = co_await alerting_.acknowledge(id, until, comment, actor);
  co_return silence;
}

net::TaskResult<std::vector<Silence>> View::silences() {
  co_return alerting_.silences();
}

net::TaskResult<Silence> View::add_silence(Silence silence, std::string actor) {
  auto added = co_await alerting_.add_silence(std::move(silence), std::move(actor));
  co_return added;
}

net::TaskResult<Silence> View::end_silence(std::string id, std::string actor) {
  auto ended = co_await alerting_.end_silence(std::move(id), std::move(actor));
  co_return ended;
}

net::TaskResult<std::vector<std::string>> View::test_receiver(std::string name, std::string actor) {
  auto lines = co_await alerting_.test_receiver(std::move(name), std::move(actor));
  co_return lines;
}

net::TaskResult<std::vector<OutboxMessage>> View::notifications(std::string state, int limit) {
  auto read = [state, limit](store::Ledger& ledger) {
    return ledger.outbox_list(state, static_cast<std::size_t>(limit));
  };
  auto messages = co_await parts_.with_ledger(read);
  co_return messages;
}

}  // namespace pgtend::engine
