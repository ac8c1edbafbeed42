#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "agent/change/verify/judge.hpp"

namespace pgtend::test {

struct Effect {
  double buffers = 1, exec = 1, wal = 1;  // of the target statements, after / before
  double traffic = 1;                     // calls of the targets, after / before
  double host = 1;                        // time of every statement, after / before
};

// The noise model of the verdict study, and what production adds to it. All statements share an environment (AR(1), ρ =
// 0.9, σ of the log 0.25, and a daily wave of ±30 %). Each has noise of its own: Student's t of 4 degrees of freedom (σ
// of the log 0.08 a window), more of it in few calls and under load; calls that differ among themselves (coefficient
// of variation 1.5); a rate that wanders (σ 0.4); a share of calls that cost three times as much and that wanders, too;
// and now and then a minute that costs a multiple.
class NoisyServer {
 public:
  explicit NoisyServer(std::uint64_t seed) : random_(seed) {}

  static constexpr std::int64_t kRead = 1, kWrite = 2, kFirstControl = 100;
  static constexpr std::size_t kControls = 7;
  static change::StatementSets sets() {
    change::StatementSets out;
    out.targets = {kRead, kWrite};
    out.writes = {kWrite};
    for (std::size_t i = 0; i < kControls; ++i) out.controls.push_back(kFirstControl + static_cast<std::int64_t>(i));
    return out;
  }

  std::vector<change::StatementWindow> windows(int count, const Effect& effect) {
    std::vector<change::StatementWindow> out;
    for (int i = 0; i < count; ++i) {
      wander(environment_, 0.25);
      const double wave = 1 + 0.3 * std::sin(minute_ * 2 * M_PI / 1440);
      const double shared = std::exp(environment_) * wave;
      change::StatementWindow window{
          from_ms(1'700'000'000'000 + static_cast<std::int64_t>(minute_) * 60'000), Millis(60'000), {}, false};
      window.statements[kRead] = one(own_[kControls], {60 * effect.traffic, 400, 2.0, 0}, shared, effect);
      window.statements[kWrite] = one(own_[kControls + 1], {40 * effect.traffic, 12, 0.4, 90}, shared, effect);
      const Effect none{.host = effect.host};
      for (std::size_t c = 0; c < kControls; ++c)
        window.statements[kFirstControl + static_cast<std::int64_t>(c)] =
            one(own_[c], {50, 30 + 20 * static_cast<double>(c), 0.5, c % 3 == 0 ? 150.0 : 0.0}, shared, none);
      out.push_back(std::move(window));
      ++minute_;
    }
    return out;
  }

 private:
  // What wanders of one statement: the logs of its rate and of the odds of its dear calls.
  struct Own {
    double rate = 0, dear = 0;
  };
  struct Usual {
    double calls, buffers, ms, wal;  // a minute; per call
  };

  double normal(double sigma) { return std::normal_distribution<double>(0, sigma)(random_); }
  // Student's t of 4 degrees of freedom, scaled to this σ.
  double heavy(double sigma) { return std::student_t_distribution<double>(4)(random_) * sigma / std::sqrt(2.0); }
  // AR(1) whose lasting deviation is `sigma`.
  void wander(double& value, double sigma) { value = 0.9 * value + normal(sigma * std::sqrt(1 - 0.81)); }

  change::StatementCounts one(Own& own, const Usual& usual, double shared, const Effect& effect) {
    wander(own.rate, 0.4);
    wander(own.dear, 0.15);
    const double share = 1 / (1 + 4 * std::exp(-own.dear));
    const double mix = (1 + 2 * share) / 1.4;
    change::StatementCounts out;
    out.calls = std::max(1.0, std::round(usual.calls * std::exp(own.rate + normal(0.2))));
    const double sigma = std::sqrt(0.08 * 0.08 * shared + 0.1 / out.calls);
    const double spike = std::uniform_real_distribution<double>(0, 1)(random_) < 0.005
                             ? 1 + std::exponential_distribution<double>(0.5)(random_)
                             : 1;
    out.buffers = out.calls * usual.buffers * shared * mix * std::exp(heavy(sigma)) * effect.buffers * spike;
    const double few = heavy(1.5 / std::sqrt(out.calls));
    const double ms = usual.ms * shared * mix * effect.exec * effect.host * spike;
    out.exec_ms = out.calls * ms * std::exp(heavy(sigma)) * std::max(0.1, 1 + few);
    out.exec_squares = out.exec_ms * out.exec_ms / out.calls * (1 + 1.5 * 1.5);
    out.wal_bytes = out.calls * usual.wal * shared * mix * std::exp(heavy(sigma)) * effect.wal * spike;
    out.rows = out.calls;
    return out;
  }

  std::mt19937_64 random_;
  double environment_ = 0;
  std::array<Own, kControls + 2> own_;
  int minute_ = 0;
};

}  // namespace pgtend::test
