#pragma once

#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/history.hpp"

// What is read out of history for one round of remote write.
namespace pgtend::remote {

// Samples of one request. Source: Prometheus's own max_samples_per_send is 2,000 (10,000 in newer versions); the larger
// one halves the round trips of a catch-up and stays near 100 kB compressed.
inline constexpr std::size_t kRequestSamples = 10'000;
// Samples read at once. Source: 24 bytes each, so that a catch-up holds a few MB at most.
inline constexpr std::size_t kWindowSamples = 100'000;
// A single millisecond may hold more than that; beyond this the window is given up. Source: twice the most series that
// one collector may have in the configuration.
inline constexpr std::size_t kMostSamples = 2'000'000;

// The samples of a stretch of time, cut into requests.
struct Window {
  UtcTime to;  // inclusive
  std::size_t samples = 0;
  struct Part {
    std::string body;  // as posted
    std::size_t samples = 0;
  };
  std::vector<Part> parts;
};

// Reads what lies after `after` and not after `to`, or a shorter stretch from the same start when it would be more than
// kWindowSamples; a stretch that `exact` names is read whole. The same history gives the same parts in the same order.
// Errors: those of HistoryReader::select, retryable when they are. REQUIRES: a thread that may block.
Result<Window> read_window(HistoryReader& reader, UtcTime after, UtcTime to, bool exact, const Labels& external);

}  // namespace pgtend::remote
