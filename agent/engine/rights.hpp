#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/engine/parts.hpp"
#include "agent/engine/sampling.hpp"
#include "agent/engine/view.hpp"
#include "agent/pg/capabilities.hpp"

namespace pgtend::engine {

// What the agent's roles may do on the server and in each of its databases, asked again and again: a GRANT may come,
// and an owner may make tables. REQUIRES: io thread; what is given outlives it.
class Rights {
 public:
  Rights(Parts& parts, const Sampling& sampling, View& view) : parts_(parts), sampling_(sampling), view_(view) {}

  // Never ends; a task of the supervisor.
  net::Task<void> loop();
  // The server is another one, or was restarted: what is known may not hold.
  void look_again() { due_ = true; }

 private:
  using Capabilities = std::vector<pg::Capability>;
  struct Database {
    Capabilities found;
    Deadline looked_at;
  };

  net::TaskResult<Capabilities> probe(pg::Lane lane, std::optional<pg::Purpose> purpose, std::string database);
  // The server, and the home database. False: nobody answered.
  net::Task<bool> look_at_server();
  // Some of the other databases that are due.
  net::Task<void> look_at_databases();
  net::Task<void> look_at_database(std::string name);
  void show();
  [[nodiscard]] std::string acting_role() const;

  Parts& parts_;
  const Sampling& sampling_;
  View& view_;
  Capabilities of_server_;
  std::map<std::string, Database> databases_;
  Deadline server_looked_at_;
  bool due_ = true;
};

}  // namespace pgtend::engine
