#include "alerts/muting.hpp"

#include <algorithm>

#include "agent/model/matcher_text.hpp"
#include "agent/model/silence.hpp"
#include "alerts/time_interval.hpp"

namespace pgtend::alerts {

namespace {

// The texts are constants of this file, so they parse.
std::vector<Matcher> matchers(std::string_view text) {
  return parse_matchers(text).value_or(std::vector<Matcher>{});
}

bool is_matched(const InhibitRule& rule, const std::string& name) {
  const auto names_it = [&](const Matcher& matcher) { return matcher.label() == name; };
  return std::any_of(rule.source.begin(), rule.source.end(), names_it) ||
         std::any_of(rule.target.begin(), rule.target.end(), names_it);
}

// What source and target must have alike: the labels that `equal` names, or all but those that tell the two apart.
Labels subject_of(const InhibitRule& rule, const Labels& labels) {
  const bool every_other = rule.equal == std::vector<std::string>{std::string(kEveryOtherLabel)};
  Labels out;
  for (const auto& [name, value] : labels) {
    const bool counts = every_other ? !is_matched(rule, name)
                                    : std::find(rule.equal.begin(), rule.equal.end(), name) != rule.equal.end();
    if (counts) out.set(name, value);
  }
  return out;
}

bool contains_name(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> expected_alerts(ActionClass action) {
  switch (action) {
    case ActionClass::create_index:
    case ActionClass::reindex:
      // A build reads the whole table, writes as much WAL, waits for old transactions and leaves an invalid index
      // in the catalog until it ends.
      return {"PgReplicaLag", "PgLongTransaction", "PgBlockedSessions",   "PgWalDirBig",   "PgTempSpill",
              "PgXminHeld",   "PgInvalidIndex",    "PgCheckpointsForced", "PgCacheHitLow", "PgArchiveBacklog"};
    case ActionClass::refresh_matview:
      return {"PgReplicaLag", "PgLongTransaction", "PgTempSpill", "PgXminHeld", "PgWalDirBig", "PgCheckpointsForced"};
    case ActionClass::vacuum:
    case ActionClass::analyze:
    // Both analyze their table.
    case ActionClass::column_setting:
    case ActionClass::create_statistics:
      return {"PgReplicaLag", "PgCacheHitLow", "PgWalDirBig", "PgCheckpointsForced"};
    case ActionClass::drop_index:
      return {"PgBlockedSessions"};
    case ActionClass::system_setting:
    case ActionClass::restart_setting:
      return {"PgPendingRestart"};
    default:
      return {};
  }
}

std::vector<InhibitRule> built_in_inhibit_rules() {
  std::vector<InhibitRule> out;
  out.push_back({matchers(R"(alertname="PgDown")"),
                 matchers(R"(alertname=~"Pg[A-Z].*|Pgb[A-Z].*", alertname!~"PgDown|PgMetricsAbsent")"),
                 {"instance"}});
  out.push_back(
      {matchers(R"(severity="critical")"), matchers(R"(severity=~"warning|info")"), {std::string(kEveryOtherLabel)}});
  return out;
}

Inhibition::Inhibition(const std::vector<InhibitRule>& rules, const std::vector<Alert>& alerts) {
  for (const auto& rule : rules) {
    Sources found{&rule, {}};
    for (const auto& alert : alerts)
      if (alert.state == AlertState::firing && match_all(rule.source, alert.labels))
        found.by_subject[subject_of(rule, alert.labels)].push_back(&alert);
    if (!found.by_subject.empty()) rules_.push_back(std::move(found));
  }
}

std::optional<std::string> Inhibition::of(const Alert& alert) const {
  for (const auto& [rule, by_subject] : rules_) {
    if (!match_all(rule->target, alert.labels)) continue;
    const auto sources = by_subject.find(subject_of(*rule, alert.labels));
    if (sources == by_subject.end()) continue;
    const bool is_source_too = match_all(rule->source, alert.labels);
    for (const auto* source : sources->second) {
      if (source->labels == alert.labels) continue;
      // Two alerts that are both source and target would silence each other.
      if (is_source_too && match_all(rule->target, source->labels)) continue;
      return "inhibited by " + source->rule + " (" + source->fingerprint_hex() + ")";
    }
  }
  return std::nullopt;
}

std::optional<std::string> silenced_by(const Alert& alert, const std::vector<Silence>& silences, UtcTime now) {
  for (const auto& silence : silences) {
    if (!is_active(silence, now) || !match_all(silence.matchers, alert.labels)) continue;
    return "silence " + silence.id + " by " + silence.created_by +
           (silence.ends_at ? " until " + to_rfc3339(*silence.ends_at) : std::string(" until resolved"));
  }
  return std::nullopt;
}

std::optional<std::string> caused_by(const Alert& alert, const std::vector<ExpectedByChange>& changes) {
  if (alert.labels.get("severity") == "critical") return std::nullopt;
  for (const auto& change : changes)
    if (contains_name(change.alertnames, alert.rule)) return "expected while change " + change.change_id + " runs";
  return std::nullopt;
}

std::optional<std::string> outside_hours(const RouteNode& route, const std::vector<NamedIntervals>& intervals,
                                         UtcTime now) {
  const auto holds = [&](const std::string& name) {
    return std::any_of(intervals.begin(), intervals.end(),
                       [&](const NamedIntervals& each) { return each.name == name && contains(each, now); });
  };
  for (const auto& name : route.mute_time_intervals)
    if (holds(name)) return "muted in time interval " + name;
  const auto& active = route.active_time_intervals;
  if (!active.empty() && std::none_of(active.begin(), active.end(), holds))
    return "outside the active time intervals of the route";
  return std::nullopt;
}

std::vector<std::string> silences_to_end(const std::vector<Silence>& silences, const std::vector<Alert>& alerts,
                                         UtcTime now) {
  std::vector<std::string> out;
  for (const auto& silence : silences) {
    if (!silence.until_resolved || !is_active(silence, now)) continue;
    const bool holds = std::any_of(alerts.begin(), alerts.end(), [&](const Alert& alert) {
      const bool active = alert.state == AlertState::pending || alert.state == AlertState::firing;
      return active && match_all(silence.matchers, alert.labels);
    });
    if (!holds) out.push_back(silence.id);
  }
  return out;
}

}  // namespace pgtend::alerts
