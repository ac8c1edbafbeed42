#include "collectors/postgres/active_sessions.hpp"

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

using Row = std::vector<std::optional<std::string>>;

RowSet sessions(std::vector<Row> rows) {
  RowSet out;
  out.columns = {"pid",      "state",   "wait_event_type", "wait_event",      "backend_type",
                 "query_id", "datname", "usename",         "application_name"};
  for (auto& row : rows) row.resize(out.columns.size());
  out.rows = std::move(rows);
  return out;
}

RowSet blockers(std::vector<Row> rows) {
  RowSet out;
  out.columns = {"pid", "blockers"};
  out.rows = std::move(rows);
  return out;
}

Row waiter(const std::string& pid) {
  return {pid, "active", "Lock", "tuple", "client backend", "5", "shop", "web", "app"};
}

}  // namespace

TEST_CASE("a look has the sessions that are not the agent's own, and counts those whose state is hidden") {
  const auto sampled = read_active_sessions(
      sessions({waiter("10"),
                {"11", "active", std::nullopt, std::nullopt, "client backend", std::nullopt, "shop", "web", "app"},
                {"12", "active", std::nullopt, std::nullopt, "client backend"},
                {"13", std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt, "shop", "web", "app"}}),
      {12});
  REQUIRE(sampled.sessions.size() == 2);
  CHECK(sampled.sessions.at(10).wait_event_type == "Lock");
  CHECK(sampled.sessions.at(10).wait_event == "tuple");
  CHECK(sampled.sessions.at(10).query_id == 5);
  CHECK(sampled.sessions.at(11).wait_event_type.empty());
  CHECK(sampled.sessions.at(11).query_id == 0);
  CHECK(sampled.lock_waiters == std::vector<int>{10});
  CHECK(sampled.hidden == 1);
}

TEST_CASE("only a bounded number of waiters is asked after") {
  std::vector<Row> rows;
  for (int pid = 1; pid <= 200; ++pid) rows.push_back(waiter(std::to_string(pid)));
  const auto sampled = read_active_sessions(sessions(std::move(rows)), {});
  CHECK(sampled.sessions.size() == 200);
  CHECK(sampled.lock_waiters.size() == kMostLockWaiters);
}

TEST_CASE("a waiter names the head of its chain and not the waiter in front of it") {
  auto sampled = read_active_sessions(
      sessions({waiter("20"),
                waiter("30"),
                {"10", "idle in transaction", "Client", "ClientRead", "client backend", "", "shop", "batch", "psql"}}),
      {});
  name_blockers(sampled, blockers({{"20", "{10}"}, {"30", "{20,10}"}}));
  CHECK(sampled.sessions.at(20).blocker == "pid 10 batch@shop (idle in transaction)");
  CHECK(sampled.sessions.at(30).blocker == "pid 10 batch@shop (idle in transaction)");
  CHECK(sampled.sessions.at(10).blocker.empty());
}

TEST_CASE("a blocker that is no session any more, a prepared transaction and a deadlock have their names") {
  auto sampled =
      read_active_sessions(sessions({waiter("20"), waiter("30"), waiter("40"), waiter("50"), waiter("60")}), {});
  name_blockers(sampled, blockers({{"20", "{0}"}, {"30", "{99}"}, {"40", "{50}"}, {"50", "{40}"}, {"60", "{60}"}}));
  CHECK(sampled.sessions.at(20).blocker == "prepared transaction");
  CHECK(sampled.sessions.at(30).blocker == "pid 99");
  CHECK(sampled.sessions.at(40).blocker == "pid 40 web@shop (active)");
  CHECK(sampled.sessions.at(50).blocker == "pid 40 web@shop (active)");
  CHECK(sampled.sessions.at(60).blocker.empty());
}

TEST_CASE("the statement asks for no query text, and for query ids only where there are some") {
  CHECK(active_sessions_sql(140'000).find("a.query_id") != std::string::npos);
  CHECK(active_sessions_sql(130'012).find("a.query_id") == std::string::npos);
  for (const int version : {130'000, 140'000, 180'000}) {
    const auto sql = active_sessions_sql(version);
    CHECK(sql.find("a.query,") == std::string::npos);
    CHECK(sql.find("LIMIT") != std::string::npos);
  }
}
