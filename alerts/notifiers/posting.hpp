#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/http/client.hpp"
#include "alerts/notifiers/delivery.hpp"

namespace pgtend::alerts {

// Posts JSON and says what became of it; private to this folder.
// REQUIRES: client and clock outlive the call.
net::TaskResult<Delivery> post_json(http::Client& client, const Clock& clock, http::ClientRequest request,
                                    std::string bearer_token);

}  // namespace pgtend::alerts
