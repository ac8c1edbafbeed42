#include "alerts/notifiers/posting.hpp"

namespace pgtend::alerts {

Delivery read_status(const http::ClientResponse& answer, UtcTime now) {
  return classify(answer.status, answer.headers, now);
}

net::TaskResult<Delivery> post_json(http::Client* client, const Clock* clock, http::ClientRequest request,
                                    std::string bearer_token, ReadAnswer read) {
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/json");
  if (!bearer_token.empty()) request.headers.emplace_back("Authorization", "Bearer " + bearer_token);
  // Little of an answer is read, and some answer with whole pages.
  request.max_body = 64 * 1024;
  request.truncate_body = true;
  auto response = co_await client->send(std::move(request));
  if (response) co_return read(*response, clock->now());
  co_return classify(response.error());
}

}  // namespace pgtend::alerts
