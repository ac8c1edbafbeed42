#include "agent/base/strings.hpp"
#include "agent/config/files.hpp"
#include "agent/engine/neighbour.hpp"
#include "agent/redis/client.hpp"
#include "collectors/redis/redis.hpp"

namespace pgtend::engine {

namespace {

// Events of LATENCY LATEST that become series. Source: Redis 7 knows about twenty.
constexpr std::size_t kMaxEvents = 64;

// [[event, unix time, latest ms, most ms], ...]
std::optional<std::vector<collectors::RedisLatency>> latency_of(const redis::Value& reply) {
  using Kind = redis::Value::Kind;
  if (reply.kind != Kind::array) return std::nullopt;
  std::vector<collectors::RedisLatency> out;
  for (const auto& entry : reply.items) {
    const auto& e = entry.items;
    if (out.size() == kMaxEvents) break;
    if (e.size() < 3 || e[0].kind != Kind::text || e[1].kind != Kind::integer || e[2].kind != Kind::integer)
      return std::nullopt;
    out.push_back({e[0].text, static_cast<double>(e[1].integer), static_cast<double>(e[2].integer) / 1000});
  }
  return out;
}

class Redis : public Neighbour {
 public:
  Redis(config::RedisConfig config, net::asio::any_io_executor blocking, const Clock& clock)
      : config_(std::move(config)), blocking_(std::move(blocking)), clock_(clock) {}

  net::TaskResult<NeighbourAnswer> ask(Deadline deadline) override {
    // A Redis that was started again meanwhile is no failure, only an old session.
    const bool old = client_ != nullptr;
    auto answer = co_await ask_once(deadline);
    if (!answer && old && answer.error().code == Errc::unavailable) {
      hang_up();
      auto again = co_await ask_once(deadline);
      co_return again;
    }
    co_return answer;
  }

  void hang_up() override { client_.reset(); }

 private:
  net::TaskResult<NeighbourAnswer> ask_once(Deadline deadline) {
    auto open = co_await open_session(deadline);
    if (!open) co_return fail(with_cure(std::move(open.error())));
    collectors::RedisAnswers answers;
    const Deadline sent = clock_.steady_now();
    auto pong = co_await question({"PING"}, deadline);
    if (!pong) co_return fail(std::move(pong.error()));
    if (*pong) answers.round_trip_seconds = std::chrono::duration<double>(clock_.steady_now() - sent).count();
    auto info = co_await client_->command({"INFO"}, deadline);
    if (!info) co_return fail(with_cure(std::move(info.error())));
    if (info->kind != redis::Value::Kind::text) co_return fail(Errc::parse, "INFO: the reply is no text");
    answers.info = std::move(info->text);
    auto slow = co_await question({"SLOWLOG", "LEN"}, deadline);
    if (!slow) co_return fail(std::move(slow.error()));
    if (*slow && (*slow)->kind == redis::Value::Kind::integer) answers.slowlog_length = (*slow)->integer;
    auto latency = co_await question({"LATENCY", "LATEST"}, deadline);
    if (!latency) co_return fail(std::move(latency.error()));
    if (*latency) answers.latency = latency_of(**latency);

    auto run = collectors::redis_series(answers, config_.name, counts_, clock_.now());
    if (run.version.empty()) co_return fail(Errc::parse, "INFO: the reply names no redis_version");
    counts_ = std::move(run.counts);
    co_return NeighbourAnswer{std::move(run.samples), std::move(run.version), std::move(run.lost),
                              client_->certificate_not_after()};
  }

  // The password is read each time, so that a new one in the file is enough.
  net::TaskResult<bool> open_session(Deadline deadline) {
    if (client_ != nullptr && client_->healthy()) co_return true;
    redis::ConnectSpec spec;
    spec.target.host = config_.host;
    spec.target.port = config_.port;
    spec.target.unix_path = config_.socket;
    if (config_.tls)
      spec.target.tls = net::TlsOptions{config_.ca_file, config_.cert_file, config_.key_file, config_.server_name};
    spec.user = config_.user;
    if (!config_.password_file.empty()) {
      const auto text = config::read_text(config_.password_file);
      if (!text) co_return fail(text.error(), "password_file");
      spec.password = std::string(trim(*text));
    }
    auto opened = co_await redis::Client::connect(spec, blocking_, deadline);
    if (!opened) co_return fail(std::move(opened.error()));
    client_ = std::move(*opened);
    co_return true;
  }

  // A question whose refusal costs only its own metrics. Errors: those that end the session.
  net::TaskResult<std::optional<redis::Value>> question(std::vector<std::string> words, Deadline deadline) {
    auto reply = co_await client_->command(words, deadline);
    if (reply) co_return std::optional(std::move(*reply));
    // Without a password nothing at all is answered; while it loads its data, only INFO is.
    const bool closed = reply.error().message.starts_with("NOAUTH");
    if (!client_->healthy() || closed) co_return fail(with_cure(std::move(reply.error())));
    co_return std::optional<redis::Value>();
  }

  [[nodiscard]] Error with_cure(Error error) const {
    if (error.code != Errc::permission) return error;
    const std::string user = config_.user.empty() ? "default" : config_.user;
    error.message += error.message.starts_with("NOPERM")
                         ? "; cure: ACL SETUSER " + user + " +ping +info +slowlog|len +latency|latest"
                         : "; cure: give the password of " + user + " in redis's password_file";
    return error;
  }

  const config::RedisConfig config_;
  net::asio::any_io_executor blocking_;
  const Clock& clock_;
  std::unique_ptr<redis::Client> client_;
  std::optional<collectors::RedisCounts> counts_;
};

}  // namespace

std::unique_ptr<Neighbour> make_redis(const config::RedisConfig& config, net::asio::any_io_executor blocking,
                                      const Clock& clock) {
  return std::make_unique<Redis>(config, std::move(blocking), clock);
}

}  // namespace pgtend::engine
