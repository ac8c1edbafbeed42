#include "alerts/notifiers/posting.hpp"

namespace pgtend::alerts {

net::TaskResult<Delivery> post_json(http::Client& client, const Clock& clock, http::ClientRequest request,
                                    std::string bearer_token) {
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/json");
  if (!bearer_token.empty()) request.headers.emplace_back("Authorization", "Bearer " + bearer_token);
  // Nobody reads what a receiver answers, and some answer with whole pages.
  request.max_body = 64 * 1024;
  request.truncate_body = true;
  auto response = co_await client.send(std::move(request));
  if (response) co_return classify(response->status, response->headers, clock.now());
  co_return classify(response.error());
}

}  // namespace pgtend::alerts
