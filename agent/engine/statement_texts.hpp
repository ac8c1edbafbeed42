#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/cost_account.hpp"
#include "agent/engine/parts.hpp"
#include "collectors/query.hpp"

namespace pgtend::engine {

// Keeps the texts of statements in the ledger, made safe, each read once. The server reads the file with all texts
// whole to give one of them, so that one of unusual size is left alone. REQUIRES: io thread.
class StatementTexts {
 public:
  StatementTexts(Parts& parts, CostAccount& cost) : parts_(parts), cost_(cost) {}

  // Reads the texts of those statements of `numbers` (column queryid) that were never seen, when it is time to.
  // `data_directory`: on this host, else empty. Result: why texts are withheld, one sentence; empty when none are.
  net::Task<std::string> read(RowSet numbers, std::string database,
                              std::shared_ptr<const collectors::ServerShape> shape, std::string data_directory);

 private:
  net::TaskResult<RowSet> ask(std::string database, std::string sql, pg::Params params);
  net::Task<std::optional<std::int64_t>> bytes(std::string database, std::string data_directory);
  net::Task<void> fetch(std::vector<std::int64_t> ids, std::string database,
                        std::shared_ptr<const collectors::ServerShape> shape);

  Parts& parts_;
  CostAccount& cost_;
  std::set<std::int64_t> seen_;
  Deadline due_{};
  std::string withheld_;
};

}  // namespace pgtend::engine
