#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "agent/change/verify/judge.hpp"

namespace pgtend::test {

// The noise model of the verdict study: an environment that all statements share (AR(1), ρ = 0.9, σ of the log 0.25,
// and a daily wave of ±30 %) and each statement's own noise (σ of the log 0.08 a window).
struct Effect {
  double buffers = 1, exec = 1, wal = 1;  // of the target statements, after / before
  double traffic = 1;                     // calls of the targets, after / before
};

class NoisyServer {
 public:
  explicit NoisyServer(std::uint64_t seed) : random_(seed) {}

  static constexpr std::int64_t kRead = 1, kWrite = 2, kFirstControl = 100;
  static change::StatementSets sets() {
    change::StatementSets out;
    out.targets = {kRead, kWrite};
    out.writes = {kWrite};
    for (std::int64_t i = 0; i < 7; ++i) out.controls.push_back(kFirstControl + i);
    return out;
  }

  std::vector<change::StatementWindow> windows(int count, const Effect& effect) {
    std::vector<change::StatementWindow> out;
    for (int i = 0; i < count; ++i) {
      environment_ = 0.9 * environment_ + normal(0.25 * std::sqrt(1 - 0.81));
      const double wave = 1 + 0.3 * std::sin(minute_ * 2 * M_PI / 1440);
      const double shared = std::exp(environment_) * wave;
      change::StatementWindow window{
          from_ms(1'700'000'000'000 + static_cast<std::int64_t>(minute_) * 60'000), Millis(60'000), {}};
      window.statements[kRead] = one(60 * effect.traffic, 400, 2.0, 0, shared, effect);
      window.statements[kWrite] = one(40 * effect.traffic, 12, 0.4, 90, shared, effect);
      for (std::int64_t c = 0; c < 7; ++c)
        window.statements[kFirstControl + c] =
            one(50, 30 + 20 * static_cast<double>(c), 0.5, c % 3 == 0 ? 150 : 0, shared, Effect());
      out.push_back(std::move(window));
      ++minute_;
    }
    return out;
  }

 private:
  double normal(double sigma) { return std::normal_distribution<double>(0, sigma)(random_); }
  change::StatementCounts one(double calls, double buffers, double ms, double wal, double shared,
                              const Effect& effect) {
    change::StatementCounts out;
    out.calls = std::round(calls * std::exp(normal(0.2)));
    out.buffers = out.calls * buffers * shared * std::exp(normal(0.08)) * effect.buffers;
    out.exec_ms = out.calls * ms * shared * std::exp(normal(0.08)) * effect.exec;
    out.wal_bytes = out.calls * wal * shared * std::exp(normal(0.08)) * effect.wal;
    out.rows = out.calls;
    return out;
  }

  std::mt19937_64 random_;
  double environment_ = 0;
  int minute_ = 0;
};

}  // namespace pgtend::test
