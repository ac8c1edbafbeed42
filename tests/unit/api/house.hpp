#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <string>

#include "agent/api/routes.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/unit/api/fake_agent_view.hpp"

namespace pgtend::test {

// The routes over a fake agent.
struct House {
  FakeAgentView view;
  api::MetricsBoard board{api::BoardOptions{"0.1.0"}};
  FakeClock clock{kThen};
  http::Router router = api::make_router(view, board, clock);

  http::Response ask(const std::string& method, const std::string& target, const std::string& body = {},
                     http::Right right = http::Right::admin, const std::string& content_type = {}) {
    http::Request request;
    request.method = method;
    REQUIRE(http::split_target(target, request));
    if (!content_type.empty()) request.headers["content-type"] = content_type;
    request.body = body;
    request.identity = {right == http::Right::none ? "anonymous" : "token:" + std::string(to_string(right)), right};
    net::asio::io_context context(1);
    http::Response response;
    auto task = [&]() -> net::Task<void> {
      auto answer = co_await router.respond(request);
      response = std::move(answer);
    };
    auto ended = [](std::exception_ptr failure) { REQUIRE_FALSE(failure); };
    net::asio::co_spawn(context, task(), ended);
    context.run();
    return response;
  }
};

}  // namespace pgtend::test
