#pragma once

#include <string>

#include "agent/pg/connection.hpp"

namespace pgtend::change {

// A PgBouncer beside the server, as it is configured.
struct Pooler {
  std::string name;                     // label `pooler`; empty, which one alone may be
  std::string ini_file;                 // empty: no change is made to it
  pg::ConnectSpec console;              // as a user who may RELOAD
  net::asio::any_io_executor blocking;  // files and name resolution
};

// One command on the admin console, in a session of its own, 5 s at most.
// Errors: unavailable, timeout (both retryable), permission, and what the console says.
net::TaskResult<RowSet> ask_console(Pooler pooler, std::string command);

}  // namespace pgtend::change
