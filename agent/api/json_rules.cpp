#include <nlohmann/json.hpp>

#include "agent/api/json.hpp"

namespace pgtend::api {

namespace {

double seconds(Millis duration) {
  return static_cast<double>(duration.count()) / 1000.0;
}

template <class T, class Encode>
Json each(const std::vector<T>& items, Encode encode_one) {
  auto out = Json::array();
  for (const auto& item : items) out.push_back(encode_one(item));
  return out;
}

Json part_object(const ExplainedPart& part) {
  auto top = Json::array();
  for (const auto& series : part.top) {
    Labels labels = series.key.labels;
    labels.set("__name__", series.key.name);
    top.push_back(encode(SeriesResult{std::move(labels), series.samples}));
  }
  return {{"depth", part.depth},   {"text", part.text},     {"type", part.type},
          {"series", part.series}, {"top", std::move(top)}, {"error", part.error}};
}

Json episode_object(const AlertEpisode& episode) {
  return {{"labels", encode(episode.labels)},
          {"active_at", to_rfc3339(episode.active_at)},
          {"fired_at", to_rfc3339(episode.fired_at)},
          {"ended_at", episode.ended ? Json(to_rfc3339(episode.ended_at)) : Json(nullptr)},
          {"peak", encode(episode.peak)}};
}

Json variation_object(const RuleVariation& variation) {
  return {{"what", variation.what},
          {"episodes", variation.episodes},
          {"notifications", variation.notifications},
          {"firing_seconds", seconds(variation.firing)}};
}

Json change_object(const BacktestChange& change) {
  return {{"rule", change.rule},
          {"old_episodes", change.old_episodes},
          {"new_episodes", change.new_episodes},
          {"old_notifications", change.old_notifications},
          {"new_notifications", change.new_notifications},
          {"missed", change.missed},
          {"added", change.added}};
}

}  // namespace

Json encode(const LintFinding& finding) {
  return {{"severity", to_string(finding.severity)},
          {"check", finding.check},
          {"group", finding.group},
          {"rule", finding.rule},
          {"file", finding.file},
          {"line", finding.line},
          {"message", finding.message}};
}

Json encode(const ExplainedRule& rule) {
  return {{"group", rule.group},
          {"rule", rule.rule},
          {"file", rule.file},
          {"line", rule.line},
          {"parts", each(rule.parts, part_object)}};
}

Json encode(const RuleBacktest& rule) {
  return {{"group", rule.group},
          {"rule", rule.rule},
          {"file", rule.file},
          {"line", rule.line},
          {"expr", rule.expr},
          {"for_seconds", seconds(rule.hold)},
          {"step_seconds", seconds(rule.step)},
          {"episodes", rule.episodes},
          {"near_misses", rule.near_misses},
          {"longest_near_miss_seconds", seconds(rule.longest_near_miss)},
          {"flaps", rule.flaps},
          {"notifications", rule.notifications},
          {"firing_seconds", seconds(rule.firing)},
          {"shown", each(rule.shown, episode_object)},
          {"sweep", each(rule.sweep, variation_object)},
          {"notes", rule.notes},
          {"message", rule.message},
          {"error", rule.error}};
}

Json encode(const BacktestReport& report) {
  return {{"from", to_rfc3339(report.range.from)},
          {"to", to_rfc3339(report.range.to)},
          {"blind_seconds", seconds(report.blind)},
          {"rules", each(report.rules, [](const RuleBacktest& rule) { return encode(rule); })},
          {"changes", each(report.changes, change_object)},
          {"next", report.next ? Json(*report.next) : Json(nullptr)}};
}

}  // namespace pgtend::api
