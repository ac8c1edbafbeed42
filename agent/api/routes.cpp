#include "agent/api/routes.hpp"

#include "agent/api/handlers.hpp"

namespace pgtend::api {

http::Router make_router(AgentView& view, MetricsBoard& board, const Clock& clock) {
  http::Router router;
  const Context context{view, board, clock};
  add_health(router, context);
  add_reading(router, context);
  add_changing(router, context);
  add_migrating(router, context);
  add_querying(router, context);
  add_active_sessions(router, context);
  add_blocking(router, context);
  add_bloat(router, context);
  add_alerting(router, context);
  add_policy(router, context);
  add_reviewing(router, context);
  add_prometheus(router, context);
  add_prometheus_rules(router, context);
  add_exporting(router, context);
  add_database(router, context);
  return router;
}

}  // namespace pgtend::api
