#include <cstdio>

#include "agent/engine/backend_schedstat.hpp"
#include "agent/engine/collecting.hpp"
#include "agent/engine/schedule.hpp"

// How often a collector runs, by what its runs cost the server.
namespace pgtend::engine {

double Collecting::backend_seconds(const std::string& database) const {
  const auto home = parts_.lanes.home_database();
  for (const auto& session : parts_.lanes.sessions())
    if (session.local && session.lane == pg::Lane::sample && session.database == (database.empty() ? home : database))
      for (const auto& [pid, cpu] : read_schedstats(parts_.config->host.proc, {session.backend_pid}))
        return cpu.on_cpu_seconds;
  return 0;
}

void Collecting::note_cost(const CollectorDef& def, const std::string& database, double before) {
  const double after = backend_seconds(database);
  // Of a session that began meanwhile all of it.
  const double cost = after < before ? after : after - before;
  const Millis was = interval(def, database);
  // The first run of a session fills its caches; the mean forgets that within a few.
  const auto [known, first] = cost_of_run_.try_emplace({def.name, database}, cost);
  if (!first) known->second = (known->second + cost) / 2;
  if (interval(def, database) != was) set_lookbacks();
}

std::string Collecting::pace_detail(const CollectorDef& def, const std::string& database) const {
  const auto cost = cost_of_run_.find({def.name, database});
  if (cost == cost_of_run_.end() || interval(def, database) == unpaced(def, database)) return {};
  char text[128];
  std::snprintf(text, sizeof text, "runs every %lld s instead of %lld: a run takes %.0f ms of a backend",
                static_cast<long long>(interval(def, database).count() / 1000),
                static_cast<long long>(unpaced(def, database).count() / 1000), cost->second * 1000);
  return text;
}

}  // namespace pgtend::engine
