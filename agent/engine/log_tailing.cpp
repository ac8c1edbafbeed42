#include "agent/engine/log_tailing.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/strand.hpp>
#include <utility>

#include "agent/base/log.hpp"
#include "agent/engine/collect_status.hpp"
#include "agent/net/wait.hpp"
#include "agent/store/names.hpp"
#include "collectors/logs/series.hpp"

namespace pgtend::engine {

namespace {

// The server's settings and the rights to the file change seldom; a server that was away may be back soon.
constexpr std::chrono::seconds kLookInterval{60}, kLookRetry{10};
// Lines that come together are read together.
constexpr std::chrono::seconds kShortestPause{1};
// Without a word from inotify, which network folders never give. Files are looked for as often at least.
constexpr std::chrono::seconds kLongestPause{10};
// What is farther behind is skipped: so many seconds of the greatest rate.
constexpr std::int64_t kMostBehind = 16;

}  // namespace

// What the reading thread has: one job at a time, each of which owns it.
struct LogTailing::Tail {
  explicit Tail(std::uint64_t epoch_given) : epoch(epoch_given) {}

  void follow(const logs::LogPlace& at, const std::string& current) {
    if (parser) unreadable_before += parser->unreadable();
    parser = logs::make_parser(at.format, at.line_prefix, [this](const logs::LogEntry& e) { tally.count(e); });
    follower = std::make_unique<tail::Follower>(tail::FollowOptions{at.directory, at.pattern, current});
  }

  // Whether bytes came.
  Result<bool> read(std::int64_t budget, std::int64_t most_behind, bool names_changed) {
    const tail::Receiver receiver{[this](std::string_view bytes) { parser->feed(bytes); },
                                  [this](bool at_line_start) { parser->jump(at_line_start); }};
    auto step = follower->step(budget, most_behind, names_changed, receiver);
    if (!step) return fail(std::move(step.error()));
    reading.read += static_cast<double>(step->read);
    reading.skipped += static_cast<double>(step->skipped);
    reading.behind = static_cast<double>(step->behind);
    if (step->read == 0) parser->pause();
    return step->read > 0;
  }

  std::vector<SeriesSample> samples() {
    reading.unreadable = static_cast<double>(unreadable_before + parser->unreadable());
    return logs::log_samples(tally, reading, epoch);
  }

  const std::uint64_t epoch;
  logs::LogTally tally;
  logs::LogReading reading;
  std::uint64_t unreadable_before = 0;
  std::unique_ptr<logs::LogParser> parser;
  std::unique_ptr<tail::Follower> follower;
  std::optional<logs::LogPlace> place;  // of the io thread alone
};

LogTailing::LogTailing(Parts& parts, CostAccount& cost)
    : parts_(parts), cost_(cost), reader_(net::asio::make_strand(parts.blocking)) {}

LogTailing::~LogTailing() = default;

void LogTailing::enable(bool on) {
  on_ = on;
  // A reload may name another file.
  look_due_ = {};
  if (on) return;
  tail_.reset();
  watch_.reset();
  capability_.reset();
  trouble_.reset();
}

net::Task<void> LogTailing::look() {
  auto ask = [this](std::string sql) {
    cost_.count_query();
    return parts_.lanes.query(pg::Lane::sample, "", "logs", std::move(sql), {},
                              parts_.config->postgresql.statement_timeout);
  };
  auto is_local = [this] {
    const auto sessions = parts_.lanes.sessions();
    return std::any_of(sessions.begin(), sessions.end(), [](const pg::OwnSession& session) { return session.local; });
  };
  const auto& config = parts_.config->postgresql;
  auto found = co_await find_log(ask, config.logs, config.user, is_local, parts_.blocking);
  if (!on_) co_return;
  look_due_ = parts_.clock.steady_now() + (found ? kLookInterval : kLookRetry);
  version_ = parts_.lanes.identity().version_num;
  if (!found) {
    // A log that is read already is read on, above all while the server is away.
    if (!tail_) trouble_ = std::move(found.error());
    co_return;
  }
  trouble_.reset();
  if (!capability_ || capability_->present != found->capability.present)
    log::info(found->place ? "the server's log is read" : "the server's log is not read",
              {{"directory", found->place ? found->place->directory : ""}, {"why", found->capability.effect}});
  capability_ = found->capability;
  if (found->place) co_await follow(std::move(*found));
}

net::Task<void> LogTailing::follow(FoundLog found) {
  if (tail_ && tail_->place == found.place) co_return;
  const auto tail = tail_ ? tail_ : std::make_shared<Tail>(static_cast<std::uint64_t>(::getpid()));
  auto begin = [tail, place = *found.place, current = found.current] {
    tail->follow(place, current);
    return std::make_shared<tail::DirectoryWatch>(place.directory);
  };
  auto watch = co_await net::run_on(reader_, begin);
  if (!on_) co_return;
  tail->place = std::move(found.place);
  tail_ = tail;
  watch_ = std::move(watch);
  wakeup_.ring();
}

net::Task<bool> LogTailing::read() {
  if (!tail_) co_return false;
  const Deadline now = parts_.clock.steady_now();
  const auto rate = parts_.config->postgresql.logs.max_bytes_per_second;
  const auto since = std::clamp<Millis>(std::chrono::duration_cast<Millis>(now - read_at_), Millis(100), kLongestPause);
  read_at_ = now;
  bool names = watch_ && watch_->take();
  if (names || now - scanned_at_ >= kLongestPause) scanned_at_ = now, names = true;
  auto step = [tail = tail_, names, budget = rate * since.count() / 1'000, behind = rate * kMostBehind] {
    return tail->read(budget, behind, names);
  };
  auto done = co_await net::run_on(reader_, step);
  trouble_.reset();
  if (!done) trouble_ = std::move(done.error());
  co_return done && *done;
}

net::Task<void> LogTailing::loop() {
  while (true) {
    const Deadline later = parts_.clock.steady_now() + kLongestPause;
    if (!tail_) {
      co_await wakeup_.wait_until(later);
      continue;
    }
    const bool more = co_await read();
    const Deadline pause = parts_.clock.steady_now() + kShortestPause;
    co_await net::sleep_until(pause);
    // After something came it is looked again, so that an entry is known to be whole.
    if (more) continue;
    // Held: it may be replaced meanwhile, and its descriptor with it.
    const auto watch = watch_;
    if (watch && watch->descriptor() >= 0) {
      co_await net::wait_descriptor(watch->descriptor(), net::Until::read, later);
    } else {
      co_await net::sleep_until(later);
    }
  }
}

net::Task<void> LogTailing::run(std::shared_ptr<Snapshot> snapshot) {
  const bool other = parts_.lanes.identity().version_num != version_;
  if (other || parts_.clock.steady_now() >= look_due_) co_await look();
  if (tail_) {
    auto take = [tail = tail_] { return tail->samples(); };
    auto samples = co_await net::run_on(reader_, take);
    for (auto& sample : samples) {
      // Names of tables come as the bytes of the log.
      if (!store::is_utf8(*sample.key)) sample.key = store::as_utf8(*sample.key);
      snapshot->samples.push_back(std::move(sample));
    }
  }
  if (trouble_) {
    snapshot->status = status_of(*trouble_);
    snapshot->detail = trouble_->describe();
  } else if (capability_ && !capability_->present) {
    snapshot->detail = capability_->effect + "; cure: " + capability_->cure;
    // What nobody asked for is no failure when it is not to be had.
    if (!tail_) snapshot->status = capability_->advice ? CollectStatus::unsupported : CollectStatus::permission;
  }
}

}  // namespace pgtend::engine
