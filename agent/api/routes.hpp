#pragma once

#include "agent/api/agent_view.hpp"
#include "agent/api/metrics_board.hpp"
#include "agent/base/clock.hpp"
#include "agent/http/router.hpp"

namespace pgtend::api {

// The whole table of routes: /metrics, /live, /ready, /v1 and Prometheus's /api/v1.
// REQUIRES: view, board and clock outlive the server that takes the router.
[[nodiscard]] http::Router make_router(AgentView& view, MetricsBoard& board, const Clock& clock);

}  // namespace pgtend::api
