#include "agent/engine/rule_backtest.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/engine/alert_facts.hpp"
#include "agent/engine/backtest_active.hpp"
#include "agent/engine/backtest_messages.hpp"
#include "agent/engine/past_history.hpp"
#include "agent/engine/recorded_history.hpp"
#include "agent/engine/text_queries.hpp"
#include "alerts/message.hpp"

namespace pgtend::engine {

namespace {

using promql::Expr;

// Episodes listed of one rule; the others are counted. Source: what a person reads.
constexpr std::size_t kShown = 50;
// Variations: what a person would try next.
constexpr double kThresholds[] = {0.5, 0.8, 1.25, 2};
constexpr double kHolds[] = {0, 0.5, 2, 4};

// The number that the alert's comparison compares with: through parentheses and the left side of and/unless.
const Expr* threshold_of(const Expr& expr) {
  const auto* binary = std::get_if<promql::Binary>(&promql::unwrap(expr).node);
  if (binary == nullptr) return nullptr;
  if (binary->op == promql::BinaryOp::land || binary->op == promql::BinaryOp::lunless)
    return threshold_of(*binary->lhs);
  if (!promql::is_comparison(binary->op) || binary->return_bool) return nullptr;
  for (const Expr* side : {binary->rhs.get(), binary->lhs.get()})
    if (const auto* number = std::get_if<promql::NumberLiteral>(&side->node);
        number != nullptr && std::isfinite(number->value))
      return side;
  return nullptr;
}

std::string short_number(double value) {
  char out[32];
  std::snprintf(out, sizeof out, "%.12g", value);
  return out;
}

class RuleRun {
 public:
  RuleRun(const LoadedGroup& group, const LoadedRule& rule, HistoryReader& history, const std::vector<Gap>& gaps,
          const BacktestOptions& options)
      : group_(group), rule_(rule), history_(history), options_(options) {
    const auto& written = rule.compiled.rule;
    out_.group = group.name;
    out_.rule = written.name;
    out_.file = written.file;
    out_.line = written.line;
    out_.expr = written.expr;
    out_.hold = written.hold;
    out_.step = options.step.count() > 0 ? options.step : group.interval;
    // An alert ends at an evaluation: what is kept for 90 s is kept for two of a minute.
    const auto keep = (written.keep_firing_for + out_.step - Millis(1)) / out_.step * out_.step;
    const auto comparison = comparison_of(*rule.expr);
    const int worse = comparison.starts_with('>') ? 1 : comparison.starts_with('<') ? -1 : 0;
    times_ = {out_.step, written.hold, keep, rule.compiled.tolerate_gaps, worse, options.outage_tolerance};
    auto dark = darkness_of(rule, gaps, options.range, out_.step, options.sight);
    blind_ = std::move(dark.ranges);
    out_.notes = std::move(dark.notes);
  }

  RuleBacktest run() {
    auto active = active_times(*rule_.expr, rule_.compiled, history_, search());
    auto held = active ? held_times() : Result<Held>(Held());
    if (!active || !held) {
      const auto& error = active ? held.error() : active.error();
      out_.error = error.describe();
      if (error.code == Errc::timeout)
        out_.error += ": it takes longer than one request may; give a longer --step, a shorter --since or --no-sweep";
      return std::move(out_);
    }
    active->held = *held;
    find_missing(*rule_.expr);
    if (active->alike > 0)
      out_.notes.push_back(
          "at " + std::to_string(active->alike) +
          " of its evaluations the vector contains metrics with the same labelset after applying alert "
          "labels: alerts are held as they were");
    const auto found = episodes_of(*active, times_, blind_, options_.range.to);
    out_.episodes = found.fired.size();
    out_.near_misses = found.near_misses;
    out_.longest_near_miss = found.longest_near_miss;
    out_.flaps = found.flaps;
    out_.firing = firing_time(found.fired);
    const auto messages = messages_of(rule_.compiled, found.fired, counting());
    if (!messages) {
      out_.error = messages.error().describe();
      return std::move(out_);
    }
    out_.notifications = *messages;
    all_ = found.fired;
    for (std::size_t i = 0; i < std::min(all_.size(), kShown); ++i) out_.shown.push_back(shown(all_[i]));
    if (!all_.empty()) out_.message = message(all_.front());
    if (options_.sweep) {
      sweep_holds(*active);
      sweep_thresholds(*held);
    }
    return std::move(out_);
  }

  [[nodiscard]] const std::vector<RuleEpisode>& all() const { return all_; }

 private:
  using Held = std::map<Labels, std::vector<UtcTime>>;

  // When what the rule compares is there and its alerts::kResolveExpr is not.
  Result<Held> held_times() {
    Held out;
    const auto* compared = rule_.resolve == nullptr ? nullptr : promql::compared_value(*rule_.expr);
    if (compared == nullptr) return out;
    const auto holds =
        promql::parse("(" + promql::format(*compared) + ") unless (" + promql::format(*rule_.resolve) + ")");
    if (!holds) return fail(holds.error());
    const auto found = active_times(**holds, rule_.compiled, history_, search());
    if (!found) return fail(found.error(), alerts::kResolveExpr);
    for (const auto& [labels, moments] : found->alerts)
      for (const auto& moment : moments) out[labels].push_back(moment.sample.time);
    return out;
  }

  // An answer of nothing is worth nothing where nothing was looked at. A selector that is moved looks at another range.
  void find_missing(const Expr& expr) {
    for (const auto* part : promql::children(expr)) find_missing(*part);
    const auto* selector = std::get_if<promql::VectorSelector>(&expr.node);
    if (selector == nullptr || selector->offset != Millis(0) || selector->at.kind != promql::AtModifier::Kind::none)
      return;
    const auto found = history_.series(selector->matchers, options_.range);
    if (!found || !found->empty()) return;
    auto text =
        "history holds no sample of " + promql::format(expr) + " in this range: what depends on it is not tested";
    if (std::ranges::find(out_.notes, text) == out_.notes.end()) out_.notes.push_back(std::move(text));
  }

  [[nodiscard]] MessageCount counting() const {
    return {options_.dispatch, options_.range.to, *options_.eval.clock, options_.eval.deadline};
  }

  [[nodiscard]] ActiveSearch search() const {
    return {options_.range,        out_.step,
            group_.query_offset,   group_.limit,
            options_.eval,         options_.external_labels,
            options_.alert_labels, options_.external_url};
  }

  // With the labels that the rule gives and takes.
  [[nodiscard]] AlertEpisode shown(const RuleEpisode& episode) const {
    auto out = episode.told;
    out.labels.erase("__name__");
    for (const auto& [name, text] : rule_.compiled.rule.labels)
      out.labels.set(name, std::string(episode.alert.get(name)));
    return out;
  }

  void vary(std::string what, const ActiveTimes& active, const LifeTimes& times) {
    const auto found = episodes_of(active, times, blind_, options_.range.to);
    const auto messages = messages_of(rule_.compiled, found.fired, counting());
    // What does not fit the deadline is left out, never guessed.
    if (messages) out_.sweep.push_back({std::move(what), found.fired.size(), *messages, firing_time(found.fired)});
  }

  void sweep_holds(const ActiveTimes& active) {
    for (const double factor : kHolds) {
      auto times = times_;
      // A rule without `for` is tried with the steps a person would give it.
      const double base = times_.hold.count() > 0 ? static_cast<double>(times_.hold.count()) : 120'000;
      times.hold = Millis(std::llround(base * factor));
      if (times.hold != times_.hold) vary("for " + format_duration(times.hold), active, times);
    }
  }

  void sweep_thresholds(const Held& held) {
    const Expr* threshold = threshold_of(*rule_.expr);
    if (threshold == nullptr) return;
    const double value = std::get<promql::NumberLiteral>(threshold->node).value;
    if (value == 0) return;
    for (const double factor : kThresholds) {
      std::string text = rule_.compiled.rule.expr;
      // Rounded, so that 0.8 times 0.1 is not 0.08000000000000002.
      const std::string number = format_double(std::strtod(short_number(value * factor).c_str(), nullptr));
      text.replace(threshold->span.start, threshold->span.end - threshold->span.start, number);
      const auto expr = promql::parse(text);
      if (!expr) continue;
      auto active = active_times(**expr, rule_.compiled, history_, search());
      if (active) active->held = held;
      if (active) vary("threshold " + number, *active, times_);
    }
  }

  // The first message, in the words in which mail and chat carry it.
  std::string message(const RuleEpisode& episode) {
    alerts::RuleAlerts none;
    alerts::Evaluation evaluation;
    evaluation.firing.push_back(episode.fired);
    evaluation.external_url = options_.external_url;
    auto compiled = rule_.compiled;
    compiled.rule.hold = Millis(0);
    alerts::add_labels(evaluation, options_.alert_labels);
    PastHistory past(history_, episode.told.fired_at);
    answer_texts(compiled, evaluation, options_.external_labels, past, episode.told.fired_at, options_.eval);
    const auto stepped = alerts::step(compiled, evaluation, none, episode.told.fired_at, options_.external_labels);
    if (!stepped || stepped->empty()) return {};
    Notification told;
    auto& alert = told.alerts.emplace_back().alert;
    alert = stepped->front();
    alert.active_at = episode.told.active_at;
    alert.facts.comparison = comparison_of(*rule_.expr);
    alert.facts.normal = normal_value(*rule_.expr, alert.labels, history_, episode.told.fired_at, options_.eval);
    alert.facts.causes = likely_causes(*rule_.expr, alert, history_, episode.told.fired_at, options_.eval);
    const auto text = alerts::message_text(told, {options_.instance, options_.external_url, episode.told.fired_at});
    std::string out = text.title + "\n" + text.body;
    for (const auto& link : text.links) out += link.text + " " + link.url + "\n";
    return out;
  }

  const LoadedGroup& group_;
  const LoadedRule& rule_;
  HistoryReader& history_;
  std::vector<TimeRange> blind_;
  const BacktestOptions& options_;
  LifeTimes times_;
  std::vector<RuleEpisode> all_;
  RuleBacktest out_;
};

// The alert rules of one name: a warning and a critical one may share it.
struct NameRun {
  std::vector<RuleBacktest> rules;
  std::vector<RuleEpisode> episodes;
  std::set<std::string> fixed;  // labels that the rules set to one text
};

NameRun run_name(const std::string& name, const RuleSet& rules, HistoryReader& history, const std::vector<Gap>& gaps,
                 const BacktestOptions& options) {
  NameRun out;
  for (const auto& group : rules.groups)
    for (const auto& rule : group.rules) {
      const auto& written = rule.compiled.rule;
      if (written.kind != RuleKind::alert || written.name != name) continue;
      RuleRun run(group, rule, history, gaps, options);
      out.rules.push_back(run.run());
      out.episodes.insert(out.episodes.end(), run.all().begin(), run.all().end());
      for (const auto& [label, text] : written.labels)
        if (!changes(text)) out.fixed.insert(label);
    }
  return out;
}

std::vector<RuleEpisode> without(std::vector<RuleEpisode> episodes, const std::set<std::string>& labels) {
  for (auto& episode : episodes)
    for (const auto& label : labels) episode.alert.erase(label);
  return episodes;
}

// Alerts of one name are compared together. One that is gone is missed; a single rule may have got other labels.
BacktestChange compare(const std::string& name, const NameRun& now, const NameRun& before) {
  const auto messages = [](const NameRun& in) {
    std::size_t out = 0;
    for (const auto& rule : in.rules) out += rule.notifications;
    return out;
  };
  std::set<std::string> fixed;
  if (now.rules.size() == 1 && before.rules.size() == 1) {
    fixed = now.fixed;
    fixed.insert(before.fixed.begin(), before.fixed.end());
  }
  const auto old = without(before.episodes, fixed), fresh = without(now.episodes, fixed);
  return {name,
          old.size(),
          fresh.size(),
          messages(before),
          messages(now),
          not_covered(old, fresh),
          not_covered(fresh, old)};
}

// In their order; those that only the old version has at the end.
std::vector<std::string> alert_names(const RuleSet& rules, const RuleSet* old, const std::string& only) {
  std::vector<std::string> out;
  for (const auto* set : {&rules, old}) {
    if (set == nullptr) continue;
    for (const auto& group : set->groups)
      for (const auto& rule : group.rules) {
        const auto& written = rule.compiled.rule;
        if (written.kind != RuleKind::alert || (!only.empty() && written.name != only)) continue;
        if (std::ranges::find(out, written.name) == out.end()) out.push_back(written.name);
      }
  }
  return out;
}

// The history that a set of rules sees, with what it records.
Result<void> prepare(RecordedHistory& history, const RuleSet& rules, const BacktestOptions& options) {
  if (!options.computes_records) return {};
  const TimeRange before{options.range.from - options.eval.lookback, options.range.to};
  return history.record(rules, before, options.eval);
}

}  // namespace

Result<BacktestReport> backtest_rules(const RuleSet& rules, const RuleSet* old, HistoryReader& history,
                                      const BacktestOptions& asked) {
  auto options = asked;
  if (options.dispatch.receivers.empty()) options.dispatch = default_dispatch();
  if (options.range.to <= options.range.from)
    return fail(Errc::invalid_argument, "the range to look back over is empty");
  BacktestReport out;
  out.range = options.range;
  const auto gaps = history.gaps(options.range);
  if (!gaps) return fail(gaps.error());
  for (const auto& range :
       darkness_of({}, *gaps, options.range, Millis(0), {options.sight.history_from, {}, {}, {}}).ranges)
    out.blind += std::min(range.to, options.range.to) - std::max(range.from, options.range.from);
  const auto names = alert_names(rules, old, options.rule);
  if (names.empty())
    return fail(Errc::invalid_argument,
                options.rule.empty() ? "there is no alert rule" : "there is no alert " + options.rule);
  auto plain = options;
  plain.sweep = false;
  plain.computes_records = true;
  RecordedHistory seen(history), seen_before(history);
  if (auto ready = prepare(seen, rules, options); !ready) return fail(std::move(ready.error()));
  if (old != nullptr)
    if (auto ready = prepare(seen_before, *old, plain); !ready) return fail(std::move(ready.error()));
  const auto is_late = [&] {
    return options.eval.deadline && options.eval.clock->steady_now() >= *options.eval.deadline;
  };
  for (std::size_t i = options.first; i < names.size(); ++i) {
    auto now = run_name(names[i], rules, seen, *gaps, options);
    const auto before = old == nullptr ? NameRun() : run_name(names[i], *old, seen_before, *gaps, plain);
    // What may have been cut short is asked for again, with the whole time to itself.
    if (is_late() && i > options.first) {
      out.next = i;
      break;
    }
    if (old != nullptr && !before.rules.empty()) out.changes.push_back(compare(names[i], now, before));
    std::ranges::move(now.rules, std::back_inserter(out.rules));
  }
  return out;
}

}  // namespace pgtend::engine
