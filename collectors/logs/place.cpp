#include "collectors/logs/place.hpp"

#include <cctype>

#include "agent/base/strings.hpp"

namespace pgtend::logs {

namespace {

constexpr std::string_view kCureCollector =
    "ALTER SYSTEM SET logging_collector = on;  -- then restart the server; or name the file in postgresql.logs.path";

bool writes(const RowSet& settings, std::string_view destination) {
  for (const auto& one : split(settings.text(0, "log_destination"), ','))
    if (to_lower(trim(one)) == destination) return true;
  return false;
}

// Those that tell the SQLSTATE of every entry come first.
std::optional<LogFormat> chosen_format(const RowSet& settings) {
  if (writes(settings, "csvlog")) return LogFormat::csv;
  if (writes(settings, "jsonlog")) return LogFormat::json;
  if (writes(settings, "stderr")) return LogFormat::text;
  return std::nullopt;
}

LogFormat format_of(std::string_view path) {
  if (path.ends_with(".csv")) return LogFormat::csv;
  return path.ends_with(".json") ? LogFormat::json : LogFormat::text;
}

// "postgresql-%Y-%m-%d.log" as a pattern of names.
std::string pattern_of(std::string_view log_filename, LogFormat format) {
  std::string out;
  for (std::size_t i = 0; i < log_filename.size(); ++i) {
    if (log_filename[i] != '%') {
      out.push_back(log_filename[i]);
      continue;
    }
    // Modifiers E and O of strftime come before its letter.
    ++i;
    while (i < log_filename.size() && (log_filename[i] == 'E' || log_filename[i] == 'O')) ++i;
    if (out.empty() || out.back() != '*') out.push_back('*');
  }
  if (format == LogFormat::text) return out;
  // As the server does it.
  if (out.size() > 4 && out.ends_with(".log")) out.resize(out.size() - 4);
  return out + (format == LogFormat::csv ? ".csv" : ".json");
}

LogPlace place_at(std::string_view path, LogFormat format, const RowSet& settings) {
  const auto slash = path.rfind('/');
  const auto directory = path.substr(0, slash == 0 ? 1 : slash);
  return {format, std::string(directory), std::string(path.substr(slash + 1)), settings.text(0, "log_line_prefix")};
}

// Debian names clusters "15/main" and gives each a file, which the server itself knows nothing of.
std::string debian_path(const RowSet& settings) {
  const auto name = settings.text(0, "cluster_name");
  const auto slash = name.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == name.size()) return {};
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const bool good = i < slash ? std::isdigit(c) != 0 : i == slash || std::isalnum(c) != 0 || c == '_' || c == '-';
    if (!good) return {};
  }
  return "/var/log/postgresql/postgresql-" + name.substr(0, slash) + "-" + name.substr(slash + 1) + ".log";
}

std::string absolute(std::string_view path, const RowSet& settings) {
  if (path.starts_with('/')) return std::string(path);
  return settings.text(0, "data_directory") + "/" + std::string(path);
}

bool understands(std::string_view locale) {
  return locale.empty() || locale == "C" || locale == "POSIX" || locale.starts_with("C.") || locale.starts_with("en");
}

}  // namespace

std::string log_settings_sql() {
  std::string sql = "SELECT pg_catalog.has_function_privilege('pg_current_logfile(text)', 'EXECUTE') AS may_current";
  for (const auto* name : {"log_destination", "logging_collector", "log_directory", "log_filename", "log_line_prefix",
                           "data_directory", "cluster_name", "lc_messages"})
    sql += std::string(", pg_catalog.max(setting) FILTER (WHERE name = '") + name + "') AS " + name;
  // By this view, because SHOW refuses what a role may not see.
  return sql + " FROM pg_catalog.pg_settings";
}

std::optional<std::string> current_logfile_sql(const RowSet& settings) {
  const auto format = chosen_format(settings);
  if (!format || !settings.boolean(0, "may_current") || settings.text(0, "logging_collector") != "on")
    return std::nullopt;
  const std::string name = *format == LogFormat::csv ? "csvlog" : *format == LogFormat::json ? "jsonlog" : "stderr";
  return "SELECT pg_catalog.pg_current_logfile('" + name + "') AS current";
}

LogWhereabouts log_whereabouts(const RowSet& settings, std::string_view current, std::string_view path, bool local) {
  LogWhereabouts out;
  if (!understands(settings.text(0, "lc_messages"))) out.foreign_words = settings.text(0, "lc_messages");
  if (!path.empty()) {
    out.place = place_at(path, format_of(path), settings);
    return out;
  }
  const auto format = chosen_format(settings);
  const bool collects = settings.text(0, "logging_collector") == "on";
  if (!local) {
    out.hindrance = {"the server is on another host",
                     "-- run pgtend beside the server, or name a copy of the log in "
                     "postgresql.logs.path"};
  } else if (!format) {
    out.hindrance = {"log_destination is " + settings.text(0, "log_destination") + ": the server writes no file",
                     "ALTER SYSTEM SET log_destination = 'csvlog'; " + std::string(kCureCollector)};
  } else if (collects) {
    const auto directory = settings.text(0, "log_directory"), name = settings.text(0, "log_filename");
    if (directory.empty() || name.empty() || (directory.front() != '/' && settings.text(0, "data_directory").empty())) {
      out.hindrance = {"this role may not see where the server writes its log",
                       "GRANT pg_read_all_settings TO {role};"};
      return out;
    }
    out.place = LogPlace{*format, absolute(directory, settings), pattern_of(name, *format),
                         settings.text(0, "log_line_prefix")};
    if (!current.empty()) out.current = absolute(current, settings);
  } else if (const auto debian = debian_path(settings); !debian.empty()) {
    out.place = place_at(debian, LogFormat::text, settings);
  } else {
    out.hindrance = {"the server writes its log to its standard error, of which it knows no file",
                     std::string(kCureCollector)};
  }
  return out;
}

}  // namespace pgtend::logs
