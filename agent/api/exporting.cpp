#include <limits>
#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/history_page.hpp"

namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

// Year 9999: what the text of a time can say.
constexpr std::int64_t kLastMs = 253'402'300'799'999;

std::string query_text(const Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

// One page of stored samples as text. The header X-Pgtend-Next holds what `after` of the next request must be; without
// it this was the last page.
net::Task<Response> get_export(Context context, Request request) {
  const auto named = query_text(request, "format");
  const auto format = parse_export_format(named.empty() ? "openmetrics" : named);
  if (!format) co_return bad_request("format is one of openmetrics, csv and jsonl");
  const auto from = query_integer(request, "from_ms", 0, 0, kLastMs);
  const auto to = query_integer(request, "to_ms", to_ms(context.clock.now()), 0, kLastMs);
  if (!from || !to || *from > *to) co_return bad_request("from_ms and to_ms are milliseconds since 1970, in order");
  const auto after = query_text(request, "after");
  const auto cursor = after.empty() ? std::nullopt : parse_cursor(after);
  if (!after.empty() && !cursor) co_return bad_request("after is not what an earlier page gave as X-Pgtend-Next");
  std::vector<std::string> selectors;
  for (const auto& [name, value] : request.query_items)
    if (name == "match" || name == "match[]") selectors.push_back(value);
  const TimeRange range{from_ms(*from), from_ms(*to)};
  auto page = co_await context.view.history_page(std::move(selectors), range, cursor);
  if (!page) co_return error_answer(page.error());
  Response response;
  response.content_type = content_type(*format);
  response.body = export_text(*page, *format, after.empty());
  if (page->next) response.headers.emplace_back("X-Pgtend-Next", to_text(*page->next));
  co_return response;
}

}  // namespace

void add_exporting(http::Router& router, Context context) {
  router.add("GET", "/v1/export", http::Right::viewer,
             bind(context, get_export,
                  {{"format", {}}, {"from_ms", {}}, {"to_ms", {}}, {"after", {}}, {"match", {}}, {"match[]", {}}}));
}

}  // namespace pgtend::api
