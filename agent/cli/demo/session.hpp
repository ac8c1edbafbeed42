#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/rows.hpp"

namespace pgtend::cli::demo {

// A blocking connection of the demo's own: its clients, and the superuser's eye that checks what the agent says.
// REQUIRES: one thread at a time.
class Session {
 public:
  // Errors: unavailable.
  [[nodiscard]] static Result<Session> open(const std::string& conninfo);
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;

  // Simple protocol: several statements are allowed, the last one's rows come back.
  // Errors: server, with sqlstate.
  [[nodiscard]] Result<RowSet> run(const std::string& sql);
  // One statement with text parameters. Errors: as run.
  [[nodiscard]] Result<RowSet> run(const std::string& sql, const std::vector<std::string>& parameters);
  // The first column of the first row; empty without rows or for null. Errors: as run.
  [[nodiscard]] Result<std::string> value(const std::string& sql);
  // The same as a number; 0 without rows or for null.
  [[nodiscard]] Result<double> number(const std::string& sql);
  // Whether the one row's one column is true.
  [[nodiscard]] Result<bool> holds(const std::string& sql);

 private:
  struct Close {
    void operator()(void* connection) const;
  };
  explicit Session(void* connection) : connection_(connection) {}
  std::unique_ptr<void, Close> connection_;
};

}  // namespace pgtend::cli::demo
