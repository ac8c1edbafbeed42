#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/config/settings.hpp"
#include "agent/net/task.hpp"
#include "agent/pg/capabilities.hpp"
#include "agent/tail/follower.hpp"
#include "collectors/logs/place.hpp"

namespace pgtend::engine {

// What is known of the server's log, and whether this process may read it.
struct FoundLog {
  std::optional<logs::LogPlace> place;  // nothing: it cannot be read
  std::string current;                  // the file that the server writes now, if it tells
  pg::Capability capability;            // `server_log`
};

// Asks one statement.
using AskServer = std::function<net::TaskResult<RowSet>(std::string sql)>;

// Looks for the log by the configuration and by what the server says; `role` is who asks, `is_local` whether the server
// is on this host, once it has answered. A log nobody configured is advice when it is missing: the agent does without.
// Errors: those of `ask`. REQUIRES: `blocking` outlives it.
net::TaskResult<FoundLog> find_log(AskServer ask, config::ServerLogConfig config, std::string role,
                                   std::function<bool()> is_local, net::asio::any_io_executor blocking);

}  // namespace pgtend::engine
