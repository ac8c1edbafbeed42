#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/json_fields.hpp"
#include "agent/api/request_body.hpp"

// What history.db holds, whether it is sound, and a copy of it.
namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

Json encode_tier(const store::TierReport& tier) {
  return {{"name", tier.name},
          {"width_seconds", seconds_field(tier.width)},
          {"retention_seconds", seconds_field(tier.retention)},
          {"blocks", tier.blocks},
          {"values", tier.values},
          {"bytes", tier.bytes},
          {"oldest", time_field(tier.oldest)},
          {"newest", time_field(tier.newest)}};
}

net::Task<Response> get_report(Context context, Request) {
  auto report = co_await context.view.history_report();
  co_return report ? item_answer(encode(*report), context.clock) : error_answer(report.error());
}

net::Task<Response> check(Context context, Request) {
  auto report = co_await context.view.history_check();
  co_return report ? item_answer(encode(*report), context.clock) : error_answer(report.error());
}

net::Task<Response> backup(Context context, Request request) {
  const auto body = read_body(request, {"to"});
  if (!body) co_return error_answer(body.error());
  const auto named = body->find("to");
  const std::string to = named != body->end() && named->is_string() ? named->get<std::string>() : std::string();
  if (to.empty() || to.front() != '/') co_return bad_request("the body is {\"to\": PATH}, an absolute path");
  auto copied = co_await context.view.history_backup(to);
  if (copied) co_return item_answer(Json{{"to", *copied}}, context.clock);
  // Nothing has changed that could be read again.
  if (copied.error().code == Errc::conflict)
    co_return http::error_response(409, "conflict", copied.error().describe(), "name a file that is not there yet");
  co_return error_answer(copied.error());
}

}  // namespace

Json encode(const store::StorageReport& report) {
  auto tiers = Json::array();
  for (const auto& tier : report.tiers) tiers.push_back(encode_tier(tier));
  const auto& stats = report.stats;
  return {{"path", report.path},
          {"version", report.version},
          {"sqlite_version", report.sqlite_version},
          {"max_bytes", report.max_bytes},
          {"bytes", stats.bytes},
          {"file_bytes", report.file_bytes},
          {"wal_bytes", report.wal_bytes},
          {"shm_bytes", report.shm_bytes},
          {"ballast_bytes", report.ballast_bytes},
          {"free_bytes", report.free_bytes},
          {"head_bytes", report.head_bytes},
          {"disk_available_bytes", report.disk_available_bytes},
          {"samples", stats.samples},
          {"series", stats.series},
          {"active_series", stats.active_series},
          {"oldest", time_field(stats.oldest)},
          {"newest", time_field(stats.newest)},
          {"cap_decides", stats.cap_decides},
          {"dropped_snapshots", stats.dropped_snapshots},
          {"dropped_ticks", stats.dropped_ticks},
          {"over_quota", stats.over_quota},
          {"bad_blocks", stats.bad_blocks},
          {"last_commit_ms", stats.last_commit_ms},
          {"trouble", stats.trouble},
          {"moved_aside", report.moved_aside},
          {"tiers", std::move(tiers)}};
}

Json encode(const store::IntegrityReport& report) {
  return {{"sound", report.sound},
          {"structure", report.structure},
          {"blocks", report.blocks},
          {"bad_blocks", report.bad_blocks},
          {"chunks", report.chunks},
          {"bad_chunks", report.bad_chunks},
          {"rows", report.rows},
          {"bad_rows", report.bad_rows},
          {"bad_from", time_field(report.bad_from)},
          {"bad_to", time_field(report.bad_to)}};
}

void add_database(http::Router& router, Context context) {
  router.add("GET", "/v1/db/stats", http::Right::viewer, bind(context, get_report, QueryParameters{}));
  // A check reads the whole file, and a backup writes where it is told to.
  router.add("POST", "/v1/db/check", http::Right::approver, bind(context, check));
  router.add("POST", "/v1/db/backup", http::Right::admin, bind(context, backup));
}

}  // namespace pgtend::api
