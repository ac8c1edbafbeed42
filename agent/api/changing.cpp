#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/once.hpp"
#include "agent/api/request_body.hpp"

namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

// The longest reason that the audit keeps, in bytes.
constexpr std::size_t kLongestReason = 1000;

Result<std::string> read_reason(const Json& body) {
  const auto reason = body.find("reason");
  if (reason == body.end()) return std::string();
  if (!reason->is_string() || reason->get_ref<const std::string&>().size() > kLongestReason)
    return fail(Errc::invalid_argument, "\"reason\" must be text of at most 1000 bytes");
  return reason->get<std::string>();
}

Result<std::string> read_plan_hash(const Request& request) {
  const auto body = read_body(request, {"plan_hash"});
  if (!body) return fail(body.error());
  const auto hash = body->find("plan_hash");
  if (hash == body->end() || !hash->is_string() || hash->get_ref<const std::string&>().empty())
    return fail(Errc::invalid_argument,
                "\"plan_hash\" is missing or no text: an approval names the plan that was read");
  return hash->get<std::string>();
}

template <class T>
Response item_of(const Result<T>& item, const Clock& clock, int status = 200) {
  return item ? item_answer(encode(*item), clock, status) : error_answer(item.error());
}

std::string id_of(const Request& request) {
  return request.parameters.at("id");
}

net::Task<Response> approve_recommendation(Context context, Request request) {
  const auto hash = read_plan_hash(request);
  if (!hash) co_return error_answer(hash.error());
  const auto id = id_of(request);
  auto change = co_await context.view.approve_recommendation(id, *hash, request.identity.name);
  co_return item_of(change, context.clock);
}

net::Task<Response> approve_change(Context context, Request request) {
  const auto hash = read_plan_hash(request);
  if (!hash) co_return error_answer(hash.error());
  const auto id = id_of(request);
  auto change = co_await context.view.approve(id, *hash, request.identity.name);
  co_return item_of(change, context.clock);
}

net::Task<Response> reject_change(Context context, Request request) {
  const auto body = read_body(request, {"reason"});
  if (!body) co_return error_answer(body.error());
  const auto reason = read_reason(*body);
  if (!reason) co_return error_answer(reason.error());
  const auto id = id_of(request);
  auto change = co_await context.view.reject(id, *reason, request.identity.name);
  co_return item_of(change, context.clock);
}

net::Task<Response> undo_change(Context context, Request request) {
  const auto body = read_body(request, {});
  if (!body) co_return error_answer(body.error());
  const auto id = id_of(request);
  auto change = co_await context.view.undo(id, request.identity.name);
  co_return item_of(change, context.clock);
}

net::Task<Response> propose_change(Context context, Request request) {
  const auto body = parse_once(request.body);
  if (!body) co_return error_answer(body.error());
  auto plan = decode_proposed_change(*body);
  if (!plan) co_return error_answer(plan.error());
  auto change = co_await context.view.propose(*plan, request.identity.name);
  auto response = item_of(change, context.clock, 201);
  if (change) response.headers.emplace_back("Location", "/v1/changes/" + http::percent_encode(change->change.id));
  co_return response;
}

net::Task<Response> set_freeze(Context context, Request request) {
  const auto body = read_body(request, {"frozen", "reason"});
  if (!body) co_return error_answer(body.error());
  const auto frozen = body->find("frozen");
  if (frozen == body->end() || !frozen->is_boolean()) co_return bad_request("\"frozen\" must be true or false");
  const auto reason = read_reason(*body);
  if (!reason) co_return error_answer(reason.error());
  const bool on = frozen->get<bool>();
  auto freeze = co_await context.view.set_freeze(on, *reason, request.identity.name);
  co_return item_of(freeze, context.clock);
}

}  // namespace

void add_changing(http::Router& router, Context context) {
  const auto once = std::make_shared<Once>(context.view, context.clock);
  const auto post = [&](const char* pattern, http::Right right, Action action) {
    const auto handler = std::make_shared<const http::Handler>(bind(context, action));
    router.add("POST", pattern, right, [once, handler](http::Request request) {
      return Once::answer(once.get(), handler.get(), std::move(request));
    });
  };
  post("/v1/recommendations/{id}/approve", http::Right::approver, approve_recommendation);
  post("/v1/changes", http::Right::approver, propose_change);
  post("/v1/changes/{id}/approve", http::Right::approver, approve_change);
  post("/v1/changes/{id}/reject", http::Right::approver, reject_change);
  post("/v1/changes/{id}/undo", http::Right::approver, undo_change);
  post("/v1/freeze", http::Right::admin, set_freeze);
}

}  // namespace pgtend::api
