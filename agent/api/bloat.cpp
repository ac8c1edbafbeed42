#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/request_body.hpp"

// How much of one table is bloat, measured now.
namespace pgtend::api {

namespace {

net::Task<http::Response> measure(Context context, http::Request request) {
  const auto body = read_body(request, {"table", "database"});
  if (!body) co_return error_answer(body.error());
  const auto field = [&body](const char* name) {
    const auto found = body->find(name);
    return found != body->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  std::string table = field("table"), database = field("database");
  if (table.empty())
    co_return bad_request(
        "the body is {\"table\": \"SCHEMA.TABLE\", \"database\": NAME}; without a database it is the agent's");
  auto measured = co_await context.view.bloat(std::move(table), std::move(database));
  co_return measured ? item_answer(encode(*measured), context.clock) : error_answer(measured.error());
}

}  // namespace

Json encode(const BloatView& bloat) {
  return {{"database", bloat.database},       {"schema", bloat.schema},          {"table", bloat.table},
          {"table_bytes", bloat.table_bytes}, {"live_rows", bloat.live_rows},    {"scanned_ratio", bloat.scanned_ratio},
          {"live_bytes", bloat.live_bytes},   {"dead_rows", bloat.dead_rows},    {"dead_bytes", bloat.dead_bytes},
          {"free_bytes", bloat.free_bytes},   {"bloat_ratio", bloat.bloat_ratio}};
}

void add_bloat(http::Router& router, Context context) {
  // It reads the parts of the table that are not all-visible: not for whoever may only look.
  router.add("POST", "/v1/bloat", http::Right::approver, bind(context, measure));
}

}  // namespace pgtend::api
