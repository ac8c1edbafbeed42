#include <nlohmann/json.hpp>

#include "agent/api/handlers.hpp"
#include "agent/api/request_body.hpp"

namespace pgtend::api {

namespace {

using http::Request;
using http::Response;

constexpr std::string_view kKeys = "migrations/", kActions = "migrate.";

net::Task<Response> get_history(Context context, Request request) {
  const auto key = request.query.find("key");
  if (key == request.query.end() || !key->second.starts_with(kKeys))
    co_return bad_request("\"key\" names a database as migrations/SYSTEM/DATABASE");
  auto history = co_await context.view.migration_history(key->second);
  if (!history) co_return error_answer(history.error());
  co_return item_answer({{"key", key->second}, {"history", *history}}, context.clock);
}

std::optional<std::string> text_of(const Json& object, const char* field) {
  const auto it = object.is_object() ? object.find(field) : object.end();
  if (!object.is_object() || it == object.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

// The audit names who asked, not whom the request names.
std::optional<store::AuditDraft> draft_of(const Json& entry, const std::string& actor) {
  const auto action = text_of(entry, "action"), subject = text_of(entry, "subject");
  if (!action || !subject || !action->starts_with(kActions)) return std::nullopt;
  return store::AuditDraft{actor,
                           *action,
                           *subject,
                           text_of(entry, "before").value_or(""),
                           text_of(entry, "after").value_or(""),
                           text_of(entry, "result").value_or("ok")};
}

net::Task<Response> note(Context context, Request request) {
  const auto body = read_body(request, {"key", "history", "entries"});
  if (!body) co_return error_answer(body.error());
  const auto key = text_of(*body, "key"), history = text_of(*body, "history");
  const auto entries = body->find("entries");
  if (!key || !key->starts_with(kKeys) || !history || entries == body->end() || !entries->is_array())
    co_return bad_request("\"key\" (migrations/…), \"history\" and the list \"entries\" are needed");
  std::vector<store::AuditDraft> drafts;
  for (const auto& entry : *entries) {
    auto draft = draft_of(entry, request.identity.name);
    if (!draft) co_return bad_request("each entry has an \"action\" that begins with migrate. and a \"subject\"");
    drafts.push_back(std::move(*draft));
  }
  auto noted = co_await context.view.note_migrations(*key, *history, std::move(drafts));
  if (!noted) co_return error_answer(noted.error());
  co_return item_answer({{"key", *key}, {"history", *noted}}, context.clock);
}

}  // namespace

void add_migrating(http::Router& router, Context context) {
  router.add("GET", "/v1/migrations", http::Right::viewer, bind(context, get_history, {{"key", {}}}));
  router.add("POST", "/v1/migrations", http::Right::approver, bind(context, note));
}

}  // namespace pgtend::api
