#include "agent/engine/remote_writing.hpp"

#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/config/files.hpp"
#include "agent/engine/wiring.hpp"

namespace pgtend::engine {

namespace {

// How soon a task notices that its configuration is no longer the one in force.
constexpr Millis kNotice{500};

std::string cursor_key(const std::string& name) {
  return "remote_write/" + name;
}

}  // namespace

RemoteWriting::RemoteWriting(Parts& parts, std::function<std::vector<MetricDef>()> metrics)
    : parts_(parts), metrics_(std::move(metrics)), client_(parts.sending) {}

void RemoteWriting::start(Supervisor& supervisor) {
  supervisor_ = &supervisor;
  reload();
}

void RemoteWriting::reload() {
  const auto& wanted = parts_.config->remote_write;
  if (supervisor_ == nullptr || (generation_ > 0 && wanted == running_config_)) return;
  running_config_ = wanted;
  const auto generation = ++generation_;
  for (const auto& receiver : wanted)
    supervisor_->spawn("remote write/" + receiver.name,
                       [this, name = receiver.name, generation] { return run(name, generation); });
}

std::optional<remote::Target> RemoteWriting::target(const std::string& name) const {
  const auto found = std::find_if(running_config_.begin(), running_config_.end(),
                                  [&](const config::RemoteWriteConfig& each) { return each.name == name; });
  if (found == running_config_.end()) return std::nullopt;
  remote::Target out;
  out.name = name;
  out.url = found->url;
  out.timeout = found->timeout;
  out.backfill = found->backfill;
  // A run is dated by its start and may hold several statements; its commit follows. 15 s by default.
  out.settle = 4 * parts_.config->postgresql.statement_timeout + 3 * parts_.config->history.commit_interval;
  out.labels = instance_labels(*parts_.config);
  const auto secret = [&](const std::string& file, std::string& to) {
    if (file.empty()) return true;
    const auto text = config::read_text(file);
    if (!text) {
      log::error("remote write cannot read a file of its receiver",
                 {{"endpoint", name}, {"file", file}, {"error", text.error().describe()}});
      return false;
    }
    to = std::string(trim(*text));
    return true;
  };
  out.username = found->username;
  out.headers = found->headers;
  if (!secret(found->url_file, out.url) || !secret(found->bearer_token_file, out.bearer_token) ||
      !secret(found->password_file, out.password))
    return std::nullopt;
  return out;
}

remote::Doors RemoteWriting::doors(const std::string& name) {
  remote::Doors out;
  out.blocking = parts_.blocking;
  out.open_reader = [history = &parts_.history] { return history->reader(); };
  out.metrics = metrics_;
  out.load = [this, name] { return load_cursor(name); };
  out.save = [this, name](remote::Cursor cursor) { return save_cursor(name, cursor); };
  return out;
}

net::TaskResult<std::optional<remote::Cursor>> RemoteWriting::load_cursor(std::string name) {
  auto read = [key = cursor_key(name)](store::Ledger& ledger) { return ledger.get_meta(key); };
  auto stored = co_await parts_.with_ledger(read);
  if (!stored) co_return fail(std::move(stored.error()));
  co_return *stored ? remote::parse_cursor(**stored) : std::nullopt;
}

net::TaskResult<bool> RemoteWriting::save_cursor(std::string name, remote::Cursor cursor) {
  auto write = [key = cursor_key(name), text = remote::to_text(cursor)](store::Ledger& ledger) {
    return ledger.set_meta(key, text);
  };
  auto stored = co_await parts_.with_ledger(write);
  if (!stored) co_return fail(std::move(stored.error()));
  co_return true;
}

net::Task<void> RemoteWriting::pause(Millis time, std::uint64_t generation) {
  const Deadline end = parts_.clock.steady_now() + time;
  while (generation == generation_) {
    const Deadline now = parts_.clock.steady_now();
    if (now >= end) co_return;
    const Deadline next = std::min(end, now + kNotice);
    co_await net::sleep_until(next);
  }
}

net::Task<void> RemoteWriting::run(std::string name, std::uint64_t generation) {
  while (running_.contains(name)) {
    const Deadline soon = parts_.clock.steady_now() + kNotice;
    co_await net::sleep_until(soon);
  }
  if (generation != generation_) co_return;
  const auto receiver = target(name);
  if (!receiver) co_return;
  // Leaves the set however this task ends, so that the next one for the same receiver may begin.
  struct Place {
    std::set<std::string>& set;
    std::string name;
    Place(std::set<std::string>& in, std::string of) : set(in), name(std::move(of)) { set.insert(name); }
    ~Place() { set.erase(name); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
  } place(running_, name);
  published_.erase(name);
  remote::Sender sender(*receiver, doors(name), client_, parts_.clock,
                        static_cast<std::uint64_t>(to_ms(parts_.clock.now())));
  while (generation == generation_) {
    const auto wait = co_await sender.step();
    publish(sender);
    co_await pause(wait, generation);
  }
}

void RemoteWriting::publish(const remote::Sender& sender) {
  auto& before = published_[sender.name()];
  const auto& now = sender.counts();
  const auto count = [&](const char* name, const char* help, std::uint64_t was, std::uint64_t is) {
    parts_.board.counter(name, help, Labels{{"endpoint", sender.name()}}).add(static_cast<double>(is - was));
  };
  count("pgtend_remote_write_samples_total", "Samples that the receiver acknowledged.", before.sent, now.sent);
  count("pgtend_remote_write_repeated_samples_total", "Samples sent again that the receiver already had.",
        before.repeated, now.repeated);
  count("pgtend_remote_write_refused_samples_total", "Samples that the receiver refused for good.", before.refused,
        now.refused);
  count("pgtend_remote_write_retries_total", "Requests that had to be sent again.", before.retries, now.retries);
  parts_.board
      .gauge("pgtend_remote_write_lag_seconds", "Age of the newest sample that the receiver has.",
             Labels{{"endpoint", sender.name()}})
      .set(static_cast<double>(sender.lag().count()) / 1000.0);
  before = now;
}

}  // namespace pgtend::engine
