#include "alerts/life_cycle.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

#include "alerts/alert_labels.hpp"

namespace pgtend::alerts {

namespace {

Result<std::vector<std::pair<std::string, Template>>> compile_texts(const auto& texts, const Rule& rule) {
  std::vector<std::pair<std::string, Template>> out;
  for (const auto& [name, text] : texts) {
    auto compiled = Template::parse(text);
    if (!compiled)
      return fail(std::move(compiled.error()),
                  rule.file + ":" + std::to_string(rule.line) + ": rule " + rule.name + ", " + name);
    out.emplace_back(name, std::move(*compiled));
  }
  return out;
}

// Source: a rule whose texts ask for each of its alerts asks a few things of each.
constexpr std::size_t kMostQuestions = 100;

std::map<std::string, std::string> alert_annotations(const CompiledRule& rule, const Firing& firing,
                                                     const Evaluation& evaluation, const Labels& external_labels) {
  std::map<std::string, std::string> annotations;
  const auto scope = scope_of(firing, evaluation, external_labels);
  for (const auto& [name, text] : rule.annotations) annotations[name] = text.render(scope);
  return annotations;
}

// The wall clock may have been set back: a wait that has begun in the future begins now, or it would take the whole
// step. Returns whether one did: it must not begin once more with the next start of the agent.
bool mend_times(Alert& alert, UtcTime now) {
  const auto mend = [now](UtcTime& begun) { return begun > now ? (begun = now, true) : false; };
  bool mended = mend(alert.active_at);
  if (alert.keep_firing_since) mended = mend(*alert.keep_firing_since) || mended;
  if (alert.resolved_at) mended = mend(*alert.resolved_at) || mended;
  return mended;
}

// Returns whether the stored form changed. Values alone are not worth a durable write each evaluation.
bool see(Alert& alert, const CompiledRule& rule, UtcTime now) {
  const bool mended = mend_times(alert, now);
  const Alert before = alert;
  alert.last_seen_at = now;
  alert.missed = 0;
  alert.keep_firing_since.reset();
  alert.unknown = false;
  if (alert.state == AlertState::inactive || alert.state == AlertState::resolved) {
    alert.state = AlertState::pending;
    alert.active_at = now;
    alert.fired_at.reset();
    alert.resolved_at.reset();
    alert.resolved_value.reset();
    alert.lowest.reset();
    alert.highest.reset();
  }
  // Not by std::min: a value that is not a number is no extreme.
  if (!alert.lowest || alert.value < *alert.lowest) alert.lowest = alert.value;
  if (!alert.highest || alert.value > *alert.highest) alert.highest = alert.value;
  if (alert.state == AlertState::pending && now - alert.active_at >= rule.rule.hold) {
    alert.state = AlertState::firing;
    alert.fired_at = now;
  }
  return mended || alert.state != before.state || before.unknown || before.keep_firing_since.has_value() ||
         alert.annotations != before.annotations;
}

// An alert that the result no longer holds. Returns whether the stored form changed.
bool miss(Alert& alert, const CompiledRule& rule, UtcTime now) {
  const bool changed = mend_times(alert, now) || alert.unknown;
  alert.unknown = false;
  if (alert.state == AlertState::pending) {
    if (++alert.missed <= rule.tolerate_gaps) return changed;
    alert.state = AlertState::inactive;
    return true;
  }
  if (alert.state == AlertState::firing) {
    if (rule.rule.keep_firing_for > Millis(0)) {
      const bool first = !alert.keep_firing_since.has_value();
      if (first) alert.keep_firing_since = now;
      if (now - *alert.keep_firing_since < rule.rule.keep_firing_for) return first || changed;
    }
    alert.state = AlertState::resolved;
    alert.resolved_at = now;
    return true;
  }
  if (alert.state == AlertState::resolved && now - alert.resolved_at.value_or(now) > kResolvedRetention) {
    alert.state = AlertState::inactive;
    return true;
  }
  return changed;
}

bool is_active(const Alert& alert) {
  return alert.state == AlertState::pending || alert.state == AlertState::firing;
}

std::vector<Alert> freeze(RuleAlerts& alerts) {
  std::vector<Alert> changed;
  for (auto& [key, alert] : alerts) {
    if (!is_active(alert) || alert.unknown) continue;
    alert.unknown = true;
    changed.push_back(alert);
  }
  return changed;
}

// Whether nobody can say yet that what the alert is about is gone.
bool may_still_hold(const Alert& alert, UtcTime now) {
  return is_active(alert) && now - alert.last_seen_at.value_or(alert.active_at) < kLeftOutRetention;
}

// The element that has the labels of this alert.
const Firing* element_of(std::uint64_t key, const std::vector<Firing>& among, const CompiledRule& rule,
                         const Evaluation& evaluation, const Labels& external_labels) {
  const auto found = std::find_if(among.begin(), among.end(), [&](const Firing& element) {
    return fingerprint(alert_labels(rule, element, evaluation, external_labels)) == key;
  });
  return found == among.end() ? nullptr : &*found;
}

Result<int> tolerated_gaps(const Rule& rule) {
  const auto text = rule.annotations.find(kTolerateGaps);
  if (text == rule.annotations.end()) return 0;
  int out = 0;
  const auto& word = text->second;
  const auto [end, ec] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (ec != std::errc() || end != word.data() + word.size() || out < 0 || out > 100)
    return fail(Errc::parse, std::string(kTolerateGaps) + " is a whole number from 0 to 100, not '" + word + "'");
  return out;
}

}  // namespace

void add_labels(Evaluation& evaluation, const Labels& missing) {
  std::vector<std::vector<Firing>*> all{&evaluation.firing, &evaluation.compared};
  if (evaluation.may_end) all.push_back(&*evaluation.may_end);
  for (auto* elements : all)
    for (auto& element : *elements)
      for (const auto& [name, value] : missing)
        if (!element.labels.has(name)) element.labels.set(name, value);
}

QueryAnswers ask(const CompiledRule& rule, const Evaluation& evaluation, const Labels& external_labels,
                 const std::function<QueryAnswer(const std::string& expr)>& query) {
  QueryAnswers out;
  const auto answer = [&](const std::string& expr) {
    const auto found = out.find(expr);
    if (found != out.end()) return found->second;
    if (out.size() == kMostQuestions) return QueryAnswer{};
    return out.emplace(expr, query(expr)).first->second;
  };
  for (const auto* texts : {&rule.labels, &rule.annotations})
    for (const auto& [name, text] : *texts) {
      if (!text.asks()) continue;
      for (const auto& firing : evaluation.firing)
        (void)text.render({firing.labels, external_labels, firing.value, evaluation.external_url, answer});
    }
  return out;
}

Result<CompiledRule> compile(const Rule& rule, const std::string& group) {
  CompiledRule out;
  out.rule = rule;
  out.group = group;
  if (rule.kind == RuleKind::record) return out;  // its labels stand as they are
  auto labels = compile_texts(rule.labels, rule);
  if (!labels) return fail(std::move(labels.error()));
  out.labels = std::move(*labels);
  auto annotations = compile_texts(rule.annotations, rule);
  if (!annotations) return fail(std::move(annotations.error()));
  out.annotations = std::move(*annotations);
  const auto gaps = tolerated_gaps(rule);
  if (!gaps) return fail(gaps.error(), rule.file + ":" + std::to_string(rule.line) + ": rule " + rule.name);
  out.tolerate_gaps = *gaps;
  return out;
}

Result<std::vector<Alert>> step(const CompiledRule& rule, const Evaluation& evaluation, RuleAlerts& alerts, UtcTime now,
                                const Labels& external_labels) {
  if (!evaluation.known) return freeze(alerts);

  std::map<std::uint64_t, std::pair<Labels, const Firing*>> seen;
  for (const auto& firing : evaluation.firing) {
    Labels labels = alert_labels(rule, firing, evaluation, external_labels);
    const auto key = fingerprint(labels);
    if (!seen.emplace(key, std::make_pair(std::move(labels), &firing)).second)
      return fail(Errc::invalid_argument, "rule " + rule.rule.name +
                                              ": vector contains metrics with the same labelset after applying alert "
                                              "labels");
  }

  std::vector<Alert> changed;
  for (auto& [key, entry] : seen) {
    auto [it, fresh] = alerts.try_emplace(key);
    Alert& alert = it->second;
    if (fresh) {
      alert.rule = rule.rule.name;
      alert.group = rule.group;
      alert.labels = entry.first;
    }
    alert.value = entry.second->value;
    auto annotations = alert_annotations(rule, *entry.second, evaluation, external_labels);
    const bool texts_changed = annotations != alert.annotations;
    alert.annotations = std::move(annotations);
    if (see(alert, rule, now) || (texts_changed && fresh)) changed.push_back(alert);
  }
  for (auto it = alerts.begin(); it != alerts.end();) {
    if (!seen.contains(it->first)) {
      auto& alert = it->second;
      const bool fired = alert.state == AlertState::firing;
      const bool left_out = evaluation.left_out.contains(it->first);
      const auto* now_at =
          fired || left_out ? element_of(it->first, evaluation.compared, rule, evaluation, external_labels) : nullptr;
      if (left_out && now_at == nullptr && may_still_hold(alert, now)) {
        if (!std::exchange(alert.unknown, true)) changed.push_back(alert);
        ++it;
        continue;
      }
      const bool held = fired && now_at != nullptr && evaluation.may_end &&
                        element_of(it->first, *evaluation.may_end, rule, evaluation, external_labels) == nullptr;
      if (held) alert.value = now_at->value;
      const bool stored = held ? see(alert, rule, now) : miss(alert, rule, now);
      if (fired && alert.state == AlertState::resolved)
        alert.resolved_value = now_at == nullptr ? std::nullopt : std::optional(now_at->value);
      if (stored) changed.push_back(alert);
    }
    it = it->second.state == AlertState::inactive ? alerts.erase(it) : std::next(it);
  }
  return changed;
}

void restart_waits(RuleAlerts& alerts, UtcTime now, Millis tolerance, std::vector<Alert>& changed) {
  for (auto& [key, alert] : alerts) {
    // One that is left out for long begins anew once in that time, not with each evaluation.
    const auto known = std::max(alert.last_seen_at.value_or(alert.active_at), alert.active_at);
    if (alert.state != AlertState::pending || now - known <= tolerance) continue;
    alert.active_at = now;
    changed.push_back(alert);
  }
}

void shift_waits(RuleAlerts& alerts, Millis forward, std::vector<Alert>& changed) {
  for (auto& [key, alert] : alerts) {
    if (alert.last_seen_at) *alert.last_seen_at += forward;
    if (alert.state != AlertState::pending && !alert.keep_firing_since) continue;
    if (alert.state == AlertState::pending) alert.active_at += forward;
    if (alert.keep_firing_since) *alert.keep_firing_since += forward;
    changed.push_back(alert);
  }
}

std::vector<Alert> notifiable(const RuleAlerts& alerts, UtcTime since) {
  std::vector<Alert> out;
  for (const auto& [key, alert] : alerts) {
    if (alert.state == AlertState::firing) out.push_back(alert);
    if (alert.state == AlertState::resolved && alert.resolved_at.value_or(since) >= since) out.push_back(alert);
  }
  return out;
}

void add_series(const Alert& alert, std::vector<SeriesSample>& to) {
  if (alert.state != AlertState::pending && alert.state != AlertState::firing) return;
  Labels with_state = alert.labels;
  with_state.set("alertstate", std::string(to_string(alert.state)));
  to.push_back({{"ALERTS", std::move(with_state)}, 1, MetricKind::gauge, 0});
  to.push_back({{"ALERTS_FOR_STATE", alert.labels}, std::floor(to_seconds(alert.active_at)), MetricKind::gauge, 0});
}

void retire(RuleAlerts& alerts, UtcTime now, std::vector<Alert>& changed) {
  for (auto it = alerts.begin(); it != alerts.end();) {
    auto& alert = it->second;
    if (alert.state == AlertState::firing) {
      alert.state = AlertState::resolved;
      alert.resolved_at = now;
      alert.unknown = false;
      changed.push_back(alert);
    } else if (alert.state == AlertState::pending || now - alert.resolved_at.value_or(now) > kResolvedRetention) {
      alert.state = AlertState::inactive;
      changed.push_back(alert);
    }
    it = alert.state == AlertState::inactive ? alerts.erase(it) : std::next(it);
  }
}

std::string group_key(const std::string& alertname) {
  return "{}:{alertname=\"" + alertname + "\"}";
}

}  // namespace pgtend::alerts
