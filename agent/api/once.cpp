#include "agent/api/once.hpp"

#include <algorithm>

#include "agent/api/handlers.hpp"
#include "agent/base/log.hpp"
#include "agent/http/auth.hpp"

namespace pgtend::api {

namespace {

constexpr Millis kRemembered{24LL * 3'600'000};
constexpr std::size_t kLongestKey = 200;

bool is_key(const std::string& text) {
  return !text.empty() && text.size() <= kLongestKey &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

http::Response used_with_another() {
  return http::error_response(422, "conflict", "this Idempotency-Key was used with another body",
                              "take a new key for another request");
}

http::Response replayed(http::Response response) {
  response.headers.emplace_back("Idempotent-Replayed", "true");
  return response;
}

}  // namespace

void Once::forget_old() {
  const auto now = clock_.now();
  while (!order_.empty()) {
    const auto found = known_.find(order_.front());
    const bool gone = found == known_.end();
    if (!gone && (found->second.at_work ||
                  (found->second.until > now && known_.size() < static_cast<std::size_t>(store::kMostAnswers))))
      return;
    if (!gone) known_.erase(found);
    order_.pop_front();
  }
}

http::Response Once::repeated(const Known& known, const std::string& body_hash) const {
  if (known.body_hash != body_hash) return used_with_another();
  if (known.at_work)
    return http::error_response(409, "conflict", "the first request with this Idempotency-Key is still at work",
                                "ask again in a moment");
  return replayed(known.response);
}

net::TaskResult<std::optional<http::Response>> Once::before_start(std::string id, std::string body_hash) {
  auto stored = co_await view_.known_answer(id);
  if (!stored) co_return fail(std::move(stored.error()), "the request is not begun");
  if (*stored) {
    const auto& answer = **stored;
    if (answer.body_hash != body_hash) co_return used_with_another();
    if (!answer.status)
      co_return http::error_response(409, "conflict",
                                     "a request with this Idempotency-Key was begun before the agent was started "
                                     "anew, and its answer is not known",
                                     "look whether it took effect (pgtend changes list, pgtend audit list), then take "
                                     "a new key");
    http::Response response;
    response.status = *answer.status;
    response.body = answer.body;
    if (!answer.location.empty()) response.headers.emplace_back("Location", answer.location);
    co_return replayed(std::move(response));
  }
  store::KnownAnswer begun;
  begun.key = id;
  begun.body_hash = body_hash;
  begun.until = clock_.now() + kRemembered;
  auto noted = co_await view_.keep_answer(begun);
  if (!noted) co_return fail(std::move(noted.error()), "the request is not begun");
  co_return std::nullopt;
}

net::Task<void> Once::keep(std::string id, std::string body_hash, http::Response response) {
  store::KnownAnswer answer;
  answer.key = id;
  answer.body_hash = body_hash;
  answer.status = response.status;
  answer.body = response.body;
  for (const auto& [name, value] : response.headers)
    if (name == "Location") answer.location = value;
  answer.until = clock_.now() + kRemembered;
  auto kept = co_await view_.keep_answer(answer);
  // It is remembered as begun, so that it is not done again.
  if (!kept) log::warn("answer not kept", {{"error", kept.error().describe()}});
}

net::Task<http::Response> Once::answer(Once* once, const http::Handler* handler, http::Request request) {
  const auto header = request.headers.find("idempotency-key");
  if (header == request.headers.end()) {
    auto response = co_await (*handler)(std::move(request));
    co_return response;
  }
  if (!is_key(header->second))
    co_return bad_request("Idempotency-Key must be 1 to 200 printable characters without spaces");
  once->forget_old();
  const auto id =
      http::sha256_hex(request.identity.name + "\n" + request.method + " " + request.path + "\n" + header->second);
  const auto body_hash = http::sha256_hex(request.body);
  if (const auto found = once->known_.find(id); found != once->known_.end())
    co_return once->repeated(found->second, body_hash);
  once->known_[id].body_hash = body_hash;
  once->order_.push_back(id);
  auto before = co_await once->before_start(id, body_hash);
  if (!before || *before) {
    once->known_.erase(id);
    co_return before ? **before : error_answer(before.error());
  }
  auto response = co_await (*handler)(std::move(request));
  if (response.status >= 500) {
    auto forgotten = co_await once->view_.forget_answer(id);
    if (!forgotten) log::warn("key not forgotten", {{"error", forgotten.error().describe()}});
    once->known_.erase(id);
    co_return response;
  }
  co_await once->keep(id, body_hash, response);
  auto& known = once->known_[id];
  known.at_work = false;
  known.response = response;
  known.until = once->clock_.now() + kRemembered;
  co_return response;
}

}  // namespace pgtend::api
