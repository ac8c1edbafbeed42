#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/query.hpp"
#include "collectors/registry.hpp"
#include "tests/support/pg_cluster.hpp"

// Runs the shipped collectors on a real server as the engine would: search_path=pg_catalog, one probe, one statement
// each.
namespace pgtend::test {

std::vector<CollectorDef> shipped_collectors();
const CollectorDef& shipped(const std::string& name);

// A database "shop" with an own schema for the extension, roles monitor (pg_monitor) and stranger (no rights).
void make_shop(const PgCluster& cluster);

// The tables of golang-migrate, Flyway, Liquibase, Sqitch, pg_partman and pg_cron in shop, as these make them, each
// after a failure.
void make_tools(const PgCluster& cluster);
// Lets monitor read them.
void let_read_tools(const PgCluster& cluster);

class CollectorSession {
 public:
  explicit CollectorSession(const PgCluster& cluster, const std::string& user = "monitor",
                            const std::string& database = "shop");
  // On any server, whatever its version.
  CollectorSession(PgSession on, const std::string& database);

  struct Outcome {
    std::string unsupported;  // why make_query() refused
    std::string sqlstate;     // of a failed statement
    RowSet rows;
    collectors::SeriesRun run;
    std::vector<std::string> lost_columns;
  };
  // $1 of a lock-aware collector are the unlocked relations of the database.
  Outcome collect(const CollectorDef& def);
  Outcome collect(const collectors::CodeCollector& code);
  // Samples of a shipped YAML collector by "name{labels}". Fails the test when it does not answer.
  std::map<std::string, double> values(const std::string& collector);
  std::map<std::string, RowSet> fact_answers();

  collectors::ServerShape shape;
  PgSession session;
  std::string database;

 private:
  Outcome ask(const CollectorDef& def, const std::function<collectors::SeriesRun(const RowSet&)>& series);
};

}  // namespace pgtend::test
