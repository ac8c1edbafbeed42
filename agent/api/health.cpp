#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"

namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

net::Task<Response> get_live(Context, Request) {
  co_return json_answer({{"state", "alive"}});
}

// Degraded is ready: the agent serves what it can and says what it lacks.
net::Task<Response> get_ready(Context context, Request) {
  auto status = co_await context.view.status();
  if (!status) co_return error_answer(status.error());
  co_return json_answer({{"state", status->state}});
}

net::Task<Response> get_metrics(Context context, Request) {
  Response response;
  response.content_type = MetricsBoard::kContentType;
  response.body = context.board.render(context.clock.now());
  co_return response;
}

}  // namespace

void add_health(http::Router& router, Context context) {
  router.add("GET", "/live", http::Right::none, bind(context, get_live));
  router.add("GET", "/ready", http::Right::none, bind(context, get_ready));
  router.add("GET", "/metrics", http::Right::viewer, bind(context, get_metrics));
}

}  // namespace pgtend::api
