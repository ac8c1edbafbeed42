#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/change/migrate/file.hpp"
#include "agent/change/migrate/log.hpp"

// What files and log together say; no I/O.
namespace pgtend::migrate {

// Names are shown and written as JSON: never rename.
enum class State {
  applied,
  baseline,  // was there before pgtend
  pending,
  failed,          // its last attempt failed; a run goes on where it stopped
  unfinished,      // its last attempt was interrupted; a run goes on where it stopped
  checksum_drift,  // the file is not the one that was applied
  missing_file,    // applied, and there is no file
  out_of_order,    // pending, and a later version is applied
  lost,            // applied once, and this database was restored or promoted to a point before
};
[[nodiscard]] std::string_view to_string(State state);

struct Item {
  std::string id, name, path;
  State state = State::pending;
  std::string detail;  // a sentence for a person; may be empty
  std::optional<UtcTime> applied_at;
  std::string applied_by;
};
// Every migration in the order in which it is or was applied: versions, then repeatable ones. `lost`: see mirror.hpp.
[[nodiscard]] std::vector<Item> items(const std::vector<MigrationFile>& files, const Log& log,
                                      const std::vector<std::string>& lost = {});

struct UpOptions {
  std::optional<std::uint64_t> to;  // the last version to apply, repeatable files are left out then
  bool out_of_order = false;        // apply versions below the highest that is applied too
};
// What `up` would apply, in that order.
// Errors: conflict (an applied file changed, a version came late, an unfinished change is in the way; the message names
// the next command), corrupt (the log's chain is broken), not_found (`to` is no version of the folder).
[[nodiscard]] Result<std::vector<const MigrationFile*>> pending(const std::vector<MigrationFile>& files, const Log& log,
                                                                const UpOptions& options);

struct DownOptions {
  std::optional<std::uint64_t> to;  // take back all above this version; without it: `steps`
  int steps = 1;
};
// What `down` would take back, newest first. Errors: conflict (the file changed or is missing), refused (it has no
// @down, or it is a baseline), corrupt.
[[nodiscard]] Result<std::vector<const MigrationFile*>> to_take_back(const std::vector<MigrationFile>& files,
                                                                     const Log& log, const DownOptions& options);

// What the log says that its migrations left.
[[nodiscard]] Result<Objects> expected_objects(const Log& log);
// Where the catalogs differ from that, each as a sentence that names the object.
[[nodiscard]] std::vector<std::string> object_drift(const Objects& expected, const Catalog& now);

}  // namespace pgtend::migrate
