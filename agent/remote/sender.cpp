#include "agent/remote/sender.hpp"

#include <algorithm>
#include <charconv>

#include "agent/base/log.hpp"
#include "agent/remote/answer.hpp"

namespace pgtend::remote {

namespace {

// The first window of a catch-up; it grows while it holds little.
constexpr Millis kFirstSpan{60'000};
constexpr Millis kLongestSpan{6LL * 3600 * 1000};
// Source: Prometheus retries between 30 ms and 5 s; a receiver that is down for longer is asked every half minute.
constexpr net::BackoffLimits kRetry{Millis(250), Millis(5'000), Millis(60'000), Millis(30'000)};

std::optional<UtcTime> parse_ms(std::string_view text) {
  std::int64_t ms = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return from_ms(ms);
}

}  // namespace

std::string to_text(const Cursor& cursor) {
  return std::to_string(to_ms(cursor.acknowledged)) + " " + std::to_string(to_ms(cursor.sending));
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto acknowledged = parse_ms(text.substr(0, space)), sending = parse_ms(text.substr(space + 1));
  if (!acknowledged || !sending || *sending < *acknowledged) return std::nullopt;
  return Cursor{*acknowledged, *sending};
}

Sender::Sender(Target target, Doors doors, http::Client& client, const Clock& clock, std::uint64_t seed)
    : target_(std::move(target)),
      doors_(std::move(doors)),
      client_(client),
      clock_(clock),
      backoff_(kRetry, clock, seed),
      span_(kFirstSpan) {}

Millis Sender::lag() const {
  return cursor_ ? clock_.now() - cursor_->acknowledged : Millis(0);
}

net::Task<Millis> Sender::step() {
  if (!cursor_) {
    auto begun = co_await begin();
    if (!begun) co_return back_off(begun.error());
  }
  if (!window_) {
    auto loaded = co_await load_window();
    if (!loaded) co_return back_off(loaded.error());
    if (!*loaded) co_return kPause;
  }
  if (part_ < window_->parts.size()) {
    auto pause = co_await send_part();
    co_return pause;
  }
  const bool empty = window_->parts.empty();
  const Cursor done{window_->to, window_->to};
  if (!empty) {
    auto saved = co_await doors_.save(done);
    if (!saved) co_return back_off(saved.error());
  }
  cursor_ = done;
  window_.reset();
  repeating_ = false;
  co_return empty ? Millis(0) : kCatchUpPause;
}

net::TaskResult<bool> Sender::begin() {
  auto stored = co_await doors_.load();
  if (!stored) co_return fail(std::move(stored.error()), "read the cursor");
  if (*stored) {
    cursor_ = **stored;
    repeating_ = cursor_->sending > cursor_->acknowledged;
  } else {
    const UtcTime start = clock_.now() - target_.settle - target_.backfill;
    cursor_ = Cursor{start, start};
  }
  co_return true;
}

// A wall clock that was set back would leave the cursor in the future, and nothing would be sent until then.
void Sender::follow_clock() {
  const UtcTime newest = clock_.now() - target_.settle;
  if (cursor_->acknowledged <= newest + target_.settle) return;
  log::warn("remote write follows the clock, which was set back",
            {{"endpoint", target_.name}, {"from", to_rfc3339(cursor_->acknowledged)}, {"to", to_rfc3339(newest)}});
  cursor_ = Cursor{newest, newest};
  repeating_ = false;
  ++counts_.clock_steps;
}

// True when a window is there; false when nothing is old enough yet.
net::TaskResult<bool> Sender::load_window() {
  follow_clock();
  const UtcTime after = cursor_->acknowledged, newest = clock_.now() - target_.settle;
  const bool exact = repeating_;
  const UtcTime to = exact ? cursor_->sending : std::min(newest, after + span_);
  if (to <= after) co_return false;
  auto job = [open = doors_.open_reader, reader = reader_, after, to, exact,
              labels = target_.labels]() mutable -> Result<std::pair<std::shared_ptr<HistoryReader>, Window>> {
    if (!reader) {
      auto opened = open();
      if (!opened) return fail(std::move(opened.error()));
      reader = std::move(*opened);
    }
    auto window = read_window(*reader, after, to, exact, labels);
    if (!window) return fail(std::move(window.error()));
    return std::make_pair(std::move(reader), std::move(*window));
  };
  auto read = co_await net::run_on(doors_.blocking, std::move(job));
  if (!read) {
    reader_.reset();
    co_return fail(std::move(read.error()), "read history");
  }
  reader_ = std::move(read->first);
  auto window = std::move(read->second);
  const bool was_cut = window.to < to;
  if (was_cut) span_ = std::max(window.to - after, Millis(1));
  if (!was_cut && window.samples < kWindowSamples / 4) span_ = std::min(span_ * 2, kLongestSpan);
  if (!window.parts.empty() && !exact) {
    // The intent comes first: after a crash it says what a receiver may have got without our knowing.
    const Cursor intent{after, window.to};
    auto saved = co_await doors_.save(intent);
    if (!saved) co_return fail(std::move(saved.error()), "keep the cursor");
  }
  cursor_->sending = window.to;
  window_ = std::move(window);
  part_ = 0;
  doubtful_ = repeating_;
  co_return true;
}

void Sender::settle_part(std::uint64_t& count) {
  count += window_->parts[part_].samples;
  ++part_;
  doubtful_ = repeating_;
  backoff_.reset();
}

net::Task<Millis> Sender::send_part() {
  const auto& part = window_->parts[part_];
  http::ClientRequest request;
  request.method = "POST";
  request.url = target_.url;
  request.timeout = target_.timeout;
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  if (!target_.bearer_token.empty()) request.headers.emplace_back("Authorization", "Bearer " + target_.bearer_token);
  request.body = part.body;
  request.max_body = 64 * 1024;
  request.truncate_body = true;
  auto response = co_await client_.send(std::move(request));
  const auto answer = response ? judge(response->status, response->headers, clock_.now()) : judge(response.error());
  switch (answer.fate) {
    case Fate::taken:
      settle_part(counts_.sent);
      co_return Millis(0);
    case Fate::refused:
      if (doubtful_) {
        settle_part(counts_.repeated);
        co_return Millis(0);
      }
      log::warn("remote write refused samples, which are not sent again",
                {{"endpoint", target_.name}, {"reason", answer.reason}, {"samples", std::to_string(part.samples)}});
      settle_part(counts_.refused);
      co_return kCatchUpPause;
    case Fate::later:
      break;
  }
  ++counts_.retries;
  doubtful_ = doubtful_ || answer.doubtful;
  if (backoff_.failures() == 0)
    log::warn("remote write waits for its receiver", {{"endpoint", target_.name}, {"reason", answer.reason}});
  co_return std::max(backoff_.next(), answer.retry_after.value_or(Millis(0)));
}

Millis Sender::back_off(const Error& error) {
  if (backoff_.failures() == 0)
    log::warn("remote write cannot go on", {{"endpoint", target_.name}, {"reason", error.describe()}});
  return std::max(backoff_.next(), kCatchUpPause);
}

}  // namespace pgtend::remote
