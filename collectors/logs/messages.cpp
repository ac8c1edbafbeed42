#include "collectors/logs/messages.hpp"

#include <charconv>
#include <cmath>

namespace pgtend::logs {

namespace {

// What stands behind `before`; nullopt when that does not occur.
std::optional<std::string_view> behind(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return std::nullopt;
  return text.substr(at + before.size());
}

// The number that a text begins with; nullopt for none and for such as no server writes.
std::optional<double> leading(std::string_view text) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (read.ec != std::errc() || !std::isfinite(value) || value < 0) return std::nullopt;
  return value;
}

double number_behind(std::string_view text, std::string_view before) {
  const auto rest = behind(text, before);
  return rest ? leading(*rest).value_or(0) : 0;
}

// The number right before `after`, as in "4900 removed".
double number_before(std::string_view text, std::string_view after) {
  const auto at = text.find(after);
  if (at == std::string_view::npos) return 0;
  const auto begin = text.find_last_not_of("0123456789", at == 0 ? 0 : at - 1);
  return leading(text.substr(begin == std::string_view::npos ? 0 : begin + 1, at)).value_or(0);
}

// The line, of an entry of several, that begins with a word and holds nothing of a user's before it.
std::string_view line_of(std::string_view text, std::string_view word) {
  const auto rest = behind(text, word);
  return rest ? rest->substr(0, rest->find('\n')) : std::string_view();
}

// "db.schema.table" with the quotes around it, and what follows. Names may have dots of their own; the first two
// divide.
std::optional<TableName> table_name(std::string_view quoted, std::string_view& rest) {
  if (quoted.empty() || quoted.front() != '"') return std::nullopt;
  quoted.remove_prefix(1);
  const auto end = quoted.find('"');
  const auto name = quoted.substr(0, end);
  const auto first = name.find('.');
  if (end == std::string_view::npos || first == std::string_view::npos) return std::nullopt;
  const auto second = name.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  rest = quoted.substr(end + 1);
  return TableName{std::string(name.substr(0, first)), std::string(name.substr(first + 1, second - first - 1)),
                   std::string(name.substr(second + 1))};
}

constexpr double kMillisecond = 0.001, kKilobyte = 1024;

}  // namespace

std::optional<CheckpointMessage> parse_checkpoint(std::string_view message) {
  CheckpointMessage out;
  out.restartpoint = message.starts_with("restartpoint complete: ");
  if (!out.restartpoint && !message.starts_with("checkpoint complete: ")) return std::nullopt;
  out.buffers = number_behind(message, "wrote ");
  out.wal_added = number_before(message, " WAL file(s) added");
  out.wal_removed = number_before(message, " removed");
  out.wal_recycled = number_before(message, " recycled");
  out.write = number_behind(message, "write=");
  out.sync = number_behind(message, "sync=");
  out.total = number_behind(message, "total=");
  out.sync_files = number_behind(message, "sync files=");
  out.longest_sync = number_behind(message, "longest=");
  out.distance = number_behind(message, "distance=") * kKilobyte;
  out.estimate = number_behind(message, "estimate=") * kKilobyte;
  return out;
}

std::optional<AutovacuumMessage> parse_autovacuum(std::string_view message) {
  constexpr std::string_view kOfTable = " of table ";
  if (!message.starts_with("automatic ")) return std::nullopt;
  const auto at = message.find(kOfTable);
  if (at == std::string_view::npos) return std::nullopt;
  const auto what = message.substr(0, at);
  AutovacuumMessage out;
  out.analyze = what == "automatic analyze";
  out.wraparound = what.ends_with(" to prevent wraparound");
  if (!out.analyze && what.find("vacuum") == std::string_view::npos) return std::nullopt;
  std::string_view rest;
  auto table = table_name(message.substr(at + kOfTable.size()), rest);
  if (!table) return std::nullopt;
  out.table = std::move(*table);
  const auto tuples = line_of(rest, "tuples: ");
  out.removed = number_before(tuples, " removed");
  out.kept_dead = number_before(tuples, " are dead but not yet removable");
  const auto buffers = line_of(rest, "buffer usage: ");
  out.hits = number_before(buffers, " hits");
  // "misses" before PostgreSQL 18.
  out.misses = number_before(buffers, " misses") + number_before(buffers, " reads");
  out.dirtied = number_before(buffers, " dirtied");
  out.seconds = number_behind(line_of(rest, "system usage: "), "elapsed: ");
  return out;
}

std::optional<double> parse_temporary_file(std::string_view message) {
  if (!message.starts_with("temporary file: ")) return std::nullopt;
  const auto at = message.rfind(", size ");
  if (at == std::string_view::npos) return std::nullopt;
  return leading(message.substr(at + 7));
}

std::optional<LockWaitMessage> parse_lock_wait(std::string_view message) {
  if (!message.starts_with("process ")) return std::nullopt;
  const auto after = message.rfind(" after ");
  if (after == std::string_view::npos) return std::nullopt;
  const auto milliseconds = leading(message.substr(after + 7));
  if (!milliseconds) return std::nullopt;
  LockWaitMessage out;
  out.seconds = *milliseconds * kMillisecond;
  if (message.find(" still waiting for ") != std::string_view::npos) return out;
  out.state = LockWait::acquired;
  if (message.find(" acquired ") != std::string_view::npos) return out;
  out.state = LockWait::deadlock;
  if (message.find(" detected deadlock while waiting for ") != std::string_view::npos) return out;
  return std::nullopt;
}

std::optional<DurationMessage> parse_duration_message(std::string_view message) {
  if (!message.starts_with("duration: ")) return std::nullopt;
  const auto milliseconds = leading(message.substr(10));
  if (!milliseconds) return std::nullopt;
  const auto rest = behind(message.substr(0, 64), " ms");
  if (!rest) return std::nullopt;
  return DurationMessage{rest->starts_with("  plan:"), *milliseconds * kMillisecond};
}

std::optional<double> parse_session_time(std::string_view message) {
  const std::string_view begin = "disconnection: session time: ";
  if (!message.starts_with(begin)) return std::nullopt;
  auto rest = message.substr(begin.size());
  double seconds = 0;
  for (int part = 0; part < 3; ++part) {
    const auto value = leading(rest);
    if (!value) return std::nullopt;
    seconds = seconds * 60 + *value;
    const auto colon = rest.find(':');
    if (part < 2 && colon == std::string_view::npos) return std::nullopt;
    if (part < 2) rest.remove_prefix(colon + 1);
  }
  return seconds;
}

std::optional<int> parse_crash(std::string_view message) {
  const auto rest = behind(message, ") was terminated by signal ");
  if (!rest || message.find(" (PID ") == std::string_view::npos) return std::nullopt;
  const auto signal = leading(*rest);
  if (!signal || *signal < 1 || *signal > 64) return std::nullopt;
  return static_cast<int>(*signal);
}

std::optional<double> parse_redo_done(std::string_view message) {
  if (!message.starts_with("redo done at ")) return std::nullopt;
  return number_behind(message, "elapsed: ");
}

}  // namespace pgtend::logs
