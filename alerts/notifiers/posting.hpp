#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/http/client.hpp"
#include "agent/model/alert.hpp"
#include "alerts/notifiers/delivery.hpp"

namespace pgtend::alerts {

// What a receiver means by an answer.
using ReadAnswer = Delivery (*)(const http::ClientResponse& answer, UtcTime now);
// By status and Retry-After alone.
[[nodiscard]] Delivery read_status(const http::ClientResponse& answer, UtcTime now);

// Posts JSON and says what became of it; private to this folder.
// REQUIRES: client and clock outlive the call.
net::TaskResult<Delivery> post_json(http::Client* client, const Clock* clock, http::ClientRequest request,
                                    std::string bearer_token, ReadAnswer read = read_status);

}  // namespace pgtend::alerts
