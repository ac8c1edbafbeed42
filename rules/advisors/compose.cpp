#include "rules/advisors/compose.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "agent/base/strings.hpp"
#include "agent/model/series.hpp"

namespace pgtend::advisors {

namespace {

// Source: NAMEDATALEN 64 of PostgreSQL, less the terminator.
constexpr std::size_t kMaxNameBytes = 63;

std::string hex(std::uint64_t value, int digits) {
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(value));
  return std::string(out).substr(static_cast<std::size_t>(16 - digits));
}

// Cuts at a character's start, not in the middle of its UTF-8 bytes.
std::string cut(std::string text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  text.resize(bytes);
  return text;
}

}  // namespace

std::string stable_id(std::string_view advisor, const DatabaseFacts& facts, std::string_view object,
                      std::string_view intent) {
  return hex(fingerprint(Labels{{"a", std::string(advisor)},
                                {"b", facts.identity.system_identifier},
                                {"c", facts.database},
                                {"d", std::string(object)},
                                {"e", std::string(intent)}}),
             16);
}

Finding make_finding(std::string_view check, const DatabaseFacts& facts, std::string subject, Severity severity,
                     std::string summary, std::vector<Evidence> evidence) {
  Finding out;
  out.id = stable_id(check, facts, subject, "finding");
  out.check = check;
  out.instance = facts.instance;
  out.database = facts.database;
  out.subject = std::move(subject);
  out.severity = severity;
  out.summary = std::move(summary);
  out.evidence = std::move(evidence);
  out.seen_at = facts.taken_at;
  return out;
}

Recommendation start_recommendation(std::string_view advisor, const DatabaseFacts& facts, Finding finding,
                                    std::string object, std::string_view intent) {
  Recommendation out;
  out.id = stable_id(advisor, facts, object, intent);
  out.advisor = advisor;
  out.finding = std::move(finding);
  out.change.system_identifier = facts.identity.system_identifier;
  out.change.database = facts.database;
  out.change.object = std::move(object);
  out.made_at = facts.taken_at;
  return out;
}

void offer(Advice& advice, Recommendation recommendation, const AdvisorOptions& options) {
  if (options.cooling_down.contains(recommendation.id)) {
    const std::string what =
        recommendation.change.sql_up.empty() ? recommendation.change.object : recommendation.change.sql_up.front();
    advice.refused.push_back({what, "it was undone a short time ago and cools down"});
    return;
  }
  advice.recommendations.push_back(std::move(recommendation));
}

std::string index_name(std::string_view table, const std::vector<std::string>& columns,
                       const std::vector<IndexFact>& taken) {
  const std::string body = std::string(table) + "_" + join(columns, "_");
  const auto is_taken = [&](const std::string& name) {
    return std::any_of(taken.begin(), taken.end(), [&](const IndexFact& index) { return index.name == name; });
  };
  std::string name = "pgtend_" + body + "_idx";
  for (int attempt = 0; name.size() > kMaxNameBytes || is_taken(name); ++attempt) {
    const std::string tail = "_" + hex(fingerprint(Labels{{"a", body}, {"b", std::to_string(attempt)}}), 6) + "_idx";
    name = cut("pgtend_" + body, kMaxNameBytes - tail.size()) + tail;
  }
  return name;
}

std::string count(double value) {
  char out[64];
  const bool whole = std::abs(value) >= 100 || value == std::floor(value);
  std::snprintf(out, sizeof out, whole ? "%.0f" : "%.1f", value);
  return out;
}

std::string percent(double ratio) {
  char out[32];
  const double shown = ratio * 100;
  std::snprintf(out, sizeof out, shown < 9.95 ? "%.1f %%" : "%.0f %%", shown);
  return out;
}

}  // namespace pgtend::advisors
