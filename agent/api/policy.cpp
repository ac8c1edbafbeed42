#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/request_body.hpp"
#include "agent/base/units.hpp"

// Questions about policy: they read, and take plans and policy files as JSON because these are no address.
namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

constexpr Millis kDefaultSince{30LL * 24 * 3'600'000};

Result<std::string> text_field(const Json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return std::string();
  if (!found->is_string()) return fail(Errc::invalid_argument, std::string("\"") + name + "\" must be text");
  return found->get<std::string>();
}

Result<double> amount_field(const Json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return 0.0;
  if (!found->is_number() || found->get<double>() < 0 || found->get<double>() > 1e18)
    return fail(Errc::invalid_argument, std::string("\"") + name + "\" must be a number from 0 to 1e18");
  return found->get<double>();
}

Result<PolicyText> policy_field(const Json& body) {
  const auto found = body.find("policy");
  if (found == body.end()) return PolicyText{};
  const bool whole = found->is_object() && found->size() == 2 && found->contains("file") && found->contains("text") &&
                     found->at("file").is_string() && found->at("text").is_string();
  if (!whole) return fail(Errc::invalid_argument, "\"policy\" must be {\"file\": NAME, \"text\": CONFIGURATION}");
  return PolicyText{found->at("file").get<std::string>(), found->at("text").get<std::string>()};
}

Result<Risk> risk_field(const Json& body) {
  const auto text = text_field(body, "risk");
  if (!text) return fail(text.error());
  for (const auto risk : {Risk::low, Risk::medium, Risk::high})
    if (*text == to_string(risk) || (text->empty() && risk == Risk::low)) return risk;
  return fail(Errc::invalid_argument, "\"risk\" is low, medium or high");
}

// A class with its object.
Result<void> read_class(const Json& body, PolicyQuestion& out) {
  const auto action = text_field(body, "action"), database = text_field(body, "database"),
             object = text_field(body, "object");
  for (const auto* field : {&action, &database, &object})
    if (!*field) return fail(field->error());
  out.action = parse_action_class(*action);
  if (!out.action) return fail(Errc::invalid_argument, "\"action\" has no class \"" + *action + "\"");
  if (object->empty()) return fail(Errc::invalid_argument, "\"object\" is missing: public.orders, setting work_mem, …");
  out.database = *database;
  out.object = *object;
  const auto bytes = amount_field(body, "bytes"), seconds = amount_field(body, "seconds"),
             wal = amount_field(body, "wal_bytes");
  for (const auto* field : {&bytes, &seconds, &wal})
    if (!*field) return fail(field->error());
  out.cost = {static_cast<std::int64_t>(*bytes), *seconds, static_cast<std::int64_t>(*wal)};
  return {};
}

Result<PolicyQuestion> question_of(const Json& body) {
  PolicyQuestion out;
  auto policy = policy_field(body);
  if (!policy) return fail(policy.error());
  out.policy = std::move(*policy);
  const auto id = text_field(body, "id");
  if (!id) return fail(id.error());
  out.id = *id;
  const auto risk = risk_field(body);
  if (!risk) return fail(risk.error());
  out.risk = *risk;
  const bool has_plan = body.contains("plan"), has_class = body.contains("action");
  if ((out.id.empty() ? 0 : 1) + (has_plan ? 1 : 0) + (has_class ? 1 : 0) != 1)
    return fail(
        Errc::invalid_argument,
        "ask about one change: \"id\" of a recommendation or a change, \"plan\", or \"action\" with \"object\"");
  if (has_plan) {
    auto plan = decode_proposed_change(body.at("plan"));
    if (!plan) return fail(plan.error());
    out.plan = std::move(*plan);
  }
  if (has_class)
    if (auto read = read_class(body, out); !read) return fail(read.error());
  return out;
}

net::Task<Response> show(Context context, Request) {
  auto report = co_await context.view.policy_report();
  if (!report) co_return error_answer(report.error());
  co_return item_answer(encode(*report), context.clock);
}

net::Task<Response> simulate(Context context, Request request) {
  const auto body = read_body(
      request, {"id", "plan", "action", "database", "object", "bytes", "seconds", "wal_bytes", "risk", "policy"});
  if (!body) co_return error_answer(body.error());
  auto question = question_of(*body);
  if (!question) co_return error_answer(question.error());
  auto simulation = co_await context.view.simulate_policy(std::move(*question));
  if (!simulation) co_return error_answer(simulation.error());
  co_return item_answer(encode(*simulation), context.clock);
}

net::Task<Response> backtest(Context context, Request request) {
  const auto body = read_body(request, {"since", "policy"});
  if (!body) co_return error_answer(body.error());
  auto policy = policy_field(*body);
  if (!policy) co_return error_answer(policy.error());
  const auto since = duration_field(*body, "since", kDefaultSince);
  if (!since) co_return error_answer(since.error());
  const Millis window = *since;
  auto report = co_await context.view.backtest_policy(std::move(*policy), window);
  if (!report) co_return error_answer(report.error());
  co_return item_answer(encode(*report), context.clock);
}

// The file as it is: another spelling would not be what was hashed.
net::Task<Response> proof(Context context, Request request) {
  const auto id = request.parameters.at("id");
  auto text = co_await context.view.change_proof(id);
  if (!text) co_return error_answer(text.error());
  Response response;
  response.body = std::move(*text);
  co_return response;
}

}  // namespace

void add_policy(http::Router& router, Context context) {
  router.add("GET", "/v1/policy", http::Right::viewer, bind(context, show, QueryParameters{}));
  router.add("POST", "/v1/policy/simulate", http::Right::viewer, bind(context, simulate));
  router.add("POST", "/v1/policy/backtest", http::Right::viewer, bind(context, backtest));
  router.add("GET", "/v1/changes/{id}/proof", http::Right::viewer, bind(context, proof, QueryParameters{}));
}

}  // namespace pgtend::api
