#include "agent/api/once.hpp"

#include <algorithm>

#include "agent/api/handlers.hpp"

namespace pgtend::api {

namespace {

constexpr Millis kRemembered{24LL * 3'600'000};
constexpr std::size_t kMostKeys = 1'000;
constexpr std::size_t kLongestKey = 200;

bool is_key(const std::string& text) {
  return !text.empty() && text.size() <= kLongestKey &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

void Once::forget_old() {
  const auto now = clock_.steady_now();
  while (!order_.empty()) {
    const auto found = known_.find(order_.front());
    const bool gone = found == known_.end();
    if (!gone && (found->second.at_work || (found->second.until > now && known_.size() < kMostKeys))) return;
    if (!gone) known_.erase(found);
    order_.pop_front();
  }
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
  const std::string id = request.identity.name + "\n" + request.method + " " + request.path + "\n" + header->second;
  if (const auto found = once->known_.find(id); found != once->known_.end()) {
    const auto& known = found->second;
    if (known.body != request.body)
      co_return http::error_response(422, "conflict", "this Idempotency-Key was used with another body",
                                     "take a new key for another request");
    if (known.at_work)
      co_return http::error_response(409, "conflict", "the first request with this Idempotency-Key is still at work",
                                     "ask again in a moment");
    auto again = known.response;
    again.headers.emplace_back("Idempotent-Replayed", "true");
    co_return again;
  }
  once->known_[id].body = request.body;
  once->order_.push_back(id);
  auto response = co_await (*handler)(std::move(request));
  if (response.status >= 500) {
    once->known_.erase(id);
    co_return response;
  }
  auto& known = once->known_[id];
  known.at_work = false;
  known.response = response;
  known.until = once->clock_.steady_now() + kRemembered;
  co_return response;
}

}  // namespace pgtend::api
