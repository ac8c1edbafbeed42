#include "agent/redis/client.hpp"

#include <algorithm>
#include <cctype>

namespace pgtend::redis {

namespace {

constexpr std::size_t kChunk = 16 << 10;
// Of an error's words that are passed on.
constexpr std::size_t kMaxWords = 200;

struct Meaning {
  std::string_view begins;
  Errc code;
};

constexpr Meaning kMeanings[] = {
    {"NOAUTH", Errc::permission},
    {"WRONGPASS", Errc::permission},
    {"NOPERM", Errc::permission},
    {"ERR invalid password", Errc::permission},
    {"ERR max number of clients reached", Errc::resource_exhausted},
    {"ERR unknown command", Errc::unsupported},
    {"ERR unknown subcommand", Errc::unsupported},
    {"LOADING", Errc::unavailable},
    {"MASTERDOWN", Errc::unavailable},
};

// Error replies quote arguments of the command, which may be a password or a key.
std::string without_arguments(std::string_view text) {
  text = text.substr(0, text.find(", with args beginning with"));
  std::string out(text.substr(0, kMaxWords));
  for (auto& c : out)
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0) c = ' ';
  return out;
}

}  // namespace

Error reply_error(std::string_view text) {
  Error error;
  error.code = Errc::server;
  for (const auto& meaning : kMeanings)
    if (text.starts_with(meaning.begins)) {
      error.code = meaning.code;
      break;
    }
  error.message = without_arguments(text);
  error.retryable = error.code == Errc::unavailable || error.code == Errc::resource_exhausted;
  return error;
}

net::TaskResult<std::unique_ptr<Client>> Client::connect(ConnectSpec spec, net::asio::any_io_executor blocking,
                                                         Deadline deadline) {
  auto stream = co_await net::Stream::connect(spec.target, blocking, deadline);
  if (!stream) co_return fail(std::move(stream.error()));
  std::unique_ptr<Client> client(new Client(std::move(*stream)));
  if (spec.password.empty() && spec.user.empty()) co_return client;
  std::vector<std::string> words{"AUTH"};
  if (!spec.user.empty()) words.push_back(spec.user);
  words.push_back(spec.password);
  const auto sent = encode_command(words);
  auto reply = co_await client->exchange(sent, deadline);
  if (!reply) co_return fail(std::move(reply.error()), "AUTH");
  if (reply->kind != Value::Kind::error) co_return client;
  auto error = reply_error(reply->text);
  // The peer heard the password and may repeat it: only the code in front of its words is passed on.
  const auto code_end = std::find_if(reply->text.begin(), reply->text.end(), [](unsigned char c) { return c == ' '; });
  const std::string code(reply->text.begin(), code_end);
  const bool is_code = !code.empty() && code.size() <= 16 &&
                       std::all_of(code.begin(), code.end(), [](unsigned char c) { return c >= 'A' && c <= 'Z'; }) &&
                       code != spec.password && code != spec.user;
  error.message = "the password was refused" + (is_code ? " (" + code + ")" : std::string());
  if (error.code == Errc::server || error.code == Errc::unsupported) error.code = Errc::permission;
  co_return fail(std::move(error));
}

net::TaskResult<Value> Client::command(std::vector<std::string> words, Deadline deadline) {
  const auto sent = encode_command(words);
  auto reply = co_await exchange(sent, deadline);
  if (!reply) co_return fail(std::move(reply.error()), words.front());
  if (reply->kind != Value::Kind::error) co_return reply;
  auto error = reply_error(reply->text);
  // Neither will answer anything else.
  if (error.code == Errc::resource_exhausted) stream_.reset();
  co_return fail(std::move(error), words.front());
}

net::TaskResult<Value> Client::exchange(std::string command, Deadline deadline) {
  if (stream_ == nullptr) co_return fail(Errc::unavailable, "the session ended", true);
  auto sent = co_await stream_->write(command, deadline);
  // A peer that is full says so before it hangs up: what it said is still to be read.
  while (true) {
    auto reply = decoder_.next();
    if (!reply) {
      stream_.reset();
      co_return fail(std::move(reply.error()));
    }
    if (*reply) co_return std::move(**reply);
    auto bytes = co_await stream_->read_some(kChunk, deadline);
    if (!bytes || bytes->empty()) {
      stream_.reset();
      if (!sent) co_return fail(std::move(sent.error()));
      if (!bytes) co_return fail(std::move(bytes.error()));
      co_return fail(Errc::unavailable, "Redis closed the session", true);
    }
    decoder_.feed(*bytes);
  }
}

}  // namespace pgtend::redis
