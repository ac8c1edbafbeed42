#include "agent/pg/generic_plan.hpp"

namespace pgtend::pg {
namespace {

// Source: PostgreSQL 16 brought EXPLAIN (GENERIC_PLAN).
constexpr int kGenericPlanVersion = 160000;
constexpr auto kPrepared = "pgtend_generic_plan";

bool takes_parameters(const Connection& connection) {
  return connection.identity().version_num >= kGenericPlanVersion;
}

}  // namespace

net::TaskResult<bool> open_generic_plan(Connection* connection, std::string text, Deadline deadline) {
  if (takes_parameters(*connection)) co_return true;
  const std::string prepare = std::string("PREPARE ") + kPrepared + " AS " + text;
  auto prepared = co_await connection->execute(prepare, deadline);
  if (!prepared) co_return fail(std::move(prepared.error()));
  co_return true;
}

net::TaskResult<RowSet> explain_generic_plan(Connection* connection, std::string text, int parameters,
                                             Deadline deadline) {
  std::string explain = "EXPLAIN (GENERIC_PLAN, FORMAT JSON) " + text;
  if (!takes_parameters(*connection)) {
    explain = std::string("EXPLAIN (FORMAT JSON) EXECUTE ") + kPrepared;
    for (int i = 0; i < parameters; ++i) explain += i == 0 ? "(NULL" : ", NULL";
    if (parameters > 0) explain += ")";
  }
  auto rows = co_await connection->execute(explain, deadline);
  co_return rows;
}

net::TaskResult<bool> close_generic_plan(Connection* connection, Deadline deadline) {
  if (takes_parameters(*connection)) co_return true;
  const std::string deallocate = std::string("DEALLOCATE ") + kPrepared;
  auto gone = co_await connection->execute(deallocate, deadline);
  if (!gone) co_return fail(std::move(gone.error()));
  co_return true;
}

}  // namespace pgtend::pg
