#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace pgtend::log {

enum class Level { debug, info, warn, error };

struct Field {
  std::string_view key;
  std::string value;
};

// Starts asynchronous logfmt lines on stderr; before it, lines are written synchronously.
// A full queue drops its oldest line rather than stall a caller (counted by dropped()).
// REQUIRES: called once, before other threads start.
void start(Level level);
// Flushes and stops the writer thread.
void stop();
void set_level(Level level);
[[nodiscard]] std::size_t dropped();

// One line: ts=… level=… msg="…" key=value …. Values must be free of secrets and of user data. An equal warning or
// error is written once a minute, with repeated=N for those between.
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::debug, m, f);
}
inline void info(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::info, m, f);
}
inline void warn(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::warn, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) {
  write(Level::error, m, f);
}

}  // namespace pgtend::log
