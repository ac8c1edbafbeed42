#include <algorithm>
#include <cctype>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/change/verify/evidence.hpp"

namespace pgtend::change {
namespace {

// More add no power to the ratio and cost reading.
constexpr std::size_t kMaxControls = 12;
constexpr std::size_t kMaxTargets = 40;
// Calls in the whole before range below which a statement is no steady control.
constexpr double kLeastControlCalls = 20;
// WAL per call above which a statement without a known text is taken for a write.
constexpr double kWriteWal = 60;

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

// A whole word of the text, so that "orders" is not found in "reorders".
bool mentions(const std::string& lower_text, const std::string& lower_name) {
  for (auto at = lower_text.find(lower_name); at != std::string::npos; at = lower_text.find(lower_name, at + 1)) {
    const auto end = at + lower_name.size();
    const bool left = at == 0 || !is_word(lower_text[at - 1]);
    const bool right = end == lower_text.size() || !is_word(lower_text[end]);
    if (left && right) return true;
  }
  return false;
}

std::string without_comments(const std::string& text) {
  std::string out(trim(text));
  while (out.starts_with("/*")) {
    const auto end = out.find("*/");
    if (end == std::string::npos) return {};
    out = std::string(trim(std::string_view(out).substr(end + 2)));
  }
  return out;
}

std::string first_word(const std::string& text) {
  const auto clean = without_comments(text);
  std::size_t end = 0;
  while (end < clean.size() && std::isalpha(static_cast<unsigned char>(clean[end])) != 0) ++end;
  return to_lower(clean.substr(0, end));
}

bool writes_by_text(const std::string& text) {
  const auto word = first_word(text);
  return word == "insert" || word == "update" || word == "delete" || word == "merge";
}

bool is_utility(const std::string& text) {
  const auto word = first_word(text);
  return !text.empty() && word != "select" && word != "with" && word != "values" && !writes_by_text(text);
}

std::string table_name(const std::string& qualified) {
  const auto dot = qualified.rfind('.');
  return to_lower(dot == std::string::npos ? qualified : qualified.substr(dot + 1));
}

}  // namespace

bool has_plan(const std::string& text) {
  return !text.empty() && !is_utility(text);
}

StatementSets choose_sets(const Candidates& candidates) {
  const std::set<std::int64_t> touching(candidates.touching.begin(), candidates.touching.end());
  const std::set<std::int64_t> named(candidates.named.begin(), candidates.named.end());
  std::vector<std::pair<double, std::int64_t>> by_load;
  for (const auto& [id, totals] : candidates.totals) by_load.emplace_back(-totals.counts.exec_ms, id);
  std::sort(by_load.begin(), by_load.end());
  StatementSets out;
  for (const auto& [load, id] : by_load) {
    const auto& totals = candidates.totals.at(id);
    const auto found = candidates.texts.find(id);
    const std::string text = found == candidates.texts.end() ? std::string() : found->second;
    if (is_utility(text) || text.find("/* pgtend:") != std::string::npos) continue;
    const auto lower = to_lower(text);
    const auto planned = candidates.by_plan.find(id);
    const bool by_text =
        touching.contains(id) || std::any_of(candidates.target_tables.begin(), candidates.target_tables.end(),
                                             [&](const auto& table) { return mentions(lower, table_name(table)); });
    const bool touches = planned != candidates.by_plan.end() ? planned->second : by_text;
    const auto& users = totals.users;
    const bool by_role =
        !candidates.role.empty() && std::find(users.begin(), users.end(), candidates.role) != users.end();
    if (named.contains(id) || touches || by_role) {
      if (out.targets.size() >= kMaxTargets || totals.counts.calls <= 0) continue;
      out.targets.push_back(id);
      const double wal = totals.counts.wal_bytes / totals.counts.calls;
      if (writes_by_text(text) || (text.empty() && wal >= kWriteWal)) out.writes.push_back(id);
    } else if (out.controls.size() < kMaxControls && totals.counts.calls >= kLeastControlCalls) {
      out.controls.push_back(id);
    }
  }
  return out;
}

}  // namespace pgtend::change
