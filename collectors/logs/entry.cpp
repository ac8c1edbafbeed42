#include "collectors/logs/entry.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pgtend::logs {

namespace {

constexpr std::array<std::string_view, kSeverities> kNames{"debug", "log",   "info",  "notice", "warning",
                                                           "error", "fatal", "panic", "other"};
constexpr std::array<std::pair<std::string_view, LogSeverity>, 12> kWords{{{"LOG", LogSeverity::log},
                                                                           {"ERROR", LogSeverity::error},
                                                                           {"FATAL", LogSeverity::fatal},
                                                                           {"WARNING", LogSeverity::warning},
                                                                           {"PANIC", LogSeverity::panic},
                                                                           {"NOTICE", LogSeverity::notice},
                                                                           {"INFO", LogSeverity::info},
                                                                           {"DEBUG1", LogSeverity::debug},
                                                                           {"DEBUG2", LogSeverity::debug},
                                                                           {"DEBUG3", LogSeverity::debug},
                                                                           {"DEBUG4", LogSeverity::debug},
                                                                           {"DEBUG5", LogSeverity::debug}}};

}  // namespace

std::string_view to_string(LogSeverity severity) {
  return kNames[static_cast<std::size_t>(severity)];
}

std::optional<LogSeverity> parse_severity(std::string_view word) {
  for (const auto& [name, severity] : kWords)
    if (name == word) return severity;
  if (word == "DEBUG") return LogSeverity::debug;
  return std::nullopt;
}

std::unique_ptr<LogParser> make_parser(LogFormat format, std::string line_prefix, LogParser::Sink sink) {
  if (format == LogFormat::csv) return make_csv_parser(std::move(sink));
  if (format == LogFormat::json) return make_json_parser(std::move(sink));
  return make_text_parser(std::move(line_prefix), std::move(sink));
}

void append_bounded(std::string& to, std::string_view bytes, std::size_t most) {
  if (to.size() >= most) return;
  to.append(bytes.substr(0, most - to.size()));
}

}  // namespace pgtend::logs
