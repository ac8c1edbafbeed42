#include "agent/engine/migration_adopt.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "agent/base/strings.hpp"
#include "agent/engine/migration_tables.hpp"
#include "agent/engine/wiring.hpp"

namespace pgtend::engine {

namespace {

constexpr std::chrono::seconds kAdoptTime{10};

struct Relation {
  std::string schema, name;
  std::vector<std::string> columns;
  bool usable = false, readable = false;
};

struct Reading {
  std::vector<AdoptedHistory> histories;
  std::optional<Error> failure;
};

std::string filled(std::string_view statement, const Relation& relation) {
  std::string out;
  for (std::size_t i = 0; i < statement.size(); ++i) {
    const bool mark = statement[i] == '%' && i + 1 < statement.size();
    if (mark && statement[i + 1] == '1') out += quote_qualified(relation.schema, relation.name);
    if (mark && statement[i + 1] == '2') out += quote_identifier(relation.schema);
    if (mark && (statement[i + 1] == '1' || statement[i + 1] == '2')) {
      ++i;
    } else {
      out += statement[i];
    }
  }
  return out;
}

// The milliseconds since 1970 beside the time itself, which would be in the session's zone.
std::string with_milliseconds(const std::string& statement) {
  return "SELECT version, name, checksum, state, and_before, "
         "(extract(epoch FROM applied_at::timestamptz) * 1000)::int8 AS applied_ms FROM (" +
         statement + ") history";
}

std::vector<Relation> relations_of(const RowSet& rows) {
  std::vector<Relation> out;
  for (std::size_t i = 0; i < rows.size(); ++i)
    out.push_back({rows.text(i, "schema"), rows.text(i, "name"), parse_array(rows.text(i, "columns")),
                   rows.boolean(i, "usable"), rows.boolean(i, "readable")});
  return out;
}

Error missing_right(const Relation& relation, const MigrationTool& tool, const std::string& role) {
  const auto who = " TO " + quote_identifier(role);
  Error out;
  out.code = Errc::permission;
  out.message = role + " may not read " + relation.schema + "." + relation.name + ", the history of " +
                std::string(tool.name) + "\n  cure: ";
  if (!relation.usable) out.message += "GRANT USAGE ON SCHEMA " + quote_identifier(relation.schema) + who + "; ";
  // sqitch keeps what failed in another table of the same schema.
  out.message += tool.name == "sqitch"
                     ? "GRANT SELECT ON ALL TABLES IN SCHEMA " + quote_identifier(relation.schema) + who
                     : "GRANT SELECT ON " + quote_qualified(relation.schema, relation.name) + who;
  return out;
}

bool has_companion(const std::vector<Relation>& relations, const Relation& relation, const MigrationTool& tool) {
  return !tool.companion.empty() && std::any_of(relations.begin(), relations.end(), [&](const Relation& other) {
    return other.schema == relation.schema && other.name == tool.companion && other.readable;
  });
}

net::TaskResult<AdoptedHistory> read_one(pg::Connection* connection, const Relation* relation,
                                         const MigrationTool* tool, bool with_warnings, Deadline deadline) {
  AdoptedHistory out;
  out.tool = tool->name;
  out.table = relation->schema + "." + relation->name;
  auto statement = with_milliseconds(filled(tool->statement, *relation));
  auto rows = co_await connection->query(std::move(statement), {}, deadline);
  if (!rows) co_return fail(std::move(rows.error()), "read " + out.table);
  out.migrations = adopted_rows(*rows);
  if (!with_warnings) co_return out;
  auto question = filled(tool->warnings, *relation);
  auto warnings = co_await connection->query(std::move(question), {}, deadline);
  if (!warnings) co_return fail(std::move(warnings.error()), "read what stands beside " + out.table);
  for (const auto& row : warnings->rows)
    if (!row.empty() && row.front()) out.warnings.push_back(*row.front());
  co_return out;
}

net::Task<void> read_all(pg::ConnectSpec spec, net::asio::any_io_executor blocking, Reading* reading) {
  const Deadline deadline = std::chrono::steady_clock::now() + kAdoptTime;
  auto connection = co_await pg::Connection::connect(std::move(spec), blocking, deadline);
  if (!connection) {
    reading->failure = connection.error();
    co_return;
  }
  auto rows = co_await (*connection)->query(std::string(relations_statement()), {}, deadline);
  if (!rows) {
    reading->failure = rows.error();
    co_return;
  }
  const auto relations = relations_of(*rows);
  for (const auto& relation : relations) {
    const auto* tool = tool_of(relation.name, relation.columns);
    if (tool == nullptr) continue;
    if (!relation.usable || !relation.readable) {
      reading->failure = missing_right(relation, *tool, (*connection)->user());
      co_return;
    }
    const bool with_warnings = has_companion(relations, relation, *tool);
    auto history = co_await read_one(connection->get(), &relation, tool, with_warnings, deadline);
    if (!history) {
      reading->failure = history.error();
      co_return;
    }
    reading->histories.push_back(std::move(*history));
  }
}

}  // namespace

Result<std::vector<AdoptedHistory>> adopt_histories(const config::PostgresqlConfig& config) {
  auto spec = lane_options(config).monitor;
  spec.settings = {{"default_transaction_read_only", "on"},
                   {"statement_timeout", std::to_string(config.statement_timeout.count())},
                   {"lock_timeout", "100"}};
  net::asio::io_context io(1);
  net::asio::thread_pool blocking(1);
  Reading reading;
  auto ended = [&reading](const std::exception_ptr& failure) {
    if (failure) reading.failure = fail(Errc::internal, "internal error").value();
  };
  net::asio::co_spawn(io, read_all(std::move(spec), blocking.get_executor(), &reading), ended);
  io.run();
  blocking.join();
  if (reading.failure) return fail(std::move(*reading.failure));
  return std::move(reading.histories);
}

}  // namespace pgtend::engine
