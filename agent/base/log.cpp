#include "agent/base/log.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "agent/base/clock.hpp"
#include "agent/base/log_repeats.hpp"

namespace pgtend::log {

namespace {

// Enough for a burst of every collector failing at once; a line is a few hundred bytes.
constexpr std::size_t kQueueLines = 256;

std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = [] {
    auto sync = std::make_shared<spdlog::logger>("pgtend", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    sync->set_pattern("%v");
    return sync;
  }();
  return instance;
}

spdlog::level::level_enum native(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "info";
}

void append_value(std::string& line, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=\n\r\t\\") == std::string_view::npos;
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    if (c == '\n' || c == '\r' || c == '\t') {
      line += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else {
      line += c;
    }
  }
  line += '"';
}

}  // namespace

void start(Level level) {
  spdlog::init_thread_pool(kQueueLines, 1);
  auto async =
      std::make_shared<spdlog::async_logger>("pgtend", std::make_shared<spdlog::sinks::stderr_sink_mt>(),
                                             spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest);
  async->set_pattern("%v");
  async->set_level(native(level));
  async->flush_on(spdlog::level::info);
  logger() = std::move(async);
}

void stop() {
  logger()->flush();
  auto sync = std::make_shared<spdlog::logger>("pgtend", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  sync->set_pattern("%v");
  sync->set_level(logger()->level());
  logger() = std::move(sync);
  spdlog::shutdown();
}

void set_level(Level level) {
  logger()->set_level(native(level));
}

std::size_t dropped() {
  const auto pool = spdlog::thread_pool();
  return pool ? pool->overrun_counter() : 0;
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!logger()->should_log(native(level))) return;
  std::string line = "level=" + std::string(name(level)) + " msg=";
  append_value(line, message);
  for (const auto& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  const SystemClock clock;
  if (level >= Level::warn) {
    static Repeats repeats;
    const auto held_back = repeats.admit(line, clock.steady_now());
    if (!held_back) return;
    if (*held_back > 0) line += " repeated=" + std::to_string(*held_back);
  }
  logger()->log(native(level), "ts=" + to_rfc3339(clock.now()) + " " + line);
}

}  // namespace pgtend::log
