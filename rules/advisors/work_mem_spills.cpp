#include "rules/advisors/work_mem_spills.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

constexpr auto kSetting = "work_mem";

// kB of "8MB", "8192" (a bare number is kB), "64kB"; nullopt when it is no size.
std::optional<std::int64_t> kilobytes(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const bool bare = text.find_first_not_of("0123456789") == std::string::npos;
  const auto bytes = parse_bytes(bare ? text + "kB" : text);
  if (!bytes) return std::nullopt;
  return *bytes / 1024;
}

struct Spill {
  std::vector<StatementDelta> statements;  // worst first
  double blocks = 0;
};

// Whether maintenance_work_mem is what the statement sorts in, or it is one of our own.
bool is_upkeep(std::string_view text) {
  if (text.find("/* pgtend:") != std::string_view::npos) return true;
  const auto start = text.find_first_not_of(" \t\r\n");
  const auto head = to_lower(start == std::string_view::npos ? text : text.substr(start, 20));
  return head.starts_with("create index") || head.starts_with("create unique") || head.starts_with("reindex") ||
         head.starts_with("cluster") || head.starts_with("vacuum") || head.starts_with("alter table");
}

std::map<std::string, Spill> spills_by_role(const std::vector<StatementDelta>& deltas) {
  std::map<std::string, Spill> out;
  for (const auto& delta : deltas) {
    if (is_upkeep(delta.text)) continue;
    if (delta.temp_blocks <= 0 || delta.users.empty() || delta.users.begin()->empty()) continue;
    auto& spill = out[*delta.users.begin()];
    spill.blocks += delta.temp_blocks;
    spill.statements.push_back(delta);
  }
  for (auto& [role, spill] : out)
    std::stable_sort(spill.statements.begin(), spill.statements.end(),
                     [](const auto& a, const auto& b) { return a.temp_blocks > b.temp_blocks; });
  return out;
}

// The most that one more step may give, in kB; a reason instead when memory is not known.
std::int64_t ceiling(const DatabaseFacts& now, const AdvisorOptions& options) {
  const auto backends = static_cast<double>(std::max<std::int64_t>(1, now.active_backends));
  const double share = options.work_mem_ram_share * static_cast<double>(now.ram_bytes) / backends / 1024;
  return std::min(options.max_work_mem_kb, static_cast<std::int64_t>(share));
}

}  // namespace

Advice work_mem_spills(const DatabaseFacts& before, const DatabaseFacts& now, const AdvisorOptions& options) {
  Advice out;
  if (auto why = statements_incomparable(before, now); !why.empty()) {
    out.refused.push_back({"more work_mem", std::move(why)});
    return out;
  }
  const auto spills = spills_by_role(statement_deltas(before, now, true));
  if (spills.empty()) out.refused.push_back({"more work_mem", "no statement wrote temporary files in the window"});
  const double minutes = std::max(1.0 / 60, window_seconds(before, now) / 60);
  for (const auto& [name, spill] : spills) {
    const std::string what = "more work_mem for role " + name;
    std::vector<const StatementDelta*> few;
    double covered = 0, calls = 0;
    for (const auto& delta : spill.statements) {
      if (few.size() >= static_cast<std::size_t>(options.spill_statements)) break;
      if (delta.temp_blocks / delta.calls < options.min_spill_blocks_per_call) continue;
      few.push_back(&delta);
      covered += delta.temp_blocks;
      calls += delta.calls;
    }
    if (few.empty()) {
      out.refused.push_back(
          {what, "no statement spills as much as " + count(options.min_spill_blocks_per_call) + " blocks a call"});
      continue;
    }
    if (covered < options.spill_share * spill.blocks) {
      out.refused.push_back({what, "its spilling is spread over many statements; look at them one by one"});
      continue;
    }
    const auto role =
        std::find_if(now.roles.begin(), now.roles.end(), [&](const RoleFact& r) { return r.name == name; });
    std::optional<std::string> previous;
    if (role != now.roles.end())
      if (const auto it = role->settings.find(kSetting); it != role->settings.end()) previous = it->second;
    const auto server = now.settings.find(kSetting);
    const auto current = previous ? kilobytes(*previous)
                                  : kilobytes(server == now.settings.end() ? std::string() : server->second.value);
    if (role == now.roles.end() || !current) {
      out.refused.push_back(
          {what, role == now.roles.end() ? "the role is not readable" : "its present work_mem is not readable"});
      continue;
    }
    Finding finding = make_finding(
        "work_mem_spills", now, "role " + name, Severity::warning,
        (few.size() == 1 ? "one statement of role " + name + " writes temporary files on its calls: "
                         : count(static_cast<double>(few.size())) + " statements of role " + name +
                               " write temporary files on their calls: ") +
            format_bytes(covered / calls * kBlockBytes) + " a call.",
        {{"temporary blocks written per call", covered / calls, "blocks", "pg_stat_statements"},
         {"calls", calls / minutes, "1/min", "pg_stat_statements"},
         {"share of the role's spilling", covered / spill.blocks, "ratio", "pg_stat_statements"},
         {"work_mem now", static_cast<double>(*current) * 1024, "bytes", previous ? "ALTER ROLE" : "server setting"},
         {"active backends", static_cast<double>(now.active_backends), "backends", "pg_stat_activity"}});
    out.findings.push_back(finding);
    if (now.ram_bytes <= 0) {
      out.refused.push_back({what, "the host's memory is not known, so no bound can be kept"});
      continue;
    }
    if (!role->can_login) {
      out.refused.push_back({what,
                             "nobody logs in as it, and only then a role's settings apply: raise work_mem for the "
                             "roles that SET ROLE to it"});
      continue;
    }
    if (role->superuser) {
      out.refused.push_back({what,
                             "only a superuser may change the settings of a superuser, which pgtend is not: run "
                             "ALTER ROLE " +
                                 quote_identifier(name) +
                                 " SET work_mem by hand, or let the statements run as a role of their own"});
      continue;
    }
    const std::int64_t most = ceiling(now, options), next = std::min(*current * 2, most);
    if (next <= *current) {
      out.refused.push_back({what, "its work_mem of " + format_bytes(static_cast<double>(*current) * 1024) +
                                       " is at the bound of " + format_bytes(static_cast<double>(most) * 1024) +
                                       " already"});
      continue;
    }
    auto recommendation = start_recommendation("work_mem_spills", now, std::move(finding), "role " + name,
                                               "work_mem " + std::to_string(next));
    auto& change = recommendation.change;
    const std::string head = "ALTER ROLE " + quote_identifier(name);
    const std::string value = std::to_string(next) + "kB";
    change.action = ActionClass::role_setting;
    change.kind = ChangeKind::setting;
    // A role may change its own settings: no right over other roles is needed.
    change.run_as_role = name;
    change.sql_up = {head + " SET work_mem = " + quote_literal(value)};
    change.sql_down = {previous ? head + " SET work_mem = " + quote_literal(*previous) : head + " RESET work_mem"};
    SettingChange detail;
    detail.name = kSetting;
    detail.value = value;
    detail.unit = "kB";
    detail.role = name;
    detail.previous = previous;
    change.detail = std::move(detail);
    change.lock = LockLevel::none;
    for (const auto* delta : few) change.target_statements.push_back(delta->query_id);
    const double per_call = covered / calls;
    recommendation.effect = {
        "temporary blocks written per call", per_call, per_call / 2, 0, per_call, "blocks", "rule"};
    recommendation.risk = Risk::medium;
    recommendation.refused.push_back(
        {"more work_mem for the whole server", "the narrowest scope comes first: only this role spills so"});
    recommendation.refused.push_back(
        {"more than twice as much at once",
         "one step, then a look: " + format_bytes(static_cast<double>(most) * 1024) +
             " is the bound (a quarter of memory over the active backends, 256 MB at most)"});
    offer(out, std::move(recommendation), options);
  }
  return out;
}

}  // namespace pgtend::advisors
