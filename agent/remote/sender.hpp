#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/clock.hpp"
#include "agent/http/client.hpp"
#include "agent/model/history.hpp"
#include "agent/net/backoff.hpp"
#include "agent/net/task.hpp"
#include "agent/remote/window.hpp"

// Sends stored samples on to an engine that speaks Prometheus's remote write.
namespace pgtend::remote {

// How far a receiver has come. It is kept where a crash does not reach it.
struct Cursor {
  UtcTime acknowledged;  // everything up to here, inclusive, has arrived
  UtcTime sending;       // the window up to here may have arrived in part; equal to acknowledged when there is none
  // Borders of the windows acknowledged last, ascending up to `acknowledged`: a receiver that is killed may lose them.
  std::vector<UtcTime> recent;
};

// "ACKNOWLEDGED SENDING [BORDER...]" in milliseconds since 1970, and back; nullopt when malformed.
[[nodiscard]] std::string to_text(const Cursor& cursor);
[[nodiscard]] std::optional<Cursor> parse_cursor(std::string_view text);

struct Target {
  std::string name;          // label `endpoint` of the agent's own metrics
  std::string url;           // may be a secret: it is never logged
  std::string bearer_token;  // empty: none
  std::string username, password;
  std::map<std::string, std::string> headers;
  Labels labels;  // added to every series
  Millis timeout{30'000};
  Millis backfill{0};  // how much of what is already stored a new receiver gets
  // Samples become visible to readers at most this long after their time; younger ones wait.
  Millis settle{15'000};
};

// What the sender asks of the rest of the agent.
struct Doors {
  std::function<Result<std::unique_ptr<HistoryReader>>()> open_reader;  // called on the blocking executor
  std::function<net::TaskResult<std::optional<Cursor>>()> load;
  std::function<net::TaskResult<bool>(Cursor)> save;  // on disk when it returns
  net::asio::any_io_executor blocking;
  std::function<std::vector<MetricDef>()> metrics = {};  // what is known of them now; empty: nothing is sent of it
};

struct SenderCounts {
  std::uint64_t sent = 0;      // samples acknowledged
  std::uint64_t repeated = 0;  // samples of requests that the receiver turned out to have already
  std::uint64_t refused = 0;   // samples that the receiver will not take; they are not sent again
  std::uint64_t retries = 0;   // requests that have to be sent again
  std::uint64_t clock_steps = 0;
};

// Between two looks for new samples. Source: the shortest shipped interval is 10 s.
inline constexpr Millis kPause{5'000};
// What a receiver acknowledged in this time before its last answer, when it then vanishes, is sent to it again. Source:
// VictoriaMetrics keeps up to 5 s of acknowledged samples in memory (its documentation; 6 s were seen to be lost to
// kill -9); twice that.
inline constexpr Millis kMayForget{10'000};
// A connection that ends is taken for a loss at most this often, or a receiver that ends every one would get everything
// over and over: its traffic is doubled at worst.
inline constexpr Millis kCutEvery = 2 * kMayForget;
// Between two requests of a catch-up: at most 100,000 samples a second, so that a receiver's return is no load peak.
inline constexpr Millis kCatchUpPause{100};

// What is known of the metrics is sent in a request of its own this often, while samples are. Source: Prometheus does
// so every minute by default; it changes with a release, and a receiver that was restarted may do without for so long.
inline constexpr Millis kMetadataEvery{600'000};

// Sends to one receiver, one request at a time, in the order of time. What is not acknowledged stays in history, which
// is the only queue: an outage costs no memory, and is over when history has been read up to now.
// A request is repeated byte by byte until it is answered, across restarts too, so that a receiver that refuses what it
// has already (Prometheus does, whole requests at a time) is understood. So are the last ones before a receiver
// vanished, or ended a connection that it had kept. REQUIRES: one coroutine at a time, on the io thread; `client` and
// `clock` outlive it.
class Sender {
 public:
  Sender(Target target, Doors doors, http::Client& client, const Clock& clock, std::uint64_t seed);

  // One request, or a look whether there is one. Result: how long to wait before the next step. Errors are waits: they
  // are counted and logged.
  net::Task<Millis> step();

  [[nodiscard]] const SenderCounts& counts() const { return counts_; }
  // Age in milliseconds of the newest sample acknowledged; 0 before the first step.
  [[nodiscard]] Millis lag() const;
  [[nodiscard]] const std::string& name() const { return target_.name; }

 private:
  net::TaskResult<bool> begin();
  net::TaskResult<bool> load_window();
  net::Task<Millis> send_part();
  net::Task<void> send_metadata();
  net::TaskResult<http::ClientResponse> post(std::string body);
  [[nodiscard]] http::ClientRequest request(std::string body) const;
  void follow_clock();
  void repeat_recent();
  bool may_have_forgotten();
  void remember_window(UtcTime from, UtcTime to);
  [[nodiscard]] std::vector<UtcTime> recent_borders() const;
  Millis back_off(const Error& error);
  void settle_part(std::uint64_t& count);

  const Target target_;
  const Doors doors_;
  http::Client& client_;
  const Clock& clock_;
  net::Backoff backoff_;
  std::shared_ptr<HistoryReader> reader_;
  std::optional<Cursor> cursor_;
  std::optional<Window> window_;  // being sent
  std::size_t part_ = 0;          // the next of its parts
  bool doubtful_ = false;         // the part may have arrived in an attempt whose answer did not
  // Ends of windows that were sent before and are sent again, just as they were; the next one first.
  std::deque<UtcTime> repeating_;
  bool repeated_ = false;  // since the receiver last answered
  // One connection for all requests. Where the receiver keeps it and it had to be made anew, without its having said
  // so, it may have been killed and be back, without anybody asking it meanwhile.
  std::shared_ptr<http::KeptConnection> connection_ = std::make_shared<http::KeptConnection>();
  bool keeps_ = false, announced_end_ = false, was_cut_ = false;
  std::optional<Deadline> cut_at_;  // when that was last taken for a loss
  struct Acknowledged {
    UtcTime from, to;
    Deadline at;
  };
  std::deque<Acknowledged> recent_;
  Millis span_;                        // the window to try next
  std::optional<Deadline> described_;  // when metadata was sent last
  SenderCounts counts_;
};

}  // namespace pgtend::remote
