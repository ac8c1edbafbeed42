#pragma once

#include <string>
#include <vector>

#include "agent/model/series.hpp"

// Samples in the shape of Prometheus's JSON; private to this folder.
namespace pgtend::api::prometheus {

// A time in seconds, with three decimals unless they are zero.
void append_time(std::string& out, UtcTime time);

// Writes samples of one answer: [seconds,"value"]. All series of a range query have their samples at the same steps,
// and many values are those of the step before: such a text is copied instead of made again.
class SampleTexts {
 public:
  // Appends the samples of one series, with commas between them.
  void append(std::string& out, const std::vector<Sample>& samples);

 private:
  // Room for a time or a value as Prometheus writes it: 24 characters at most, without an exponent.
  struct Text {
    char text[30] = {};
    unsigned char size = 0;
  };
  struct Step {
    UtcTime time;
    Text text;
  };
  // Source: the most steps that a range query may have (Prometheus's limit).
  static constexpr std::size_t kSteps = 11'000;

  const Text& time_text(std::size_t place, UtcTime time);

  std::vector<Step> steps_;  // by place in the series before
  Step other_;
};

}  // namespace pgtend::api::prometheus
