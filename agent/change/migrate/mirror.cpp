#include "agent/change/migrate/mirror.hpp"

#include <map>
#include <nlohmann/json.hpp>

namespace pgtend::migrate {

namespace {

// How many rows both have; behind them one has more, or they went different ways.
std::size_t common_rows(const Mirror& mirror, const Log& log) {
  std::size_t same = 0;
  while (same < mirror.size() && same < log.rows.size() && mirror[same].hash == log.rows[same].hash) ++same;
  return same;
}

// What the rows that only the copy has left applied.
std::vector<std::string> taken_away(const Mirror& mirror, const Log& log) {
  std::map<std::string, bool> gone;
  for (std::size_t i = common_rows(mirror, log); i < mirror.size(); ++i)
    gone[mirror[i].id] = mirror[i].action != Action::down;
  std::vector<std::string> out;
  for (const auto& [id, was_applied] : gone)
    if (was_applied) out.push_back(id);
  return out;
}

}  // namespace

std::string mirror_key(const std::string& system_identifier, const std::string& database, const std::string& set) {
  return "migrations/" + (set == kChangeSet ? "" : set + "/") + system_identifier + "/" + database;
}

std::string to_text(const Log& log) {
  auto json = nlohmann::json::array();
  for (const auto& row : log.rows)
    json.push_back({{"sequence", row.sequence}, {"id", row.id}, {"hash", row.hash}, {"action", to_string(row.action)}});
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Mirror> parse_mirror(std::string_view text) {
  Mirror out;
  if (text.empty()) return out;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return fail(Errc::corrupt, "the ledger's copy of the migrations cannot be read");
  for (const auto& one : json) {
    const auto action = one.value("action", "");
    MirrorRow row{one.value("sequence", std::int64_t{0}), one.value("id", ""), one.value("hash", ""), Action::up};
    if (action == to_string(Action::down)) row.action = Action::down;
    if (action == to_string(Action::baseline)) row.action = Action::baseline;
    out.push_back(std::move(row));
  }
  return out;
}

std::vector<std::string> lost(const Mirror& mirror, const Log& log) {
  auto out = taken_away(mirror, log);
  const auto applied = log.applied();
  std::erase_if(out, [&](const std::string& id) { return applied.contains(id); });
  return out;
}

std::vector<store::AuditDraft> audit_of(const Mirror& mirror, const Log& log, const std::string& database) {
  const auto same = common_rows(mirror, log);
  std::vector<store::AuditDraft> out;
  // Also those that are applied anew by now.
  for (const auto& id : taken_away(mirror, log))
    out.push_back({"agent", "migrate.lost", database + "/" + id, "applied", "lost", "ok"});
  for (std::size_t i = same; i < log.rows.size(); ++i) {
    const auto& row = log.rows[i];
    out.push_back({row.applied_by, "migrate." + std::string(to_string(row.action)), database + "/" + row.id, row.parent,
                   row.hash, "ok"});
  }
  return out;
}

}  // namespace pgtend::migrate
