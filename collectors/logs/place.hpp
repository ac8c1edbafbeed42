#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/model/rows.hpp"
#include "collectors/logs/entry.hpp"

// Where a server writes its log, from its own settings.
namespace pgtend::logs {

// Files of one folder whose names match a pattern (* and ?); the one that was written last is the log.
struct LogPlace {
  LogFormat format = LogFormat::text;
  std::string directory, pattern, line_prefix;
  bool operator==(const LogPlace&) const = default;
};

// Why a log cannot be followed, and what cures it.
struct LogHindrance {
  std::string why, cure;
};

struct LogWhereabouts {
  std::optional<LogPlace> place;
  std::string current;        // path of the file that is written now; empty when the server does not tell
  LogHindrance hindrance;     // without a place
  std::string foreign_words;  // lc_messages in which messages are not understood; empty otherwise
};

// One row: what log_whereabouts() needs. Every role may ask it; what a role may not see is NULL.
[[nodiscard]] std::string log_settings_sql();
// pg_current_logfile() for the format that `settings` choose; nullopt without the right or without a collector.
[[nodiscard]] std::optional<std::string> current_logfile_sql(const RowSet& settings);
// `current` is that answer, may be empty. `path` is the configured one, empty for what the server says: a path whose
// last part may be a pattern. `local`: the server runs on this host.
[[nodiscard]] LogWhereabouts log_whereabouts(const RowSet& settings, std::string_view current, std::string_view path,
                                             bool local);

}  // namespace pgtend::logs
