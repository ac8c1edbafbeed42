#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/model/snapshot.hpp"

namespace pgtend::bench {

// One scraped target of a recorded stream: a matrix of values, series by series.
class StreamTarget {
 public:
  // Throws std::runtime_error when a file is missing or does not fit the others.
  StreamTarget(const std::string& folder, std::string name, std::vector<SharedKey> keys);
  ~StreamTarget();
  StreamTarget(const StreamTarget&) = delete;
  StreamTarget& operator=(const StreamTarget&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::span<const std::int64_t> times() const { return times_; }
  [[nodiscard]] const std::vector<SharedKey>& keys() const { return keys_; }
  [[nodiscard]] double at(std::size_t series, std::size_t tick) const { return values_[series * times_.size() + tick]; }
  // A counter starts a new epoch where its value falls, as the collectors would have said.
  [[nodiscard]] bool is_counter(std::size_t series) const { return counter_[series]; }

 private:
  std::string name_;
  std::vector<SharedKey> keys_;  // one object per series, as the collectors have it
  std::vector<bool> counter_;
  std::vector<std::int64_t> times_;
  const double* values_ = nullptr;
  std::size_t mapped_ = 0;
};

struct StreamOptions {
  std::string folder;         // decompressed files
  std::int64_t shift_ms = 0;  // added to every time
  std::size_t every = 1;      // takes each n-th tick
  bool quantise = false;      // rounds what is no integer to 1e-6, as the collectors do with times
};

// A recorded stream as the snapshots that the agent would have made of it.
class Stream {
 public:
  explicit Stream(StreamOptions options);

  struct Tick {
    std::int64_t at = 0;  // ms, shifted
    std::size_t target = 0, tick = 0;
  };
  // In the order of time.
  [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }
  [[nodiscard]] SnapshotPtr snapshot(const Tick& tick);
  [[nodiscard]] const StreamTarget& target(std::size_t index) const { return *targets_[index]; }
  [[nodiscard]] std::size_t targets() const { return targets_.size(); }
  [[nodiscard]] double value(const Tick& tick, std::size_t series) const;
  [[nodiscard]] std::size_t series() const;

 private:
  StreamOptions options_;
  std::vector<std::unique_ptr<StreamTarget>> targets_;
  std::vector<Tick> ticks_;
  struct Counter {
    double last = 0;
    std::uint64_t epoch = 1;
  };
  std::vector<std::vector<Counter>> counters_;
};

}  // namespace pgtend::bench
