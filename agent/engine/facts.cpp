#include "agent/engine/facts.hpp"

#include <memory>
#include <utility>

#include "agent/base/log.hpp"
#include "agent/pg/connection.hpp"
#include "collectors/postgres/facts.hpp"

namespace pgtend::engine {

namespace {

// Of one statement. Source: the dearest, columns with their statistics, takes 60 ms on 2,000 tables.
constexpr Millis kStatementTimeout{5'000};
constexpr auto kLockTimeout = "SET lock_timeout = '100ms'";

}  // namespace

net::TaskResult<collectors::ServerShape> fact_shape(pg::Connection* connection, Deadline deadline) {
  collectors::ServerShape shape;
  shape.identity = connection->identity();
  const std::string probe = collectors::column_probe_sql({});
  const pg::Params none;
  auto extensions = co_await connection->query(probe, none, deadline);
  if (!extensions) co_return fail(std::move(extensions.error()), "extensions of " + connection->database());
  collectors::add_columns(shape, *extensions);
  co_return shape;
}

net::TaskResult<FactsPtr> read_facts(pg::Connection* connection, collectors::ServerShape shape, std::string instance,
                                     std::string database, UtcTime now, Deadline deadline, std::int64_t ram_bytes) {
  const std::string marker = "facts";
  auto marked = co_await connection->mark(marker, kStatementTimeout, deadline);
  if (!marked) co_return fail(std::move(marked.error()), "facts of database " + database);
  const std::string lock_timeout = kLockTimeout;
  auto set = co_await connection->execute(lock_timeout, deadline);
  if (!set) co_return fail(std::move(set.error()), "facts of database " + database);
  const pg::Params none;

  collectors::FactsBuilder builder(shape, std::move(instance), database, now);
  for (const auto& query : collectors::fact_queries(shape)) {
    auto rows = co_await connection->query(query.sql, none, deadline);
    if (rows) {
      builder.add(query.name, std::move(*rows));
      continue;
    }
    if (!connection->healthy())
      co_return fail(std::move(rows.error()), "facts of database " + database + ": " + query.name);
    log::debug("facts left out", {{"part", query.name}, {"error", rows.error().describe()}});
    builder.add(query.name, std::nullopt);
  }
  auto built = builder.finish();
  if (!built) co_return fail(std::move(built.error()));
  built->ram_bytes = ram_bytes;
  co_return std::make_shared<const DatabaseFacts>(std::move(*built));
}

}  // namespace pgtend::engine
