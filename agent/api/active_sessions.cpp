#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/json_fields.hpp"

// What the server was waiting on, from the history of active sessions.
namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

// Long enough to hold what somebody looks for who was just called.
constexpr Millis kDefaultBack{15LL * 60'000};
constexpr std::int64_t kDefaultRows = 20, kMostRows = 500;

Json encode_row(const store::SessionShare& row, const store::SessionReport& report) {
  Json group = Json::object();
  for (std::size_t i = 0; i < row.names.size(); ++i) group[to_string(report.by[i])] = row.names[i];
  Json out{{"group", std::move(group)}, {"average_sessions", row.average}, {"share", row.share}};
  if (!row.text.empty()) out["text"] = row.text;
  if (!row.timeline.empty()) out["timeline"] = row.timeline;
  return out;
}

Result<std::vector<store::SessionTrait>> traits_of(const Request& request) {
  const auto found = request.query.find("by");
  if (found == request.query.end() || found->second.empty()) return std::vector{store::SessionTrait::wait};
  return store::parse_session_traits(found->second);
}

Result<store::SessionQuestion> question_of(const Request& request, const Clock& clock) {
  store::SessionQuestion out;
  const auto range = query_range(request, clock, kDefaultBack);
  if (!range) return fail(range.error());
  out.range = *range;
  auto by = traits_of(request);
  if (!by) return fail(std::move(by.error()));
  out.by = std::move(*by);
  const auto limit = query_integer(request, "limit", kDefaultRows, 1, kMostRows);
  if (!limit) return fail(Errc::invalid_argument, "limit is a number from 1 to " + std::to_string(kMostRows));
  out.limit = static_cast<std::size_t>(*limit);
  if (!request.query.contains("step")) return out;
  const auto step = query_duration(request, "step");
  if (!step || *step <= Millis(0)) return fail(Errc::invalid_argument, "step is a duration such as 30s, longer than 0");
  if (auto few = store::check_session_steps(*range, *step); !few) return fail(std::move(few.error()));
  out.step = *step;
  return out;
}

net::Task<Response> get_active_sessions(Context context, Request request) {
  auto question = question_of(request, context.clock);
  if (!question) co_return error_answer(question.error());
  auto report = co_await context.view.active_sessions(std::move(*question));
  co_return report ? item_answer(encode(*report), context.clock) : error_answer(report.error());
}

}  // namespace

Json encode(const store::SessionReport& report) {
  Json by = Json::array(), rows = Json::array(), sampled = Json::array();
  for (const auto trait : report.by) by.push_back(to_string(trait));
  for (const auto& row : report.rows) rows.push_back(encode_row(row, report));
  for (const auto each : report.sampled_steps) sampled.push_back(seconds_field(each));
  Json out{{"from", to_rfc3339(report.range.from)},
           {"to", to_rfc3339(report.range.to)},
           {"by", std::move(by)},
           {"sampled_seconds", seconds_field(report.sampled)},
           {"samples", report.samples},
           {"average_sessions", report.average},
           {"idle_in_transaction", report.idle_in_transaction},
           {"rows", std::move(rows)},
           {"warnings", report.warnings}};
  if (report.step > Millis(0)) {
    out["step_seconds"] = seconds_field(report.step);
    out["sampled_steps_seconds"] = std::move(sampled);
  }
  return out;
}

void add_active_sessions(http::Router& router, Context context) {
  router.add("GET", "/v1/ash", http::Right::viewer,
             bind(context, get_active_sessions, {{"from", {}}, {"to", {}}, {"by", {}}, {"step", {}}, {"limit", {}}}));
}

}  // namespace pgtend::api
