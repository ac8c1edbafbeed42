#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/request_body.hpp"

// Lint, explain and backtest of rules: they read, and take rule files as JSON because these are no address.
namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

constexpr Millis kDefaultSince{7LL * 24 * 3'600'000};
// Files of one request. Source: far more than a directory of rules holds.
constexpr std::size_t kMostFiles = 1000;

Result<std::vector<RuleText>> texts_of(const Json& body, const char* field) {
  std::vector<RuleText> out;
  const auto found = body.find(field);
  if (found == body.end()) return out;
  const auto wrong = [&] {
    return fail(Errc::invalid_argument,
                std::string("\"") + field + "\" must be a list of {\"file\": NAME, \"text\": RULES}");
  };
  if (!found->is_array() || found->size() > kMostFiles) return wrong();
  for (const auto& item : *found) {
    if (!item.is_object() || !item.contains("file") || !item.contains("text") || !item["file"].is_string() ||
        !item["text"].is_string())
      return wrong();
    out.push_back({item["file"].get<std::string>(), item["text"].get<std::string>()});
  }
  return out;
}

net::Task<Response> lint(Context context, Request request) {
  const auto body = read_body(request, {"files", "since"});
  if (!body) co_return error_answer(body.error());
  auto files = texts_of(*body, "files");
  if (!files) co_return error_answer(files.error());
  const auto since = duration_field(*body, "since", kDefaultSince);
  if (!since) co_return error_answer(since.error());
  const Millis window = *since;
  auto findings = co_await context.view.lint_rules(std::move(*files), window);
  if (!findings) co_return error_answer(findings.error());
  auto items = Json::array();
  for (const auto& finding : *findings) items.push_back(encode(finding));
  co_return list_answer(std::move(items), context.clock);
}

net::Task<Response> explain(Context context, Request request) {
  const auto rule = request.query.find("rule"), expr = request.query.find("expr");
  if ((rule == request.query.end()) == (expr == request.query.end()))
    co_return bad_request("name a loaded rule (?rule=PgDown) or give an expression (?expr=up)");
  const auto name = rule == request.query.end() ? std::string() : rule->second;
  const auto text = expr == request.query.end() ? std::string() : expr->second;
  auto explained = co_await context.view.explain_rule(name, text);
  if (!explained) co_return error_answer(explained.error());
  auto items = Json::array();
  for (const auto& one : *explained) items.push_back(encode(one));
  co_return list_answer(std::move(items), context.clock);
}

Result<BacktestRequest> backtest_request(const Json& body) {
  BacktestRequest out;
  auto files = texts_of(body, "files");
  if (!files) return fail(files.error());
  auto against = texts_of(body, "against");
  if (!against) return fail(against.error());
  const auto since = duration_field(body, "since", kDefaultSince);
  if (!since) return fail(since.error());
  const auto step = duration_field(body, "step", Millis(0));
  if (!step) return fail(step.error());
  const auto text = body.find("rule"), sweep = body.find("sweep"), first = body.find("first");
  if (text != body.end() && !text->is_string()) return fail(Errc::invalid_argument, "\"rule\" must be text");
  if (sweep != body.end() && !sweep->is_boolean())
    return fail(Errc::invalid_argument, "\"sweep\" must be true or false");
  if (first != body.end() && !first->is_number_unsigned())
    return fail(Errc::invalid_argument, "\"first\" must be the \"next\" of an earlier answer");
  out.files = std::move(*files);
  out.against = std::move(*against);
  out.since = *since;
  out.step = *step;
  if (text != body.end()) out.rule = text->get<std::string>();
  if (sweep != body.end()) out.sweep = sweep->get<bool>();
  if (first != body.end()) out.first = first->get<std::size_t>();
  return out;
}

net::Task<Response> backtest(Context context, Request request) {
  const auto body = read_body(request, {"files", "against", "since", "step", "rule", "sweep", "first"});
  if (!body) co_return error_answer(body.error());
  auto wanted = backtest_request(*body);
  if (!wanted) co_return error_answer(wanted.error());
  auto report = co_await context.view.backtest_rules(std::move(*wanted));
  if (!report) co_return error_answer(report.error());
  co_return item_answer(encode(*report), context.clock);
}

}  // namespace

void add_reviewing(http::Router& router, Context context) {
  router.add("POST", "/v1/rules/lint", http::Right::viewer, bind(context, lint));
  router.add("POST", "/v1/rules/backtest", http::Right::viewer, bind(context, backtest));
  router.add("GET", "/v1/rules/explain", http::Right::viewer, bind(context, explain, {{"rule", {}}, {"expr", {}}}));
}

}  // namespace pgtend::api
