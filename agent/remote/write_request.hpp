#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "agent/base/result.hpp"
#include "agent/model/series.hpp"

// One request of Prometheus's remote write, version 1.0.
namespace pgtend::remote {

// Collects series and gives the body of one request. Source: the remote write 1.0 specification, prometheus.io/docs.
class WriteRequest {
 public:
  // Adds one series with its samples, which ascend in time. `external` are labels that the receiver's series get as
  // well; a label of the series itself wins. Values keep their bits, stale markers included.
  void add(const SeriesKey& key, const Labels& external, std::span<const Sample> samples);

  // Adds what is known of a metric: its kind, unit and help, under its name and the one it has from an exporter.
  void add(const MetricDef& metric);

  [[nodiscard]] std::size_t samples() const { return samples_; }
  [[nodiscard]] bool empty() const { return samples_ == 0; }
  // The protobuf message before compression.
  [[nodiscard]] const std::string& message() const { return message_; }
  // The message in snappy's block format, as it is posted.
  // Errors: internal (snappy gave nothing), not retryable.
  [[nodiscard]] Result<std::string> body() const;

 private:
  std::string message_, scratch_;
  std::size_t samples_ = 0;
};

}  // namespace pgtend::remote
