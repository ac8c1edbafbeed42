#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"

// Who blocks whom now.
namespace pgtend::api {

namespace {

Json encode_session(const ChainSessionView& session) {
  return {{"pid", session.pid},
          {"database", session.database},
          {"user", session.user},
          {"application", session.application},
          {"state", session.state},
          {"backend_type", session.backend_type},
          {"query_id", session.query_id},
          {"lock_mode", session.lock_mode},
          {"lock_type", session.lock_type},
          {"relation", session.relation},
          {"wait_seconds", session.wait_seconds},
          {"transaction_seconds", session.transaction_seconds}};
}

net::Task<http::Response> get_blocking(Context context, http::Request) {
  auto now = co_await context.view.blocking();
  if (!now) co_return error_answer(now.error());
  auto items = Json::array();
  for (const auto& tree : now->trees) items.push_back(encode(tree));
  auto answer = list_envelope(std::move(items), context.clock.now());
  answer["warnings"] = now->warnings;
  co_return json_answer(answer);
}

}  // namespace

Json encode(const BlockingTreeView& tree) {
  auto victims = Json::array();
  for (const auto& victim : tree.victims) {
    auto each = encode_session(victim.session);
    each["blocked_by"] = victim.blocked_by;
    each["depth"] = victim.depth;
    victims.push_back(std::move(each));
  }
  return {{"root", encode_session(tree.root)},
          {"victims", std::move(victims)},
          {"depth", tree.depth},
          {"wait_seconds", tree.wait_seconds}};
}

void add_blocking(http::Router& router, Context context) {
  router.add("GET", "/v1/blocking", http::Right::viewer, bind(context, get_blocking, QueryParameters{}));
}

}  // namespace pgtend::api
