#include "agent/cli/change_text.hpp"

#include <algorithm>

#include "agent/base/units.hpp"
#include "agent/cli/plan_text.hpp"

namespace pgtend::cli {

namespace {

// A field of the notes that the pipeline keeps; null when there is none.
Json note(const Json& notes, const char* name) {
  return notes.is_object() && notes.contains(name) ? notes[name] : Json();
}

std::string side_text(const char* when, const Json& statements) {
  std::string out;
  for (const auto* set : {"target", "control"}) {
    const auto numbers = note(statements, set);
    if (!numbers.is_object() || numbers.value("calls", 0.0) <= 0) continue;
    out += "  " + std::string(when) + ", " + cell(numbers, "statements") + " " + set +
           " statements: " + quantity(numbers, "calls", "calls") + ", " +
           quantity(numbers, "buffers_per_call", "buffers") + ", " + quantity(numbers, "ms_per_call", "ms") + " and " +
           quantity(numbers, "wal_bytes_per_call", "bytes") + " of WAL a call\n";
  }
  return out;
}

// What the server's plans read, before and after.
std::string plans_text(const Json& before, const Json& after) {
  std::string out;
  const auto was = note(before, "plans"), is = note(after, "plans");
  if (!was.is_object()) return out;
  for (const auto& [id, plan] : was.items()) {
    const auto from = cell(plan, "summary"), to = is.is_object() && is.contains(id) ? cell(is[id], "summary") : "";
    if (from.empty()) continue;
    out += "  statement " + id + ": " + from + (to.empty() ? "" : " -> " + to) + "\n";
  }
  return out;
}

std::string evidence_block(const Json& change, const Json& recommendation) {
  std::string out;
  if (recommendation.is_object()) out += evidence_text(recommendation["finding"]);
  out += side_text("before", note(change["evidence_before"], "statements")) +
         side_text("after", change["evidence_after"]) + plans_text(change["evidence_before"], change["evidence_after"]);
  return "\nEvidence\n" + (out.empty() ? "  none was measured\n" : out);
}

std::string gain_block(const Json& change, const Json& recommendation) {
  std::string out = "\nExpected gain\n";
  if (recommendation.is_object()) {
    const auto& effect = recommendation["effect"];
    const auto unit = cell(effect, "unit");
    return out + "  " + cell(effect, "metric") + ": " + quantity(effect, "before", unit) + " -> " +
           quantity(effect, "after", unit) + " (" + quantity(effect, "low", unit) + " to " +
           quantity(effect, "high", unit) + ", by " + cell(effect, "basis") + "), risk " +
           cell(recommendation, "risk") + "\n";
  }
  const auto& notes = change["evidence_before"];
  if (!note(notes, "predicted_effect").is_number()) return out + "  nothing was predicted\n";
  return out + "  " + cell(notes, "predicted_metric") + ": " + quantity(notes, "predicted_effect", "ratio") + "\n";
}

std::string spent_text(const Json& spent) {
  if (!spent.is_object()) return "";
  return "\nSpent\n  " + format_bytes(spent.value("bytes", 0.0)) + " of disk, " +
         quantity(spent, "seconds", "seconds") + ", at most " + format_bytes(spent.value("wal_bytes", 0.0)) +
         " of WAL\n";
}

std::string verification_block(const Json& change) {
  const auto& verdict = change["verdict"];
  const auto &notes = change["evidence_before"], targets = note(notes, "targets"), controls = note(notes, "controls");
  std::string out = "\nVerification\n";
  if (targets.is_array())
    out += "  " + std::to_string(targets.size()) + " target statements against " +
           std::to_string(controls.is_array() ? controls.size() : 0) + " controls in the same minutes\n";
  if (verdict.is_null()) return out + "  no verdict yet\n";
  out += "  " + cell(verdict, "kind") + ": " + cell(verdict, "explanation") + "\n";
  if (verdict.value("windows_before", 0) == 0) return out;
  out += "  " + cell(verdict, "metric") + ", effect " + quantity(verdict, "effect", "ratio") + ", p " +
         quantity(verdict, "p_value", "") + ", " + cell(verdict, "test") + "\n";
  out += "  windows: " + cell(verdict, "windows_before") + " before (" + cell(verdict, "before_from") + " to " +
         cell(verdict, "before_to") + "), " + cell(verdict, "windows_after") + " after (" +
         cell(verdict, "after_from") + " to " + cell(verdict, "after_to") + ")\n";
  return out + "  as a file that proves it: pgtend changes proof " + cell(change, "id").substr(0, 8) + "\n";
}

std::string timeline_block(const Json& change) {
  std::vector<std::pair<std::string, std::string>> moments;
  for (const auto* field : {"created_at", "applied_at", "observe_until", "not_before", "updated_at", "expires_at"})
    if (const auto at = cell(change, field); !at.empty()) moments.emplace_back(at, field);
  for (const auto* field : {"approved_at", "intent_at"})
    if (const auto at = note(change["evidence_before"], field); at.is_string())
      moments.emplace_back(at.get<std::string>(), field);
  std::stable_sort(moments.begin(), moments.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out = "\nTimeline\n";
  for (const auto& [at, field] : moments) out += "  " + field + " " + at + "\n";
  return out;
}

}  // namespace

std::string change_text(const Json& change, const Json& recommendation) {
  std::string out = "change " + cell(change, "id") + ": " + cell(change, "state") + "\n";
  if (const auto waits = cell(change, "waits"); !waits.empty()) out += "  waits: " + waits + "\n";
  out += "\nWhat\n  " + cell(change["plan"], "action") + " " + cell(change["plan"], "object") + ", proposed by " +
         cell(change, "proposed_by");
  if (const auto who = cell(change, "approved_by"); !who.empty()) out += ", approved by " + who;
  out += "\n";
  if (recommendation.is_object()) out += "  " + cell(recommendation["finding"], "summary") + "\n";
  out += evidence_block(change, recommendation) + gain_block(change, recommendation);
  out += plan_text(change["plan"]) + spent_text(change["spent"]);
  const auto& decision = change["decision"];
  out += "\nPolicy\n  " + cell(decision, "kind") + " (" + cell(decision, "limit") + "): " + cell(decision, "reason") +
         "\n";
  out += verification_block(change) + timeline_block(change);
  if (const auto error = cell(change, "last_error"); !error.empty()) out += "\nLast error\n  " + error + "\n";
  return out + "\nPlan hash " + cell(change, "plan_hash") + "\n";
}

}  // namespace pgtend::cli
