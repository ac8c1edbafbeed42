#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/request_body.hpp"
#include "agent/base/units.hpp"
#include "agent/model/matcher_text.hpp"
#include "agent/model/silence.hpp"

// What people do with alerts: explain, acknowledge, silence, try a receiver, look at what was sent.
namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

constexpr std::size_t kLongestText = 1'000;  // bytes of a comment or name, as for the reasons of the audit
constexpr std::int64_t kDefaultRows = 100, kMostRows = 1'000;

Json time_or_null(const std::optional<UtcTime>& at) {
  return at ? Json(to_rfc3339(*at)) : Json(nullptr);
}

Json encode_silence(const Silence& silence, UtcTime now) {
  return {{"id", silence.id},
          {"active", is_active(silence, now)},
          {"matchers", to_string(silence.matchers)},
          {"starts_at", to_rfc3339(silence.starts_at)},
          {"ends_at", time_or_null(silence.ends_at)},
          {"until_resolved", silence.until_resolved},
          {"created_by", silence.created_by},
          {"comment", silence.comment},
          {"ended_at", time_or_null(silence.ended_at)}};
}

Json encode_message(const OutboxMessage& message) {
  return {{"id", message.id},
          {"receiver", message.receiver},
          {"group_key", message.group_key},
          {"kind", message.kind},
          {"state", message.state},
          {"attempts", message.attempts},
          {"created_at", to_rfc3339(message.created_at)},
          {"not_before", to_rfc3339(message.not_before)},
          {"last_error", message.last_error}};
}

Json encode_parts(const std::vector<ExplainedPart>& parts) {
  auto out = Json::array();
  for (const auto& part : parts) {
    auto values = Json::array();
    for (const auto& [labels, value] : part.values) values.push_back({{"labels", labels}, {"value", encode(value)}});
    out.push_back({{"expr", part.expr}, {"values", values}, {"more", part.more}, {"error", part.error}});
  }
  return out;
}

Json encode_explanation(const AlertExplanation& explanation) {
  auto series = Json::array(), changes = Json::array();
  for (const auto& each : explanation.series) {
    auto samples = Json::array();
    for (const auto& sample : each.samples) samples.push_back({to_rfc3339(sample.time), encode(sample.value)});
    series.push_back({{"series", to_string(each.key)}, {"samples", samples}});
  }
  for (const auto& change : explanation.changes)
    changes.push_back({{"id", change.id},
                       {"state", to_string(change.state)},
                       {"action", to_string(change.plan.action)},
                       {"object", change.plan.object},
                       {"updated_at", to_rfc3339(change.updated_at)}});
  const auto& facts = explanation.alert.facts;
  return {{"alert", encode(explanation.alert)},
          {"muted", explanation.muted},
          {"at", to_rfc3339(explanation.at)},
          {"comparison", facts.comparison},
          {"normal", facts.normal ? encode(*facts.normal) : Json(nullptr)},
          {"parts", encode_parts(explanation.parts)},
          {"series", series},
          {"causes", explanation.causes},
          {"acts", facts.acts},
          {"changes", changes}};
}

Result<std::string> read_text(const Json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end()) return std::string();
  if (!found->is_string() || found->get_ref<const std::string&>().size() > kLongestText)
    return fail(Errc::invalid_argument, "\"" + std::string(name) + "\" must be text of at most 1000 bytes");
  return found->get<std::string>();
}

// When a silence ends: "for": "1h" from now; absent: until resolved.
Result<std::optional<UtcTime>> read_end(const Json& body, UtcTime now) {
  const auto text = read_text(body, "for");
  if (!text) return fail(text.error());
  if (text->empty()) return std::optional<UtcTime>();
  const auto span = parse_duration(*text);
  if (!span) return fail(span.error());
  return std::optional<UtcTime>(now + *span);
}

// Whoever holds the token, and the person they say they are.
std::string person(const std::string& named, const std::string& actor) {
  return named.empty() ? actor : named + " (" + actor + ")";
}

net::Task<Response> get_alert(Context context, Request request) {
  const auto id = request.parameters.at("id");
  std::optional<UtcTime> at;
  if (request.query.contains("at")) {
    const auto given = query_time(request, "at", {});
    if (!given) co_return error_answer(given.error());
    at = *given;
  }
  auto explanation = co_await context.view.explain_alert(id, at);
  if (!explanation) co_return error_answer(explanation.error());
  co_return item_answer(encode_explanation(*explanation), context.clock);
}

net::Task<Response> acknowledge(Context context, Request request) {
  const auto body = read_body(request, {"for", "comment", "by"});
  if (!body) co_return error_answer(body.error());
  const auto until = read_end(*body, context.clock.now());
  if (!until) co_return error_answer(until.error());
  const auto comment = read_text(*body, "comment"), by = read_text(*body, "by");
  if (!comment) co_return error_answer(comment.error());
  if (!by) co_return error_answer(by.error());
  const auto id = request.parameters.at("id");
  const auto actor = person(*by, request.identity.name);
  auto silence = co_await context.view.acknowledge(id, *until, *comment, actor);
  if (!silence) co_return error_answer(silence.error());
  co_return item_answer(encode_silence(*silence, context.clock.now()), context.clock, 201);
}

net::Task<Response> get_silences(Context context, Request) {
  auto silences = co_await context.view.silences();
  if (!silences) co_return error_answer(silences.error());
  auto list = Json::array();
  for (const auto& silence : *silences) list.push_back(encode_silence(silence, context.clock.now()));
  co_return list_answer(std::move(list), context.clock);
}

net::Task<Response> add_silence(Context context, Request request) {
  const auto body = read_body(request, {"matchers", "for", "comment", "by"});
  if (!body) co_return error_answer(body.error());
  const auto text = read_text(*body, "matchers"), comment = read_text(*body, "comment"), by = read_text(*body, "by");
  if (!text) co_return error_answer(text.error());
  if (!comment) co_return error_answer(comment.error());
  if (!by) co_return error_answer(by.error());
  auto matchers = parse_matchers(*text);
  if (!matchers) co_return error_answer(matchers.error());
  const auto until = read_end(*body, context.clock.now());
  if (!until) co_return error_answer(until.error());
  Silence silence;
  silence.matchers = std::move(*matchers);
  silence.ends_at = *until;
  silence.until_resolved = !silence.ends_at.has_value();
  silence.comment = *comment;
  const auto actor = person(*by, request.identity.name);
  auto added = co_await context.view.add_silence(std::move(silence), actor);
  if (!added) co_return error_answer(added.error());
  co_return item_answer(encode_silence(*added, context.clock.now()), context.clock, 201);
}

net::Task<Response> end_silence(Context context, Request request) {
  const auto id = request.parameters.at("id");
  const auto actor = request.identity.name;
  auto ended = co_await context.view.end_silence(id, actor);
  if (!ended) co_return error_answer(ended.error());
  co_return item_answer(encode_silence(*ended, context.clock.now()), context.clock);
}

net::Task<Response> test_receiver(Context context, Request request) {
  const auto name = request.parameters.at("name");
  const auto actor = request.identity.name;
  auto lines = co_await context.view.test_receiver(name, actor);
  if (!lines) co_return error_answer(lines.error());
  auto list = Json::array();
  for (const auto& line : *lines) list.push_back(line);
  co_return list_answer(std::move(list), context.clock);
}

net::Task<Response> get_notifications(Context context, Request request) {
  const auto limit = query_integer(request, "limit", kDefaultRows, 1, kMostRows);
  if (!limit) co_return bad_request("limit is a number from 1 to " + std::to_string(kMostRows));
  const auto found = request.query.find("state");
  const std::string state = found == request.query.end() ? "queued" : found->second;
  const int rows = static_cast<int>(*limit);
  auto messages = co_await context.view.notifications(state, rows);
  if (!messages) co_return error_answer(messages.error());
  auto list = Json::array();
  for (const auto& message : *messages) list.push_back(encode_message(message));
  co_return list_answer(std::move(list), context.clock);
}

}  // namespace

void add_alerting(http::Router& router, Context context) {
  const auto get = [&](const char* pattern, Action action, QueryParameters known = {}) {
    router.add("GET", pattern, http::Right::viewer, bind(context, action, std::move(known)));
  };
  const auto post = [&](const char* pattern, http::Right right, Action action) {
    router.add("POST", pattern, right, bind(context, action));
  };
  get("/v1/alerts/{id}", get_alert, {{"at", {}}});
  get("/v1/silences", get_silences);
  get("/v1/notifications", get_notifications, {{"state", {"queued", "sent", "dead", "superseded"}}, {"limit", {}}});
  post("/v1/alerts/{id}/ack", http::Right::approver, acknowledge);
  post("/v1/silences", http::Right::approver, add_silence);
  post("/v1/silences/{id}/end", http::Right::approver, end_silence);
  post("/v1/receivers/{name}/test", http::Right::admin, test_receiver);
}

}  // namespace pgtend::api
