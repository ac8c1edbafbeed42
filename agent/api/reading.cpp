#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/model/matcher_text.hpp"
#include "agent/model/silence.hpp"

namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

// Rows of one answer. Source: a change or audit row is about 2 kB, so the longest answer stays under a few megabytes.
constexpr std::int64_t kDefaultRows = 100, kMostRows = 1000;

template <class T>
Response list_of(const Result<std::vector<T>>& items, const Clock& clock) {
  if (!items) return error_answer(items.error());
  auto list = Json::array();
  for (const auto& item : *items) list.push_back(encode(item));
  return list_answer(std::move(list), clock);
}

template <class T>
Response item_of(const Result<T>& item, const Clock& clock) {
  return item ? item_answer(encode(*item), clock) : error_answer(item.error());
}

// Who keeps an alert quiet that is pending or fires; null: nobody.
Json silence_of(const Alert& alert, const std::vector<Silence>& silences, UtcTime now) {
  if (alert.state != AlertState::pending && alert.state != AlertState::firing) return nullptr;
  for (const auto& silence : silences)
    if (is_active(silence, now) && match_all(silence.matchers, alert.labels))
      return {{"id", silence.id}, {"created_by", silence.created_by}, {"comment", silence.comment}};
  return nullptr;
}

std::string id_of(const Request& request) {
  return request.parameters.at("id");
}

net::Task<Response> get_status(Context context, Request) {
  auto status = co_await context.view.status();
  co_return item_of(status, context.clock);
}

net::Task<Response> get_findings(Context context, Request request) {
  auto findings = co_await context.view.findings();
  if (const auto wanted = request.query.find("severity"); findings && wanted != request.query.end())
    std::erase_if(*findings, [&](const Finding& each) { return to_string(each.severity) != wanted->second; });
  co_return list_of(findings, context.clock);
}

net::Task<Response> get_recommendations(Context context, Request) {
  auto recommendations = co_await context.view.recommendations();
  if (!recommendations) co_return error_answer(recommendations.error());
  auto items = Json::array(), looks = Json::array();
  for (const auto& item : *recommendations) items.push_back(encode(item));
  for (const auto& look : context.view.advice_looks()) looks.push_back(encode(look));
  auto answer = list_envelope(std::move(items), context.clock.now());
  answer["looks"] = std::move(looks);
  co_return json_answer(answer);
}

net::Task<Response> get_recommendation(Context context, Request request) {
  const auto id = id_of(request);
  auto recommendation = co_await context.view.recommendation(id);
  co_return item_of(recommendation, context.clock);
}

net::Task<Response> get_changes(Context context, Request request) {
  const auto limit = query_integer(request, "limit", kDefaultRows, 1, kMostRows);
  if (!limit) co_return bad_request("limit is a number from 1 to " + std::to_string(kMostRows));
  const auto open = request.query.find("open");
  const bool open_only = open != request.query.end() && open->second != "false";
  const int rows = static_cast<int>(*limit);
  auto changes = co_await context.view.changes(open_only, rows);
  co_return list_of(changes, context.clock);
}

net::Task<Response> get_change(Context context, Request request) {
  const auto id = id_of(request);
  auto change = co_await context.view.change(id);
  co_return item_of(change, context.clock);
}

net::Task<Response> get_change_progress(Context context, Request request) {
  const auto id = id_of(request);
  auto progress = co_await context.view.change_progress(id);
  co_return item_of(progress, context.clock);
}

net::Task<Response> get_alerts(Context context, Request request) {
  auto alerts = co_await context.view.alerts();
  if (const auto wanted = request.query.find("state"); alerts && wanted != request.query.end())
    std::erase_if(*alerts, [&](const Alert& each) { return to_string(each.state) != wanted->second; });
  if (!alerts) co_return error_answer(alerts.error());
  auto silences = co_await context.view.silences();
  if (!silences) co_return error_answer(silences.error());
  auto list = Json::array();
  for (const auto& alert : *alerts) {
    list.push_back(encode(alert));
    list.back()["silence"] = silence_of(alert, *silences, context.clock.now());
  }
  co_return list_answer(std::move(list), context.clock);
}

net::Task<Response> get_audit(Context context, Request request) {
  const auto from = query_integer(request, "from", 0, 0, INT64_MAX);
  const auto limit = query_integer(request, "limit", kDefaultRows, 1, kMostRows);
  if (!from) co_return bad_request("from is a sequence number, 0 or more");
  if (!limit) co_return bad_request("limit is a number from 1 to " + std::to_string(kMostRows));
  const auto first = *from;
  const int rows = static_cast<int>(*limit);
  auto entries = co_await context.view.audit(first, rows);
  co_return list_of(entries, context.clock);
}

net::Task<Response> get_audit_verify(Context context, Request) {
  auto verification = co_await context.view.audit_verify();
  co_return item_of(verification, context.clock);
}

}  // namespace

void add_reading(http::Router& router, Context context) {
  const auto get = [&](const char* pattern, Action action, QueryParameters known = {}) {
    router.add("GET", pattern, http::Right::viewer, bind(context, action, std::move(known)));
  };
  get("/v1/status", get_status);
  get("/v1/findings", get_findings, {{"severity", {"info", "warning", "critical"}}});
  get("/v1/recommendations", get_recommendations);
  get("/v1/recommendations/{id}", get_recommendation);
  get("/v1/changes", get_changes, {{"open", {"", "true", "false"}}, {"limit", {}}});
  get("/v1/changes/{id}", get_change);
  get("/v1/changes/{id}/progress", get_change_progress);
  get("/v1/alerts", get_alerts, {{"state", {"pending", "firing", "resolved"}}});
  get("/v1/audit", get_audit, {{"from", {}}, {"limit", {}}});
  get("/v1/audit/verify", get_audit_verify);
}

}  // namespace pgtend::api
