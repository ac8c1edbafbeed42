#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

// What PostgreSQL writes into its log, entry by entry.
namespace pgtend::logs {

enum class LogSeverity { debug, log, info, notice, warning, error, fatal, panic, other };
[[nodiscard]] std::string_view to_string(LogSeverity severity);
inline constexpr std::size_t kSeverities = 9;
// "ERROR" and its kin, DEBUG1 to DEBUG5 as debug; nullopt for other words, those of other languages among them.
[[nodiscard]] std::optional<LogSeverity> parse_severity(std::string_view word);

// The parts of an entry that are counted. Statements, details and parameters are never taken out of the log.
struct LogEntry {
  LogSeverity severity = LogSeverity::other;
  std::string sqlstate;  // five characters; empty when the log does not tell it
  std::string query_id;  // empty when it does not tell it
  std::string message;   // its beginning, kMostMessage bytes at most
  bool operator==(const LogEntry&) const = default;
};

// Of one message. Source: the longest that is counted, of an automatic vacuum with many indexes, takes 2 kB.
inline constexpr std::size_t kMostMessage = 4096;

enum class LogFormat { csv, json, text };

// Makes entries of bytes, however they are cut. What it keeps is bounded, whatever the log holds: NUL bytes, lines of
// any length, half a character, the middle of an entry.
class LogParser {
 public:
  using Sink = std::function<void(const LogEntry&)>;
  virtual ~LogParser() = default;
  virtual void feed(std::string_view bytes) = 0;
  // Nothing more came for a while: what waits for a further line is an entry now.
  virtual void pause() = 0;
  // What comes next does not follow what came before; unless it begins a line, the rest of its first one is passed
  // over.
  virtual void jump(bool at_line_start) = 0;
  // How often something was no entry.
  [[nodiscard]] std::uint64_t unreadable() const { return unreadable_; }

 protected:
  std::uint64_t unreadable_ = 0;
};

[[nodiscard]] std::unique_ptr<LogParser> make_csv_parser(LogParser::Sink sink);
[[nodiscard]] std::unique_ptr<LogParser> make_json_parser(LogParser::Sink sink);
// `line_prefix` is the server's log_line_prefix.
[[nodiscard]] std::unique_ptr<LogParser> make_text_parser(std::string line_prefix, LogParser::Sink sink);
[[nodiscard]] std::unique_ptr<LogParser> make_parser(LogFormat format, std::string line_prefix, LogParser::Sink sink);

// Appends what still fits below `most` bytes.
void append_bounded(std::string& to, std::string_view bytes, std::size_t most);

}  // namespace pgtend::logs
