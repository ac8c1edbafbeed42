#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/facts.hpp"
#include "agent/model/rows.hpp"
#include "collectors/query.hpp"

// Typed facts about one database, for the advisors and checks; read on the advise lane, under lock_timeout.
namespace pgtend::collectors {

struct FactQuery {
  std::string name;
  std::string sql;  // no parameters
};

// The statements to run, in order; each is answered under its name. One that fails (a missing right, a lock) is left
// out of the answers and costs only its own part.
[[nodiscard]] std::vector<FactQuery> fact_queries(const ServerShape& shape);

// Makes facts out of answers as they come. An answer is taken apart row by row, so that what a row says is never in
// memory twice: those of 4,000 indexes are five megabytes.
class FactsBuilder {
 public:
  FactsBuilder(ServerShape shape, std::string instance, std::string database, UtcTime now);
  // The answer to one of fact_queries(), in their order; nothing when it failed.
  void add(const std::string& name, std::optional<RowSet> rows);
  // `ram_bytes` is the host's and stays 0 here. Errors: unavailable, retryable, when "database" was not answered
  // (nothing can be compared without it).
  [[nodiscard]] Result<DatabaseFacts> finish();

 private:
  void describe(const RowSet& head);

  ServerShape shape_;
  DatabaseFacts facts_;
  std::unordered_map<Oid, std::size_t> places_;  // of the tables, indexes or matviews read last
  std::unordered_map<Oid, std::vector<std::set<std::string>>> foreign_keys_;
  bool described_ = false, reads_all_stats_ = false;
};

}  // namespace pgtend::collectors
