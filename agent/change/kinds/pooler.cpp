#include "agent/change/kinds/pooler.hpp"

namespace pgtend::change {
namespace {

constexpr Millis kConsoleLimit{5'000};

}  // namespace

net::TaskResult<RowSet> ask_console(Pooler pooler, std::string command) {
  const std::string where = "the console of " + (pooler.name.empty() ? "PgBouncer" : "PgBouncer " + pooler.name);
  const auto deadline = std::chrono::steady_clock::now() + kConsoleLimit;
  auto console = co_await pg::Connection::connect(pooler.console, pooler.blocking, deadline);
  if (!console) co_return fail(std::move(console.error()), where);
  auto rows = co_await (*console)->execute(command, deadline);
  if (!rows) co_return fail(std::move(rows.error()), where + ", " + command);
  co_return rows;
}

}  // namespace pgtend::change
