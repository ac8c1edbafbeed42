#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/change/migrate/runner.hpp"
#include "agent/model/adopted_migration.hpp"

namespace pgtend::engine {

// What another tool's history says of these files: each version that it applied is noted with its time. `as`: the whole
// history counts as every version up to this one, for tools whose versions are no numbers. `actor`: who asks. Errors:
// conflict (something of it failed or is half done), unsupported (a version that is no number, without `as`), not_found
// (a version without a file).
[[nodiscard]] Result<std::vector<migrate::Noted>> adopted_baseline(const AdoptedHistory& history,
                                                                   const std::vector<migrate::MigrationFile>& files,
                                                                   std::optional<std::uint64_t> as,
                                                                   const std::string& actor);

}  // namespace pgtend::engine
