#include "agent/cli/demo/sink.hpp"

#include <boost/asio/io_context.hpp>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "agent/http/server.hpp"

namespace pgtend::cli::demo {

namespace {

// Shared by the server's thread, which adds, and the demo's, which looks.
struct Inbox {
  std::mutex mutex;
  std::vector<Received> alerts;

  void add(const std::string& body) {
    const auto message = nlohmann::json::parse(body, nullptr, false);
    if (!message.is_object() || !message.contains("alerts")) return;
    const UtcTime now = SystemClock().now();
    const std::lock_guard lock(mutex);
    for (const auto& alert : message["alerts"])
      alerts.push_back({now, alert["labels"].value("alertname", ""), alert.value("status", ""),
                        alert["annotations"].value("summary", ""), alert.value("startsAt", ""),
                        alert.value("endsAt", "")});
  }
};

net::Task<http::Response> take(std::shared_ptr<Inbox> inbox, http::Request request) {
  inbox->add(request.body);
  co_return http::Response{};
}

}  // namespace

struct Sink::State {
  std::shared_ptr<Inbox> inbox = std::make_shared<Inbox>();
  net::asio::io_context io{1};
  std::unique_ptr<http::Server> server;
  std::thread thread;

  ~State() {
    io.stop();
    if (thread.joinable()) thread.join();
    server.reset();
  }
};

Result<Sink> Sink::start() {
  auto state = std::make_unique<State>();
  http::Router router;
  router.add("POST", "/alerts", http::Right::none,
             [inbox = state->inbox](http::Request request) { return take(inbox, std::move(request)); });
  auto authenticator = http::Authenticator::make({});
  if (!authenticator) return fail(std::move(authenticator.error()));
  http::ServerOptions options;
  options.listen = "127.0.0.1:0";
  state->server =
      std::make_unique<http::Server>(state->io.get_executor(), options, std::move(router), std::move(*authenticator));
  if (auto started = state->server->start(); !started) return fail(std::move(started.error()), "webhook sink");
  state->thread = std::thread([io = &state->io] {
    const auto work = net::asio::make_work_guard(*io);
    io->run();
  });
  return Sink(std::move(state));
}

Sink::Sink(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sink::Sink(Sink&&) noexcept = default;
Sink::~Sink() = default;

std::uint16_t Sink::port() const {
  return state_->server->port();
}

std::string Sink::url() const {
  return "http://127.0.0.1:" + std::to_string(port()) + "/alerts";
}

std::vector<Received> Sink::received() const {
  const std::lock_guard lock(state_->inbox->mutex);
  return state_->inbox->alerts;
}

}  // namespace pgtend::cli::demo
