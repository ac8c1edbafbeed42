#include "agent/engine/backtest_episodes.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace pgtend::engine {

namespace {

// An alert that fires again within this time flaps. Source: how long Prometheus keeps a resolved alert.
constexpr Millis kFlap{900'000};

// The agent did not run then, and evaluated nothing.
bool is_blind(std::span<const TimeRange> blind, UtcTime at) {
  return std::any_of(blind.begin(), blind.end(), [&](const TimeRange& gap) { return gap.from < at && at < gap.to; });
}

// Whether one may be about what the other is about: all labels that both have are alike.
bool agree(const Labels& one, const Labels& other) {
  return std::all_of(one.begin(), one.end(), [&](const auto& label) {
    return !other.has(label.first) || other.get(label.first) == label.second;
  });
}

bool held(std::span<const TimeRange> blind, UtcTime from, UtcTime to, Millis step) {
  return std::any_of(blind.begin(), blind.end(),
                     [&](const TimeRange& gap) { return gap.from <= from + 2 * step && gap.to >= to - 2 * step; });
}

// One alert's way through the moments at which its expression was true.
class Alert {
 public:
  Alert(const Labels& labels, const std::vector<Labels>& series, const LifeTimes& times,
        std::span<const TimeRange> blind, Episodes& out)
      : labels_(labels), series_(series), times_(times), blind_(blind), out_(out) {}

  void see(const Moment& moment) {
    const auto& sample = moment.sample;
    end_before(sample.time);
    if (since_ && !fired_ && sample.time - std::max(*seen_, *since_) > times_.outage_tolerance) since_ = sample.time;
    if (!since_) {
      since_ = sample.time;
      first_ = peak_ = sample.value;
    }
    if (is_worse(sample.value)) peak_ = sample.value;
    if (!fired_ && sample.time - *since_ >= times_.hold) fired_ = moment;
    last_ = seen_ = sample.time;
  }

  // It is held at this moment if it fires; nothing is known of it then: whatever it does.
  void hold(UtcTime at, bool unknown) {
    if (last_ && at <= *last_) return;
    end_before(at);
    if (fired_ || (unknown && since_)) last_ = at;
  }

  void finish(UtcTime at) {
    if (!since_) return;
    const UtcTime over = *last_ + times_.step + allowance();
    if (over > at || held(blind_, *last_, at, times_.step)) {
      if (fired_) record(at, false);
      return;
    }
    end(over);
  }

 private:
  [[nodiscard]] bool is_worse(double value) const {
    if (times_.worse == 0) return std::abs(value - first_) > std::abs(peak_ - first_);
    return times_.worse > 0 ? value > peak_ : value < peak_;
  }

  [[nodiscard]] Millis allowance() const { return fired_ ? times_.keep : times_.gaps * times_.step; }

  void end_before(UtcTime at) {
    if (since_ && at - *last_ > times_.step + allowance() && !held(blind_, *last_, at, times_.step))
      end(*last_ + times_.step + allowance());
  }

  void end(UtcTime at) {
    if (fired_) {
      record(at, true);
    } else {
      ++out_.near_misses;
      out_.longest_near_miss = std::max(out_.longest_near_miss, at - *since_);
    }
    since_.reset();
    fired_.reset();
  }

  void record(UtcTime at, bool ended) {
    if (ended_ && *since_ - *ended_ <= kFlap) ++out_.flaps;
    const auto& element = series_[fired_->series];
    out_.fired.push_back(
        {{element, *since_, fired_->sample.time, at, ended, peak_}, labels_, {element, fired_->sample.value}});
    ended_ = at;
  }

  const Labels& labels_;
  const std::vector<Labels>& series_;
  const LifeTimes& times_;
  std::span<const TimeRange> blind_;
  Episodes& out_;
  std::optional<UtcTime> since_, ended_;
  std::optional<Moment> fired_;
  std::optional<UtcTime> last_, seen_;
  double first_ = 0, peak_ = 0;
};

}  // namespace

Episodes episodes_of(const ActiveTimes& active, const LifeTimes& times, std::span<const TimeRange> blind, UtcTime end) {
  Episodes out;
  for (const auto& [labels, moments] : active.alerts) {
    Alert alert(labels, active.series, times, blind, out);
    const auto holds = active.held.find(labels);
    auto holding = holds == active.held.end() ? std::span<const UtcTime>() : std::span(holds->second);
    auto unknown = std::span(active.unknown);
    const auto hold_until = [&](UtcTime until) {
      for (;;) {
        const bool first = !unknown.empty() && (holding.empty() || unknown.front() <= holding.front());
        auto& next = first ? unknown : holding;
        if (next.empty() || next.front() >= until) return;
        alert.hold(next.front(), first);
        next = next.subspan(1);
      }
    };
    for (const auto& moment : moments) {
      if (is_blind(blind, moment.sample.time)) continue;
      hold_until(moment.sample.time);
      alert.see(moment);
    }
    hold_until(end + times.step);
    alert.finish(end);
  }
  std::stable_sort(out.fired.begin(), out.fired.end(),
                   [](const RuleEpisode& a, const RuleEpisode& b) { return a.told.fired_at < b.told.fired_at; });
  return out;
}

Millis firing_time(std::span<const RuleEpisode> episodes) {
  Millis total{0};
  std::optional<UtcTime> until;
  for (const auto& one : episodes) {
    const UtcTime from = until ? std::max(*until, one.told.fired_at) : one.told.fired_at;
    if (one.told.ended_at > from) total += one.told.ended_at - from;
    until = until ? std::max(*until, one.told.ended_at) : one.told.ended_at;
  }
  return total;
}

std::size_t not_covered(std::span<const RuleEpisode> these, std::span<const RuleEpisode> others) {
  return static_cast<std::size_t>(std::count_if(these.begin(), these.end(), [&](const RuleEpisode& one) {
    return std::none_of(others.begin(), others.end(), [&](const RuleEpisode& other) {
      return other.told.fired_at < one.told.ended_at && one.told.fired_at < other.told.ended_at &&
             agree(one.alert, other.alert);
    });
  }));
}

}  // namespace pgtend::engine
