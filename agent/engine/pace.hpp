#pragma once

#include <algorithm>

#include "agent/base/clock.hpp"
#include "alerts/notifiers/receiver.hpp"

namespace pgtend::engine {

// How many messages a receiver may get now: a token bucket, and a rest after it did not answer or asked for one.
class Pace {
 public:
  explicit Pace(alerts::SendRate rate) : rate_(rate), tokens_(rate.burst) {}

  // At most `most`; the caller takes what it uses.
  [[nodiscard]] int allowed(Deadline now, int most) {
    refill(now);
    if (now < rest_until_) return 0;
    if (rate_.burst <= 0) return most;
    return std::min(most, static_cast<int>(tokens_));
  }
  void take(Deadline now) {
    refill(now);
    tokens_ = std::max(0.0, tokens_ - 1);
  }
  void rest(Deadline until) { rest_until_ = std::max(rest_until_, until); }
  void answered() { rest_until_ = Deadline{}; }

 private:
  void refill(Deadline now) {
    if (last_ != Deadline{} && now > last_)
      tokens_ = std::min(rate_.burst, tokens_ + rate_.per_second * std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }

  alerts::SendRate rate_;
  double tokens_;
  Deadline last_{}, rest_until_{};
};

}  // namespace pgtend::engine
