#pragma once

#include <deque>
#include <map>
#include <string>

#include "agent/api/agent_view.hpp"
#include "agent/base/clock.hpp"
#include "agent/http/router.hpp"

namespace pgtend::api {

// Answers a write that is repeated with the same Idempotency-Key as it was answered the first time, without doing it
// again. A key belongs to who sent it and to the address; it is remembered for a day, among the last 1,000, in the
// ledger where there is one. Answers of 500 and above are not remembered: trying again is right then.
class Once {
 public:
  Once(AgentView& view, const Clock& clock) : view_(view), clock_(clock) {}

  // The answer of `handler`, or the remembered one. 400: no valid key; 409: the first is still at work, or the agent
  // was ended while it was; 422: the key was used with another body; the ledger's error when it cannot be asked.
  // REQUIRES: I/O thread; `once` and `handler` outlive the task.
  static net::Task<http::Response> answer(Once* once, const http::Handler* handler, http::Request request);

 private:
  struct Known {
    std::string body_hash;
    bool at_work = true;
    http::Response response;
    UtcTime until{};
  };
  void forget_old();
  [[nodiscard]] http::Response repeated(const Known& known, const std::string& body_hash) const;
  // What happened before the agent was started; nullopt: nothing did, and the ledger knows now that it begins.
  net::TaskResult<std::optional<http::Response>> before_start(std::string id, std::string body_hash);
  net::Task<void> keep(std::string id, std::string body_hash, http::Response response);

  AgentView& view_;
  const Clock& clock_;
  std::map<std::string, Known> known_;
  std::deque<std::string> order_;  // oldest first
};

}  // namespace pgtend::api
