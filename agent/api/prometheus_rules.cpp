#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/prometheus_answer.hpp"

// Rules, alerts and the build, as Prometheus's HTTP API shows them.
namespace pgtend::api {

namespace {

using http::Request;
using http::Response;
namespace prom = prometheus;

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string evaluated_at(const RuleGroupView& group) {
  // Go's zero time: what Prometheus shows of a group that was not evaluated yet.
  return group.last_evaluation ? to_rfc3339(*group.last_evaluation) : "0001-01-01T00:00:00Z";
}

Json alert_object(const Alert& alert) {
  return {{"labels", prom::labels_object(alert.labels)},
          {"annotations", alert.annotations},
          {"state", to_string(alert.state)},
          {"activeAt", to_rfc3339(alert.active_at)},
          {"value", prom::exponent_text(alert.value)}};
}

std::string_view state_of(const RuleView& rule) {
  const auto has = [&](AlertState state) {
    return std::any_of(rule.alerts.begin(), rule.alerts.end(), [&](const Alert& one) { return one.state == state; });
  };
  return has(AlertState::firing) ? "firing" : has(AlertState::pending) ? "pending" : "inactive";
}

Json rule_object(const RuleView& view, const RuleGroupView& group) {
  const auto& rule = view.rule;
  // The rules of a group are evaluated for one moment.
  Json out{{"name", rule.name},
           {"query", view.query},
           {"labels", rule.labels},
           {"health", view.health},
           {"evaluationTime", seconds(view.evaluation_time)},
           {"lastEvaluation", evaluated_at(group)},
           {"type", "recording"}};
  if (!view.last_error.empty()) out["lastError"] = view.last_error;
  if (rule.kind == RuleKind::record) return out;
  auto alerts = Json::array();
  for (const auto& alert : view.alerts) alerts.push_back(alert_object(alert));
  out["type"] = "alerting";
  out["state"] = state_of(view);
  out["duration"] = seconds(rule.hold);
  out["keepFiringFor"] = seconds(rule.keep_firing_for);
  out["annotations"] = rule.annotations;
  out["alerts"] = std::move(alerts);
  return out;
}

bool chosen(const std::vector<std::string>& wanted, const std::string& value) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

struct Choice {
  std::string type;
  std::vector<std::string> names, groups, files;

  [[nodiscard]] bool takes(const Rule& rule) const {
    if (!type.empty() && (type == "alert") != (rule.kind == RuleKind::alert)) return false;
    return chosen(names, rule.name);
  }
};

net::Task<Response> rules(Context context, Request request) {
  const Choice choice{prom::value_of(request, "type"), prom::values_of(request, "rule_name[]"),
                      prom::values_of(request, "rule_group[]"), prom::values_of(request, "file[]")};
  if (!choice.type.empty() && choice.type != "alert" && choice.type != "record")
    co_return prom::bad_data("invalid parameter \"type\": not supported value " +
                             Json(choice.type).dump(-1, ' ', false, Json::error_handler_t::replace));
  auto groups = co_await context.view.rule_groups();
  if (!groups) co_return prom::failure(groups.error(), "type");
  auto list = Json::array();
  for (const auto& group : *groups) {
    if (!chosen(choice.groups, group.name) || !chosen(choice.files, group.file)) continue;
    auto shown = Json::array();
    for (const auto& rule : group.rules)
      if (choice.takes(rule.rule)) shown.push_back(rule_object(rule, group));
    if (shown.empty() && !choice.names.empty()) continue;
    list.push_back({{"name", group.name},
                    {"file", group.file},
                    {"rules", std::move(shown)},
                    {"interval", seconds(group.interval)},
                    {"limit", group.limit},
                    {"evaluationTime", seconds(group.evaluation_time)},
                    {"lastEvaluation", evaluated_at(group)}});
  }
  co_return prom::success(Json{{"groups", std::move(list)}});
}

net::Task<Response> alerts(Context context, Request) {
  auto groups = co_await context.view.rule_groups();
  if (!groups) co_return prom::failure(groups.error(), "type");
  auto list = Json::array();
  for (const auto& group : *groups)
    for (const auto& rule : group.rules)
      for (const auto& alert : rule.alerts) list.push_back(alert_object(alert));
  co_return prom::success(Json{{"alerts", std::move(list)}});
}

// The level of the API that clients may count on; the revision says who answers.
constexpr const char* kLevel = "2.42.0";

net::Task<Response> build(Context context, Request) {
  auto status = co_await context.view.status();
  if (!status) co_return prom::failure(status.error(), "version");
  co_return prom::success(Json{{"version", kLevel},
                               {"revision", "pgtend " + status->version},
                               {"branch", ""},
                               {"buildUser", ""},
                               {"buildDate", ""},
                               {"goVersion", ""}});
}

// Grafana asks below /rules to tell a ruler from a Prometheus, and knows the latter by these words.
net::Task<Response> no_page(Context, Request) {
  Response response;
  response.status = 404;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "404 page not found\n";
  co_return response;
}

}  // namespace

void add_prometheus_rules(http::Router& router, Context context) {
  prom::add_both<rules>(router, context, "/api/v1/rules");
  prom::add_both<alerts>(router, context, "/api/v1/alerts");
  prom::add_both<build>(router, context, "/api/v1/status/buildinfo");
  router.add("GET", "/api/v1/rules/{namespace}/{group}", http::Right::viewer, bind(context, no_page));
}

}  // namespace pgtend::api
