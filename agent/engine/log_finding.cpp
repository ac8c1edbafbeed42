#include "agent/engine/log_finding.hpp"

#include "agent/engine/cure.hpp"

namespace pgtend::engine {

namespace {

pg::Capability missing(std::string effect, std::string cure, bool configured) {
  pg::Capability out;
  out.name = "server_log";
  out.effect = std::move(effect);
  out.cure = std::move(cure);
  out.advice = !configured;
  return out;
}

// The error of the file, whose cure stands in its own place here.
pg::Capability unreadable(const Error& error, bool configured) {
  constexpr std::string_view kCure = "; cure: ";
  auto why = error.message;
  std::string cure = "-- name the file in postgresql.logs.path";
  if (const auto at = why.find(kCure); at != std::string::npos) {
    cure = why.substr(at + kCure.size());
    why.resize(at);
  } else if (configured) {
    cure = "-- postgresql.logs.path must name a file of the server's log";
  }
  return missing("the server's log is not counted: " + why, std::move(cure), configured);
}

}  // namespace

net::TaskResult<FoundLog> find_log(AskServer ask, config::ServerLogConfig config, std::string role,
                                   std::function<bool()> is_local, net::asio::any_io_executor blocking) {
  const bool configured = !config.path.empty();
  const std::string sql = logs::log_settings_sql();
  auto settings = co_await ask(sql);
  if (!settings) co_return fail(std::move(settings.error()), "settings of the server's log");
  std::string current;
  if (const auto question = logs::current_logfile_sql(*settings)) {
    const std::string text = *question;
    auto answer = co_await ask(text);
    if (answer) current = answer->text(0, "current");
  }
  auto where = logs::log_whereabouts(*settings, current, config.path, is_local());
  FoundLog out;
  if (!where.place) {
    out.capability = missing("the server's log is not counted: " + where.hindrance.why,
                             cure_for(where.hindrance.cure, role), configured);
    co_return out;
  }
  auto look = [options = tail::FollowOptions{where.place->directory, where.place->pattern, where.current}] {
    return tail::find_readable(options);
  };
  auto readable = co_await net::run_on(blocking, look);
  if (!readable) {
    out.capability = unreadable(readable.error(), configured);
    co_return out;
  }
  out.capability.name = "server_log";
  out.capability.present = true;
  if (!where.foreign_words.empty()) {
    out.capability =
        missing("of the server's log only SQLSTATEs are counted: its messages are in " + where.foreign_words,
                "ALTER SYSTEM SET lc_messages = 'C'; SELECT pg_reload_conf();", false);
  }
  out.place = std::move(where.place);
  out.current = std::move(where.current);
  co_return out;
}

}  // namespace pgtend::engine
