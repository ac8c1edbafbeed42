#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/api/agent_view.hpp"
#include "agent/api/json.hpp"
#include "agent/api/metrics_board.hpp"
#include "agent/http/router.hpp"

// The handlers behind routes.hpp by theme; private to this folder.
namespace pgtend::api {

// What every handler may use; all of it outlives the server.
struct Context {
  AgentView& view;
  MetricsBoard& board;
  const Clock& clock;
};

// A handler before it is bound to its context.
using Action = net::Task<http::Response> (*)(Context, http::Request);
[[nodiscard]] http::Handler bind(Context context, Action action);

// What the query of a route may hold.
struct QueryParameter {
  std::string name;
  std::vector<std::string> values;  // all that it may be; empty: the action reads it
};
using QueryParameters = std::vector<QueryParameter>;
// The same for a route that takes these parameters and no others: anything else is 400 and names what is valid.
[[nodiscard]] http::Handler bind(Context context, Action action, QueryParameters known);

void add_health(http::Router& router, Context context);
void add_reading(http::Router& router, Context context);
void add_changing(http::Router& router, Context context);
// The ledger's copy of the migrations of a database.
void add_migrating(http::Router& router, Context context);
void add_policy(http::Router& router, Context context);
void add_reviewing(http::Router& router, Context context);
void add_querying(http::Router& router, Context context);
void add_blocking(http::Router& router, Context context);
void add_bloat(http::Router& router, Context context);
void add_active_sessions(http::Router& router, Context context);
void add_alerting(http::Router& router, Context context);
// Prometheus's HTTP API below /api/v1.
void add_prometheus(http::Router& router, Context context);
void add_prometheus_rules(http::Router& router, Context context);
void add_exporting(http::Router& router, Context context);
void add_database(http::Router& router, Context context);

// A JSON answer. Bytes that are not UTF-8 are replaced, never an error.
[[nodiscard]] http::Response json_answer(const Json& body, int status = 200);
[[nodiscard]] http::Response list_answer(Json items, const Clock& clock);
[[nodiscard]] http::Response item_answer(Json item, const Clock& clock, int status = 200);
[[nodiscard]] http::Response bad_request(const std::string& message);

// A number of the query; `fallback` when it is absent, nullopt when it is malformed or outside low..high.
[[nodiscard]] std::optional<std::int64_t> query_integer(const http::Request& request, const std::string& name,
                                                        std::int64_t fallback, std::int64_t low, std::int64_t high);
// A time of the query, RFC 3339 or seconds since 1970; `fallback` when it is absent. Errors: invalid_argument.
[[nodiscard]] Result<UtcTime> query_time(const http::Request& request, const std::string& name, UtcTime fallback);
// A duration of the query, as "30s" or in seconds; nullopt when it is absent or malformed.
[[nodiscard]] std::optional<Millis> query_duration(const http::Request& request, const std::string& name);
// From `from` to `to`; absent, they are now and `back` before that. Errors: invalid_argument.
[[nodiscard]] Result<TimeRange> query_range(const http::Request& request, const Clock& clock, Millis back);

}  // namespace pgtend::api
