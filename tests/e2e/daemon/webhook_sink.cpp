#include <boost/asio/io_context.hpp>
#include <mutex>
#include <thread>

#include "agent/http/server.hpp"
#include "tests/e2e/daemon/daemon.hpp"

namespace pgtend::test {

struct WebhookSink::State {
  boost::asio::io_context io{1};
  std::unique_ptr<http::Server> server;
  std::thread thread;
  mutable std::mutex mutex;
  std::vector<int> statuses;
  std::vector<Json> bodies;
  std::vector<UtcTime> arrivals;
};

WebhookSink::WebhookSink() : state_(std::make_unique<State>()) {
  http::Router router;
  auto receive = [state = state_.get()](http::Request request) -> net::Task<http::Response> {
    const std::lock_guard lock(state->mutex);
    http::Response response;
    if (!state->statuses.empty()) {
      response.status = state->statuses.front();
      state->statuses.erase(state->statuses.begin());
    }
    if (response.status / 100 == 2) {
      state->arrivals.push_back(SystemClock().now());
      state->bodies.push_back(Json::parse(request.body, nullptr, false));
    }
    co_return response;
  };
  router.add("POST", "/hook", http::Right::none, receive);
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  auto anyone = http::Authenticator::make({});
  state_->server =
      std::make_unique<http::Server>(state_->io.get_executor(), options, std::move(router), std::move(*anyone));
  if (auto started = state_->server->start(); !started) throw std::runtime_error(started.error().describe());
  state_->thread = std::thread([state = state_.get()] { state->io.run(); });
}

WebhookSink::~WebhookSink() {
  state_->io.stop();
  state_->thread.join();
  state_->server.reset();
}

std::string WebhookSink::url() const {
  return "http://127.0.0.1:" + std::to_string(state_->server->port()) + "/hook";
}

void WebhookSink::answer(std::vector<int> statuses) {
  const std::lock_guard lock(state_->mutex);
  state_->statuses = std::move(statuses);
}

std::vector<Json> WebhookSink::bodies() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bodies;
}

std::vector<UtcTime> WebhookSink::arrivals() const {
  const std::lock_guard lock(state_->mutex);
  return state_->arrivals;
}

}  // namespace pgtend::test
