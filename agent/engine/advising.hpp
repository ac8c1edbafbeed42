#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/engine/collecting.hpp"
#include "agent/engine/parts.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/autovacuum_behind.hpp"
#include "rules/advisors/options.hpp"
#include "rules/advisors/stale_matview.hpp"

namespace pgtend::engine {

// The names of all advisors, as advisors.disabled takes them.
[[nodiscard]] std::vector<std::string> advisor_names();

// The tending half of the path, up to the decision: facts -> advisors and checks -> findings and recommendations.
// REQUIRES: io thread; one run per database at a time.
class Advising {
 public:
  Advising(Parts& parts, Collecting& collecting);

  // Decodes the shipped checks. Result: what is wrong with them (nothing, in a released binary).
  std::vector<config::ConfigError> load();

  // advise: reads the facts of one database on the advise lane and runs every advisor and check over them. A failure is
  // logged once, until its reason changes.
  // The first run of a database only remembers the facts, unless something can be said without a difference.
  // Errors: those of the lane.
  net::TaskResult<Advice> advise(std::string database);

  // Whether the plan of a recommendation is made whole by what the catalogs say, as a person's is.
  [[nodiscard]] bool needs_catalogs(const ProposedChange& plan) const;
  // Why something of the last run is not proposed after all.
  void refuse(const std::string& database, RefusedAlternative refused);

  // Marks a refresh of ours, which leaves no trace when nothing differed.
  void note_refresh(const std::string& database, const std::string& matview, UtcTime at, double duration_seconds);
  // The latest facts of a database, nullptr before its first run.
  [[nodiscard]] FactsPtr facts(const std::string& database) const;
  // Query ids of a database whose text names a relation that the change touches ("schema.name").
  [[nodiscard]] std::vector<std::int64_t> statements_touching(const ProposedChange& plan) const;
  // "Nothing to do" has reasons too: those of the last run, by database.
  struct Look {
    UtcTime at;
    std::string error;  // why nothing was looked at; empty: it was
    std::vector<RefusedAlternative> refused;
  };
  [[nodiscard]] const std::map<std::string, Look>& looks() const { return looks_; }

  // Without a ledger the last advice on each database is kept here, for people to see.
  struct Kept {
    std::vector<Finding> findings;
    std::vector<store::StoredRecommendation> recommendations;
  };
  // Takes the place of what was kept of the database.
  void keep_findings(const std::string& database, std::vector<Finding> findings);
  void keep(const Recommendation& recommendation, const Decision& decision);
  [[nodiscard]] const std::map<std::string, Kept>& kept() const { return kept_; }

 private:
  struct Memory {
    FactsPtr before, now;
    Deadline before_at{};
    bool matviews_loaded = false;
    advisors::MatviewPasts matviews;
    advisors::BehindPasts behind;
  };

  [[nodiscard]] advisors::AdvisorOptions options() const;
  net::TaskResult<Advice> look(std::string database);
  // The same with what the ledger knows of the database's changes.
  net::Task<advisors::AdvisorOptions> options_now(std::string database);
  net::TaskResult<FactsPtr> read(pg::Connection* connection, std::string database);
  net::Task<std::vector<Finding>> run_checks(std::string database);
  net::Task<void> load_matviews(std::string database);
  net::Task<void> save_matviews(std::string database);

  Parts& parts_;
  Collecting& collecting_;
  std::vector<CheckDef> checks_;
  std::map<std::string, Memory> memory_;
  std::map<std::string, Look> looks_;
  std::map<std::string, Kept> kept_;
};

}  // namespace pgtend::engine
