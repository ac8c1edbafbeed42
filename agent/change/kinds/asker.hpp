#pragma once

#include <string>

#include "agent/model/rows.hpp"
#include "agent/net/task.hpp"
#include "agent/pg/connection.hpp"
#include "agent/pg/lanes.hpp"

namespace pgtend::change {

// Somewhere to run one statement: the acting session, or a lane.
class Asker {
 public:
  virtual ~Asker() = default;
  // Errors: as pg::Connection::query.
  virtual net::TaskResult<RowSet> ask(std::string sql, pg::Params params) = 0;
};

// One statement at a time on the sample lane: looking does not need the acting session.
class LaneAsker final : public Asker {
 public:
  LaneAsker(pg::Lanes& lanes, std::string database) : lanes_(lanes), database_(std::move(database)) {}
  net::TaskResult<RowSet> ask(std::string sql, pg::Params params) override;

 private:
  pg::Lanes& lanes_;
  std::string database_;
};

// A session of its own.
class SessionAsker final : public Asker {
 public:
  SessionAsker(pg::Connection* connection, Millis limit) : connection_(*connection), limit_(limit) {}
  net::TaskResult<RowSet> ask(std::string sql, pg::Params params) override;

 private:
  pg::Connection& connection_;
  Millis limit_;
};

}  // namespace pgtend::change
