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
  using Capabilities = std::vector<pg::Capability>;
  // A rights change must show soon after the GRANT. What is still missing is asked for half as often each time: a look
  // takes three sessions, 100 ms of backends.
  static constexpr Millis kLook{60'000};
  struct Known {
    Capabilities found;
    std::optional<Deadline> looked_at;
    Millis wait{kLook};  // until the next look

    [[nodiscard]] bool is_due(Deadline now) const;
    // What a look found; it says how long the next one waits.
    void take(Capabilities now_found);
  };

  Rights(Parts& parts, const Sampling& sampling, View& view) : parts_(parts), sampling_(sampling), view_(view) {}

  // Never ends; a task of the supervisor.
  net::Task<void> loop();
  // The server is another one, or was restarted: what is known may not hold.
  void look_again() { due_ = true; }

 private:
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
  Known of_server_;
  std::map<std::string, Known> databases_;
  Deadline next_of_many_{};
  bool due_ = true;
};

}  // namespace pgtend::engine
