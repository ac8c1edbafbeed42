#include "agent/engine/migration_baseline.hpp"

#include <algorithm>
#include <map>

#include "agent/base/strings.hpp"

namespace pgtend::engine {

namespace {

using migrate::MigrationFile;
using migrate::Noted;

Result<void> is_sound(const AdoptedHistory& history) {
  const auto mend = "; mend that with " + history.tool + " first";
  if (!history.warnings.empty()) return fail(Errc::conflict, history.table + ": " + history.warnings.front() + mend);
  for (const auto& one : history.migrations)
    if (one.state != AdoptedState::applied)
      return fail(Errc::conflict, history.table + ": " + (one.version.empty() ? one.name : "version " + one.version) +
                                      " is " + std::string(to_string(one.state)) + mend);
  if (history.migrations.empty()) return fail(Errc::conflict, history.table + " holds no migration");
  return {};
}

// Flyway's name of R__order_totals.sql is "order totals".
bool is_named(const MigrationFile& file, std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return file.repeatable && file.name == name;
}

// By version, with the time at which its tool applied it.
Result<std::map<std::uint64_t, std::optional<UtcTime>>> versions_of(const AdoptedHistory& history,
                                                                    const std::vector<MigrationFile>& files) {
  std::map<std::uint64_t, std::optional<UtcTime>> out;
  for (const auto& one : history.migrations) {
    if (one.version.empty()) continue;
    const auto version = migrate::parse_version(one.version);
    if (!version)
      return fail(Errc::unsupported, history.table + ": version " + one.version +
                                         " is no whole number, so no file can be its own; say which version of yours "
                                         "stands for all of it: --as V0001");
    out[*version] = one.applied_at;
    if (!one.and_before) continue;
    for (const auto& file : files)
      if (!file.repeatable && file.version < *version) out.emplace(file.version, one.applied_at);
  }
  return out;
}

}  // namespace

Result<std::vector<Noted>> adopted_baseline(const AdoptedHistory& history, const std::vector<MigrationFile>& files,
                                            std::optional<std::uint64_t> as, const std::string& actor) {
  if (auto sound = is_sound(history); !sound) return fail(std::move(sound.error()));
  const auto by = actor + ", from " + history.tool;
  if (as) {
    auto out = migrate::up_to(files, *as);
    if (out)
      for (auto& one : *out) one.by = by;
    return out;
  }
  auto versions = versions_of(history, files);
  if (!versions) return fail(std::move(versions.error()));
  std::vector<Noted> out;
  for (const auto& file : files) {
    if (file.repeatable) {
      for (const auto& one : history.migrations)
        if (one.version.empty() && is_named(file, one.name)) out.push_back({&file, by, one.applied_at});
      continue;
    }
    const auto it = versions->find(file.version);
    if (it == versions->end()) continue;
    out.push_back({&file, by, it->second});
    versions->erase(it);
  }
  if (versions->empty()) return out;
  std::vector<std::string> missing;
  for (const auto& [version, at] : *versions) missing.push_back(std::to_string(version));
  return fail(Errc::not_found, history.table + " has versions of which there is no file: " + join(missing, ", ") +
                                   "; name them V<version>__<name>.sql, or say which version of yours stands for all "
                                   "of it: --as V0001");
}

}  // namespace pgtend::engine
