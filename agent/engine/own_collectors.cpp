#include "agent/engine/own_collectors.hpp"

#include "agent/engine/active_sessions.hpp"
#include "agent/engine/backups.hpp"
#include "agent/engine/collecting.hpp"
#include "agent/engine/self_metrics.hpp"
#include "collectors/host/backend_cpu.hpp"
#include "collectors/host/directories.hpp"
#include "collectors/host/host.hpp"
#include "collectors/logs/series.hpp"

namespace pgtend::engine {

std::vector<OwnCollector> own_collectors() {
  return {{kHostCollector, collectors::host_metrics()},
          {kDirectoriesCollector, collectors::directory_metrics()},
          {kBackendCpuCollector, collectors::backend_cpu_metrics()},
          {kSessionsCollector, active_session_metrics()},
          {kLogsCollector, logs::log_metrics()},
          {kBackupsCollector, backup_metrics()},
          {kSelfCollector, self_metrics()}};
}

}  // namespace pgtend::engine
