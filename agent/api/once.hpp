#pragma once

#include <deque>
#include <map>
#include <string>

#include "agent/base/clock.hpp"
#include "agent/http/router.hpp"

namespace pgtend::api {

// Answers a write that is repeated with the same Idempotency-Key as it was answered the first time, without doing it
// again. A key belongs to who sent it and to the address; it is remembered for a day, for as long as the agent runs,
// and among the last 1,000. Answers of 500 and above are not remembered: trying again is right then.
class Once {
 public:
  explicit Once(const Clock& clock) : clock_(clock) {}

  // The answer of `handler`, or the remembered one. 400: no valid key; 409: the first is still at work; 422: the key
  // was used with another body. REQUIRES: I/O thread; `once` and `handler` outlive the task.
  static net::Task<http::Response> answer(Once* once, const http::Handler* handler, http::Request request);

 private:
  struct Known {
    std::string body;
    bool at_work = true;
    http::Response response;
    Deadline until{};
  };
  void forget_old();

  const Clock& clock_;
  std::map<std::string, Known> known_;
  std::deque<std::string> order_;  // oldest first
};

}  // namespace pgtend::api
