#include "agent/change/locks.hpp"

#include <algorithm>

#include "agent/change/plan_hash.hpp"

namespace pgtend::change {

namespace {

constexpr Millis kBackoffBase{100};
constexpr Millis kBackoffCap{2'000};

}  // namespace

net::TaskResult<LockTry> try_locks(pg::Connection* connection, std::int32_t object_key, bool whole_database,
                                   Deadline deadline) {
  // Key 0 is "somebody acts in this database"; asked for first, so that two agents never hold one lock each.
  const std::string sql =
      "SELECT CASE WHEN NOT $3::bool OR pg_try_advisory_lock($1::int, 0) THEN "
      "CASE WHEN pg_try_advisory_lock($1::int, $2::int) THEN 'both' ELSE 'one' END ELSE 'none' END AS held, "
      "(SELECT string_agg(l.pid::text, ', ') FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = "
      "$1::int::oid "
      "AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())) AS holders";
  const std::string release = "SELECT pg_advisory_unlock($1::int, 0)";
  const pg::Params keys{std::to_string(kLockClass), std::to_string(object_key), whole_database ? "t" : "f"};
  const pg::Params first{std::to_string(kLockClass)};
  auto tried = co_await connection->query(sql, keys, deadline);
  if (!tried) co_return fail(std::move(tried.error()), "take the advisory lock");
  LockTry out{tried->text(0, "held") == "both", tried->text(0, "holders")};
  if (tried->text(0, "held") != "one" || !whole_database) co_return out;
  auto released = co_await connection->query(release, first, deadline);
  if (!released) co_return fail(std::move(released.error()), "release the advisory lock");
  co_return out;
}

bool is_lock_failure(const Error& error) {
  return error.sqlstate == "55P03" || error.sqlstate == "40P01";
}

Millis longest_lock_rest(int attempt) {
  return std::min(kBackoffCap, kBackoffBase * (1 << std::min(attempt, 5)));
}

}  // namespace pgtend::change
