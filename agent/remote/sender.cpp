#include "agent/remote/sender.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "agent/base/log.hpp"
#include "agent/base/strings.hpp"
#include "agent/remote/answer.hpp"
#include "agent/remote/write_request.hpp"

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
  auto out = std::to_string(to_ms(cursor.acknowledged)) + " " + std::to_string(to_ms(cursor.sending));
  for (const auto border : cursor.recent) out += " " + std::to_string(to_ms(border));
  return out;
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  std::vector<UtcTime> times;
  for (const auto& word : split(text, ' ')) {
    const auto time = parse_ms(word);
    if (!time) return std::nullopt;
    times.push_back(*time);
  }
  if (times.size() < 2 || times[1] < times[0]) return std::nullopt;
  Cursor out{times[0], times[1], {times.begin() + 2, times.end()}};
  if (!std::is_sorted(out.recent.begin(), out.recent.end())) return std::nullopt;
  if (!out.recent.empty() && out.recent.back() != out.acknowledged) return std::nullopt;
  return out;
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
    // Once the receiver takes samples, and while nothing is repeated.
    const bool due = doors_.metrics && (!described_ || clock_.steady_now() - *described_ >= kMetadataEvery);
    if (due && part_ == 0 && repeating_.empty() && backoff_.failures() == 0) co_await send_metadata();
    auto pause = co_await send_part();
    co_return pause;
  }
  const bool empty = window_->parts.empty();
  // What is written down during a repetition stays what it was before it, or a crash would change the windows.
  const bool more = repeating_.size() > 1;
  remember_window(cursor_->acknowledged, window_->to);
  const Cursor done{window_->to, more ? cursor_->sending : window_->to, recent_borders()};
  if (!empty && !more) {
    auto saved = co_await doors_.save(done);
    if (!saved) co_return back_off(saved.error());
  }
  cursor_ = done;
  window_.reset();
  if (!repeating_.empty()) repeating_.pop_front();
  co_return empty ? Millis(0) : kCatchUpPause;
}

net::TaskResult<bool> Sender::begin() {
  auto stored = co_await doors_.load();
  if (!stored) co_return fail(std::move(stored.error()), "read the cursor");
  if (!*stored) {
    const UtcTime start = clock_.now() - target_.settle - target_.backfill;
    cursor_ = Cursor{start, start, {}};
    co_return true;
  }
  cursor_ = **stored;
  for (std::size_t i = 1; i < cursor_->recent.size(); ++i) remember_window(cursor_->recent[i - 1], cursor_->recent[i]);
  // Who can say how long this agent was away, and whether the receiver was there all the time?
  repeat_recent();
  co_return true;
}

void Sender::remember_window(UtcTime from, UtcTime to) {
  if (!recent_.empty() && recent_.back().to == to) return;
  if (!recent_.empty() && recent_.back().to != from) recent_.clear();
  // Against the newest, not against now: nobody knows when after its last answer a receiver vanished.
  const Deadline now = clock_.steady_now();
  recent_.push_back({from, to, now});
  while (recent_.front().at + kMayForget < now) recent_.pop_front();
}

std::vector<UtcTime> Sender::recent_borders() const {
  std::vector<UtcTime> out;
  for (const auto& window : recent_) {
    if (out.empty()) out.push_back(window.from);
    out.push_back(window.to);
  }
  return out;
}

// Goes back to the windows that were acknowledged last, and to the one that may have arrived in part.
void Sender::repeat_recent() {
  const auto borders = recent_borders();
  repeating_.clear();
  if (!borders.empty()) {
    repeating_.assign(borders.begin() + 1, borders.end());
    cursor_->acknowledged = borders.front();
  }
  if (cursor_->sending > (borders.empty() ? cursor_->acknowledged : borders.back()))
    repeating_.push_back(cursor_->sending);
  recent_.clear();
  window_.reset();
}

// A wall clock that was set back would leave the cursor in the future, and nothing would be sent until then.
void Sender::follow_clock() {
  const UtcTime newest = clock_.now() - target_.settle;
  if (cursor_->acknowledged <= newest + target_.settle) return;
  log::warn("remote write follows the clock, which was set back",
            {{"endpoint", target_.name}, {"from", to_rfc3339(cursor_->acknowledged)}, {"to", to_rfc3339(newest)}});
  cursor_ = Cursor{newest, newest, {}};
  repeating_.clear();
  recent_.clear();
  ++counts_.clock_steps;
}

// True when a window is there; false when nothing is old enough yet.
net::TaskResult<bool> Sender::load_window() {
  follow_clock();
  const UtcTime after = cursor_->acknowledged, newest = clock_.now() - target_.settle;
  const bool exact = !repeating_.empty();
  const UtcTime to = exact ? repeating_.front() : std::min(newest, after + span_);
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
    const Cursor intent{after, window.to, recent_borders()};
    auto saved = co_await doors_.save(intent);
    if (!saved) co_return fail(std::move(saved.error()), "keep the cursor");
  }
  cursor_->sending = std::max(cursor_->sending, window.to);
  window_ = std::move(window);
  part_ = 0;
  doubtful_ = exact;
  co_return true;
}

void Sender::settle_part(std::uint64_t& count) {
  count += window_->parts[part_].samples;
  ++part_;
  doubtful_ = !repeating_.empty();
  repeated_ = false;
  backoff_.reset();
}

http::ClientRequest Sender::request(std::string body) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = target_.url;
  request.timeout = target_.timeout;
  request.headers = {{"Content-Type", "application/x-protobuf"},
                     {"Content-Encoding", "snappy"},
                     {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  for (const auto& header : target_.headers) request.headers.emplace_back(header);
  request.username = target_.username;
  request.password = target_.password;
  if (!target_.bearer_token.empty()) request.headers.emplace_back("Authorization", "Bearer " + target_.bearer_token);
  request.body = std::move(body);
  request.max_body = 64 * 1024;
  request.truncate_body = true;
  return request;
}

net::TaskResult<http::ClientResponse> Sender::post(std::string body) {
  auto sent = request(std::move(body));
  auto response = co_await client_.send(std::move(sent), connection_);
  if (!response) co_return response;
  keeps_ = keeps_ || !response->connected;
  was_cut_ = was_cut_ || (keeps_ && !announced_end_ && response->connected);
  const auto said = response->headers.find("connection");
  announced_end_ = said != response->headers.end() && to_lower(said->second) == "close";
  co_return response;
}

// Samples never wait for it: what a receiver does not take of it is sent another time.
net::Task<void> Sender::send_metadata() {
  described_ = clock_.steady_now();
  WriteRequest all;
  for (const auto& metric : doors_.metrics()) all.add(metric);
  auto body = all.body();
  if (!body || all.message().empty()) co_return;
  auto response = co_await post(std::move(*body));
  if (response && response->status / 100 == 2) co_return;
  log::debug("remote write could not tell what its metrics are",
             {{"endpoint", target_.name},
              {"reason",
               response ? "the receiver answered " + std::to_string(response->status) : response.error().describe()}});
}

net::Task<Millis> Sender::send_part() {
  const auto& part = window_->parts[part_];
  auto response = co_await post(part.body);
  if (may_have_forgotten()) {
    repeat_recent();
    co_return kCatchUpPause;
  }
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
  if (answer.vanished && !std::exchange(repeated_, true)) repeat_recent();
  co_return std::max(backoff_.next(), answer.retry_after.value_or(Millis(0)));
}

// Whether the answer came from a receiver that may have lost what the ones before it acknowledged.
bool Sender::may_have_forgotten() {
  const Deadline now = clock_.steady_now();
  if (!std::exchange(was_cut_, false) || !repeating_.empty() || recent_.empty()) return false;
  if (cut_at_ && now - *cut_at_ < kCutEvery) return false;
  cut_at_ = now;
  ++counts_.retries;
  log::info("remote write repeats what its receiver, which ended the connection, may have lost",
            {{"endpoint", target_.name}});
  return true;
}

Millis Sender::back_off(const Error& error) {
  if (backoff_.failures() == 0)
    log::warn("remote write cannot go on", {{"endpoint", target_.name}, {"reason", error.describe()}});
  return std::max(backoff_.next(), kCatchUpPause);
}

}  // namespace pgtend::remote
